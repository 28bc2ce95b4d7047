"""The OpenAPI document, where it needs more than smorest finds by itself."""

from __future__ import annotations

from typing import Any

from flask_smorest import Api
from marshmallow import fields

from heedback_service.web.api.schemas import EVENTS, AnyEvent


def describe(api: Api) -> None:
    """Add how one authenticates, and that an event is one of four kinds; leave out what no operation uses."""
    api.spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "bearerFormat": "hb_sk_<kid>_<secret>"}
    )
    api.ma_plugin.converter.add_attribute_function(_kinds)
    del api.spec.components.schemas["PaginationMetadata"]


def _kinds(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, AnyEvent):
        return {}
    kinds = {name: converter.resolve_nested_schema(schema) for name, schema in EVENTS.items()}
    return {
        "oneOf": list(kinds.values()),
        "discriminator": {"propertyName": "type", "mapping": {name: ref["$ref"] for name, ref in kinds.items()}},
    }
