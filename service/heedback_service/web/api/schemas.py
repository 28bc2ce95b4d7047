"""The wire, version 1: what each event may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from heedback import limits
from heedback_service.web.api.fields import (
    AnyEvent,
    EventId,
    Few,
    Fits,
    Id,
    Metadata,
    Moment,
    Name,
    Number,
    Text,
    Whole,
    YesNo,
)
from heedback_service.web.api.quick import UNSURE, lane
from heedback_widgets.values import SCALES

REFERENCES: Final = ("output_id", "trace_id", "response_id", "join_key")


def _reasons() -> Few:
    key = Text(validate=[Fits(limits.REASON_PATTERN)], allow_none=False)
    return Few(key, most=limits.MAX_REASONS)


class EventSchema(Schema):
    """What every event has."""

    type = fields.String(required=True)
    id = EventId(required=True, metadata={"description": "A fresh UUIDv7: the idempotency key."})
    occurred_at = Moment(required=True)
    feature = fields.String(
        required=True,
        validate=Fits(limits.FEATURE_PATTERN),
        metadata={"description": "The AI use case: letters, digits and . _ : / -, at most 100 of them."},
    )


class DimensionsSchema(Schema):
    """What outputs are split by."""

    user_group = Name()
    provider = Name()
    request_model = Name()
    response_model = Name()
    system_fingerprint = Name()
    prompt_name = Name()
    prompt_version = Name()
    app_version = Name()
    environment = Name()
    surface = Name()


class OutputSchema(EventSchema, DimensionsSchema):
    """One AI output that was shown to somebody."""

    type = fields.String(required=True, validate=validate.Equal("output"))
    user = Name(metadata={"description": "A pseudonym, never a name or an address."})
    session_id = Name()
    conversation_id = Name()
    response_id = Name()
    locale = Name()
    join_key = Name()
    trace_id = Text(validate=[Fits(r"^[0-9a-f]{32}$")])
    span_id = Text(validate=[Fits(r"^[0-9a-f]{16}$")])
    latency_ms = Number(least=0, most=limits.MAX_LATENCY_MS)
    input_tokens = Whole(most=limits.MAX_TOKENS)
    output_tokens = Whole(most=limits.MAX_TOKENS)
    cost_usd = Number(least=0, most=limits.MAX_COST_USD)
    error_type = Name()
    finish_reasons = Few(Name(allow_none=False), most=20)
    probe = YesNo(metadata={"description": "A known-bad output, shown on purpose."})
    input = Text(utf8=limits.TEXT_BYTES)
    output = Text(utf8=limits.TEXT_BYTES)
    metadata = Metadata()


class RuledSchema(Schema):
    """A schema with a rule about several fields at once, applied once each of them is right by itself."""

    def rule(self, data: Mapping[str, Any]) -> None:
        """Raises ValidationError."""
        raise NotImplementedError

    @validates_schema(skip_on_field_errors=True)
    def _obeys(self, data: Mapping[str, Any], **_: Any) -> None:
        self.rule(data)


class RatingSchema(RuledSchema):
    value = Number(
        least=-limits.MAX_VALUE,
        most=limits.MAX_VALUE,
        required=True,
        metadata={"description": "thumbs: 1 is up, 0 is down; stars: a whole number from 1 to 5; score: 0 to 1."},
    )
    scale = fields.String(required=True, validate=validate.OneOf(SCALES))

    def rule(self, data: Mapping[str, Any]) -> None:
        rule, does = SCALES[data["scale"]]
        if not does(data["value"]):
            raise ValidationError(rule, "value")


class FeedbackSchema(EventSchema, RuledSchema):
    """What one person says about one output. A patch: absent is unchanged, null is cleared.

    It names its output by output_id, or by trace_id (with span_id), response_id or join_key.
    """

    type = fields.String(required=True, validate=validate.Equal("feedback"))
    output_id = Id(allow_none=True)
    trace_id = Text(validate=[Fits(r"^[0-9a-f]{32}$")])
    span_id = Text(validate=[Fits(r"^[0-9a-f]{16}$")])
    response_id = Name()
    join_key = Name()
    user = Name(metadata={"description": "A pseudonym, never a name or an address."})
    rating = fields.Nested(RatingSchema, allow_none=True)
    flag = YesNo(allow_none=True, validate=validate.Equal(True))
    flag_reasons = _reasons()
    reasons = _reasons()
    reasons_version = Whole(least=1, most=limits.MAX_REASONS_VERSION)
    comment = Text(characters=limits.COMMENT_CHARS)
    correction = Text(characters=limits.CORRECTION_CHARS)
    source = fields.String(validate=validate.OneOf(limits.SOURCES), load_default="end_user")
    asked = YesNo(allow_none=True)
    surface = Name()
    locale = Name()
    metadata = Metadata()
    retracted = YesNo(validate=validate.Equal(True))
    context = fields.Nested(DimensionsSchema, allow_none=True)

    def rule(self, data: Mapping[str, Any]) -> None:
        for name in REFERENCES:
            if data.get(name) is not None:
                return
        raise ValidationError("Give output_id, trace_id, response_id or join_key.", "output_id")


class SignalSchema(EventSchema):
    """Implicit evidence on an output."""

    type = fields.String(required=True, validate=validate.Equal("signal"))
    output_id = Id(required=True)
    user = Name()
    name = fields.String(required=True, validate=validate.OneOf(limits.SIGNALS))
    value = Number(least=-limits.MAX_VALUE, most=limits.MAX_VALUE)
    metadata = Metadata()


class OutputTextSchema(EventSchema):
    """Texts that follow their output."""

    type = fields.String(required=True, validate=validate.Equal("output_text"))
    output_id = Id(required=True)
    input = Text(utf8=limits.TEXT_BYTES)
    output = Text(utf8=limits.TEXT_BYTES)


EVENTS: Final[Mapping[str, Schema]] = {
    "output": OutputSchema(),
    "feedback": FeedbackSchema(),
    "signal": SignalSchema(),
    "output_text": OutputTextSchema(),
}
_KIND: Final = f"Must be one of: {', '.join(EVENTS)}."


class EnvelopeSchema(Schema):
    """One request. Fields that a newer SDK may add are left out."""

    class Meta:
        unknown = EXCLUDE

    sent_at = Moment(required=True, metadata={"description": "The sender's clock when it sends."})
    sdk = Text(characters=100)
    redactor = Whole(least=1, most=1_000_000, metadata={"description": "The version of the rules already applied."})
    dropped = fields.Dict(
        keys=fields.String(validate=Fits(limits.REASON_PATTERN)),
        values=Whole(most=limits.MAX_DROPPED, allow_none=False),
        validate=validate.Length(max=50),
        metadata={"description": "What the sender had to drop since it last said so, by reason."},
    )
    events = fields.List(AnyEvent(allow_none=True), required=True, validate=validate.Length(max=limits.MAX_EVENTS))


class RejectionSchema(Schema):
    index = fields.Integer(required=True)
    id = fields.String(required=True, allow_none=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)


class AnswerSchema(Schema):
    """Sent after the commit: what is accepted is stored."""

    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    rejected = fields.List(fields.Nested(RejectionSchema), required=True)


class WidgetTicketSchema(Schema):
    """What a browser has in the place of a key."""

    ticket = fields.String(required=True, metadata={"description": "As the host's SDK has signed it."})


class WidgetPostSchema(WidgetTicketSchema):
    """What one person says about one output, straight from a browser."""

    sent_at = Moment(required=True, metadata={"description": "The browser's clock when it sends."})
    events = fields.List(
        fields.Dict(),
        required=True,
        validate=validate.Length(max=limits.WIDGET_EVENTS),
        metadata={"description": "Feedback (also without a type) and signals, without what the ticket binds."},
    )


class SaidSchema(Schema):
    """The fields that hold something."""

    rating = fields.Nested(RatingSchema)
    flag = fields.Boolean()
    flag_reasons = fields.List(fields.String())
    reasons = fields.List(fields.String())
    reasons_version = fields.Integer()
    comment = fields.String()
    correction = fields.String()


class WidgetStateSchema(Schema):
    """What one person has said about one output; `known` alone, when it is nobody in particular."""

    known = fields.Boolean(required=True)
    feedback = fields.Nested(SaidSchema)
    signals = fields.List(fields.String(), metadata={"description": "Names of those that were heard of this person."})
    at = fields.AwareDateTime(allow_none=True, metadata={"description": "Of the newest word, by the service's clock."})
    event_id = fields.UUID(allow_none=True, metadata={"description": "Of the newest word."})
    edits_left = fields.Integer(metadata={"description": "How many more feedback events will be taken."})


_ENVELOPE: Final = EnvelopeSchema()
_ENVELOPE_LANE: Final = lane(_ENVELOPE)
_LANES: Final = {name: lane(schema) for name, schema in EVENTS.items()}


def load_event(raw: Any) -> dict[str, Any]:
    """One event, as its schema loads it.

    Raises:
        ValidationError: with the messages by field.
    """
    try:
        return _LANES[raw["type"]](raw)
    except UNSURE:
        return _load_slowly(raw)


def load_envelope(raw: Any) -> dict[str, Any]:
    """One request's body, its events not looked into yet.

    Raises:
        ValidationError: with the messages by field.
    """
    try:
        return _ENVELOPE_LANE(raw)
    except UNSURE:
        envelope: dict[str, Any] = _ENVELOPE.load(raw)
        return envelope


def _load_slowly(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValidationError({"event": ["Not an object."]})
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise ValidationError({"type": [_KIND]})
    event: dict[str, Any] = EVENTS[kind].load(raw)
    return event
