"""The OpenAPI document, where it needs more than smorest finds by itself.

It is as strict as the service: an event that fits the document is accepted, and a test generates events to see that.
"""

from __future__ import annotations

from typing import Any, Final

from flask_smorest import Api
from marshmallow import fields

from heedback import limits
from heedback_service.web.api.fields import AnyEvent, Text
from heedback_service.web.api.schemas import EVENTS, REFERENCES

_NO_NUL: Final = "^[^\\u0000]*$"


def describe(api: Api) -> None:
    """Add how one authenticates, and what marshmallow's fields do not tell. Before any blueprint is registered."""
    api.spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "bearerFormat": "hb_sk_<kid>_<secret>"}
    )
    for more in (_kinds, _text, _pairs):
        api.ma_plugin.converter.add_attribute_function(more)
    del api.spec.components.schemas["PaginationMetadata"]


def refine(api: Api) -> None:
    """Add the rules that concern several fields at once. After the blueprints are registered."""
    schemas = api.spec.components.schemas
    schemas["Rating"]["oneOf"] = [
        _scale("thumbs", {"enum": [0, 1]}),
        _scale("stars", {"enum": [1, 2, 3, 4, 5]}),
        _scale("score", {"type": "number", "minimum": 0, "maximum": 1}),
    ]
    schemas["Feedback"]["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in REFERENCES
    ]


def _scale(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"scale": {"const": name}, "value": value}}


def _kinds(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, AnyEvent):
        return {}
    kinds = {name: converter.resolve_nested_schema(schema) for name, schema in EVENTS.items()}
    return {
        "oneOf": list(kinds.values()),
        "discriminator": {"propertyName": "type", "mapping": {name: ref["$ref"] for name, ref in kinds.items()}},
    }


def _text(_converter: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, Text):
        return {}
    # Characters are not bytes, but so many characters are never too few.
    size = {"maxLength": limits.TEXT_BYTES} if field.utf8 else {}
    said = {"description": f"At most {limits.TEXT_BYTES} bytes of UTF-8."} if field.utf8 else {}
    return size | said | ({} if "pattern" in ret else {"pattern": _NO_NUL})


def _pairs(converter: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, fields.Dict) or field.key_field is None:
        return {}
    keys = converter.field2property(field.key_field)
    most = {"maxProperties": ret.pop("maxLength")} if "maxLength" in ret else {}
    return most | {"propertyNames": keys}
