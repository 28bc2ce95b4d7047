"""The API for people: `/openapi.json` as a page. Public, as that document is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app, make_response, render_template
from flask.typing import ResponseReturnValue

from heedback_service.web.pages.blueprint import pages

# A test sends the request and compares the answer.
REQUEST: Final = """\
{
  "sent_at": "2026-11-16T09:13:05.120Z",
  "events": [
    {
      "type": "output",
      "id": "019a8bd0-0000-7000-8000-000000000001",
      "occurred_at": "2026-11-16T09:12:00.000Z",
      "feature": "invoice-summary",
      "prompt_version": "v13",
      "output": "The total is 12."
    },
    {
      "type": "feedback",
      "id": "019a8bd0-0000-7000-8000-000000000002",
      "occurred_at": "2026-11-16T09:13:00.000Z",
      "feature": "invoice-summary",
      "output_id": "019a8bd0-0000-7000-8000-000000000001",
      "rating": {"value": 0, "scale": "thumbs"},
      "comment": "The total leaves out the VAT"
    },
    {
      "type": "signal",
      "id": "not-an-id",
      "occurred_at": "2026-11-16T09:13:00.000Z",
      "feature": "invoice-summary",
      "output_id": "019a8bd0-0000-7000-8000-000000000001",
      "name": "copied"
    }
  ]
}"""
ANSWER: Final = """\
{
  "accepted": 2,
  "duplicates": 0,
  "rejected": [
    {"index": 2, "id": "not-an-id", "errors": {"id": ["Not a valid UUID."]}}
  ]
}"""
_KINDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_FORMATS: Final = {"date-time": "time (RFC 3339, with a zone)", "uuid": "UUID"}


@dataclass(frozen=True, slots=True)
class Part:
    """A field of an object: its type in words, what narrows it, and which other object it is."""

    name: str
    kind: str
    links: tuple[str, ...]
    needed: bool
    limits: str
    about: str


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of the API."""

    name: str
    about: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    about: str
    takes: str  # the shape of the body; empty if there is none
    needs_key: bool
    answers: tuple[tuple[str, str], ...]


@pages.get("/docs")
def api_docs() -> ResponseReturnValue:
    document = make_response(current_app.view_functions["api-docs.openapi_json"]()).get_json()
    return render_template(
        "docs.html",
        operations=list(operations(document)),
        shapes=[shape(name, each) for name, each in document["components"]["schemas"].items()],
        request_sample=REQUEST,
        answer_sample=ANSWER,
    )


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if method == "parameters":  # of all of them
                continue
            answers = sorted(said["responses"].items())
            yield Operation(
                method.upper(),
                path,
                said.get("summary", ""),
                said.get("description", ""),
                _takes(said.get("requestBody", {})),
                bool(said.get("security")),
                tuple((status, _resolved(document, answer)["description"]) for status, answer in answers),
            )


def _takes(body: Mapping[str, Any]) -> str:
    shapes = (each["schema"].get("$ref", "") for each in body.get("content", {}).values())
    return next(filter(None, (shape.rpartition("/")[2] for shape in shapes)), "")


def shape(name: str, schema: Mapping[str, Any]) -> Shape:
    needed = schema.get("required", ())
    ordered = sorted(schema["properties"].items(), key=lambda field: field[0] not in needed)
    return Shape(
        name, schema.get("description", ""), tuple(_part(field, each, field in needed) for field, each in ordered)
    )


def _part(name: str, schema: Mapping[str, Any], needed: bool) -> Part:
    return Part(name, _kind(schema), tuple(_links(schema)), needed, _limits(schema), schema.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(json.dumps(value).strip('"') for value in schema["enum"])
    kinds = schema.get("type", [])
    named = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    if "array" in named:
        return f"list of {_kind(schema['items'])}".rstrip()
    if "object" in named:
        return "object of any keys"
    return _FORMATS.get(schema.get("format", "")) or " or ".join(_KINDS.get(kind, kind) for kind in named)


def _links(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].rsplit("/", 1)[1]
    listed = [schema["items"]] if "items" in schema else []
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *listed):
        yield from _links(inner)


def _limits(schema: Mapping[str, Any]) -> str:
    """What narrows the type, in words."""
    kinds = () if "enum" in schema else schema.get("type", ())
    said = ["or null"] if "null" in kinds or {"type": "null"} in schema.get("anyOf", ()) else []
    for key, words in (("maxLength", "characters"), ("maxItems", "entries"), ("maxProperties", "keys")):
        said += [f"at most {schema[key]:,} {words}"] if key in schema else []
    if "minimum" in schema:
        said.append(f"from {schema['minimum']:,.0f} to {schema['maximum']:,.0f}")
    if not schema.get("pattern", "^[^").startswith("^[^"):
        said.append(f"fits {schema['pattern']}")
    return ", ".join(said)


def _resolved(document: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in answer:
        return answer
    found: Mapping[str, Any] = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    return found
