"""Every public call used wrongly: harmless in production, told at once when strict, nothing at all when disabled."""

from __future__ import annotations

import enum
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import heedback
from heedback import Client, limits
from heedback.errors import told
from heedback.fields import FeedbackFields, OutputFields, SignalFields
from heedback.testing import MemoryTransport, memory_client
from heedback_service.web.api.schemas import load_event

AN_ID = "019aa000-0000-7000-8000-000000000001"
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


class Hostile:
    """Whatever is asked of it, it raises: no text, no truth, no comparison, no hash."""

    def _refuse(self, *_: Any) -> Any:
        raise RuntimeError("not today")

    __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __format__ = _refuse

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("_") else RuntimeError("not today")

    def __repr__(self) -> str:
        return "<hostile>"  # to those who report on the tests


class HostileMapping(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise RuntimeError("not today")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not today")

    def __len__(self) -> int:
        return 3


class Nowhere(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        raise RuntimeError("not today")


class Deployment(str, enum.Enum):  # noqa: UP042 this is how most of them are written
    LIVE = "production"


@dataclass(frozen=True)
class Wrong:
    """A wrong call, what is counted of it (a field that is left out; None: the whole call), and what is said."""

    name: str
    call: Callable[[Any], object]
    says: tuple[str, ...]  # the argument, what it takes, what was given
    left_out: str | None = None
    given: dict[str, Any] = field(default_factory=dict)


def dropped(name: str, call: Callable[[Any], object], *says: str) -> Wrong:
    return Wrong(name, call, says)


def output_detail(name: str, value: object, *says: str, wrong: str = "") -> Wrong:
    fields: Any = {name: value}
    return Wrong(f"output {name}={wrong or told(value)}", lambda c: c.output("f", **fields), (f"{name}: ", *says), name)


def feedback_detail(name: str, value: object, *says: str, wrong: str = "") -> Wrong:
    fields: Any = {name: value}
    return Wrong(
        f"rate {name}={wrong or told(value)}",
        lambda c: c.rate(an_output(c), "down", **fields),
        (f"{name}: ", *says),
        name,
    )


def an_output(client: Client) -> heedback.Output:
    return heedback.Output(AN_ID, "f", None, client)


HOSTILE: Any = Hostile()
NAMES = (
    *("user_group", "session_id", "conversation_id", "provider", "request_model", "response_model"),
    *("system_fingerprint", "response_id", "prompt_name", "prompt_version", "app_version", "environment", "surface"),
    *("locale", "join_key", "error_type"),
)
NO_NAMES: list[tuple[object, str]] = [
    ("", "not ''"),
    ("x" * 201, "not text of 201 characters"),
    (b"bytes", "not a value of type bytes"),
    (True, "not True"),
    (1.10, "not 1.1"),
    (["gpt"], "not a value of type list"),
]
NO_NUMBERS: list[tuple[object, str]] = [
    ("12", "not text of 2 characters"),
    (True, "not True"),
    (-1, "not -1"),
    (float("nan"), "not nan"),
    (float("inf"), "not inf"),
    (10**400, "not a value of type int"),
    (b"1", "not a value of type bytes"),
]
NO_TEXTS: list[tuple[object, str]] = [
    (17, "not 17"),
    (b"bytes", "not a value of type bytes"),
    ({"role": "user"}, "not a value of type dict"),
    (["a", "b"], "not a value of type list"),
]
NO_MAPPINGS: list[tuple[object, str]] = [
    ("text", "not 'text'"),
    (["k"], "not a value of type list"),
    (b"k", "not a value of type bytes"),
    (7, "not 7"),
]
NO_REASONS: list[tuple[object, str]] = [
    (17, "takes a list of texts, not 17"),
    (b"incorrect", "takes a list of texts, not a value of type bytes"),
    ({"incorrect": True}, "takes a list of texts, not a value of type dict"),
    (["made_up"], "slow_or_broken, sources, style, not 'made_up'"),
    (["The total is wrong."], "takes keys of heedback.REASONS: small letters, digits and _, not text of 19 characters"),
    ([["incorrect"]], "not a value of type list"),
    ([None], "not None"),
    ([f"r{number}" for number in range(21)], "takes at most 20 keys, not 21"),
]

CALLS: list[Wrong] = [
    dropped("output: no feature", lambda c: c.output(""), "feature: takes a name: a letter or digit", "not ''"),
    dropped("output: a feature with a space", lambda c: c.output("not one!"), "feature: ", "100 in all, not text of 8"),
    dropped("output: a feature of 101", lambda c: c.output("f" * 101), "feature: ", "not text of 101 characters"),
    dropped("output: None", lambda c: c.output(None), "feature: ", "not None"),
    dropped("output: bytes", lambda c: c.output(b"f"), "feature: ", "type bytes"),
    dropped("track: a feature", lambda c: tracked(c, "not one!"), "feature: ", "100 in all, not text of 8"),
    dropped("rate: an id without feature", lambda c: c.rate(AN_ID, "up"), "feature: has to be named", "no Output"),
    dropped("rate: no id", lambda c: c.rate("17", "up", feature="f"), "about: takes an Output, or ", "text of 2 char"),
    dropped("rate: a number", lambda c: c.rate(3.14, "up"), "about: takes an Output, or ", "not 3.14"),
    dropped("rate: a look-alike", lambda c: c.rate(Row(), "up"), "about: takes an Output", "type Row"),
    dropped("rate: about nothing", lambda c: c.rate(None, "up", feature="f"), "about: ", "trace_id=, ", "not None"),
    dropped("rate: a span without its trace", lambda c: c.rate(feature="f", rating="up", span_id="1" * 16), "about: "),
    dropped(
        "rate: half a trace", lambda c: c.rate(None, "up", feature="f", trace_id="abc"),
        "trace_id: takes 32 hexadecimal digits", "not 'abc'",
    ),
    dropped(
        "rate: a join key too long", lambda c: c.rate(None, "up", feature="f", join_key="x" * 201),
        "join_key: takes text of 1 to 200 characters", "not text of 201 characters",
    ),
    dropped("rate: nothing", lambda c: c.rate(an_output(c)), "rating: there is nothing to say"),
    dropped("rate: sideways", lambda c: c.rate(an_output(c), "sideways"), 'rating: takes "up", ', "not 'sideways'"),
    dropped("rate: True", lambda c: c.rate(an_output(c), True), 'rating: takes "up", "down" or None', "not True"),
    dropped("rate: 1", lambda c: c.rate(an_output(c), 1), 'rating: takes "up", "down"', "are stars= or score=, not 1"),
    dropped("rate: a list", lambda c: c.rate(an_output(c), []), "rating: ", "not an empty list"),
    *(
        dropped(f"rate: {stars} stars", lambda c, stars=stars: c.rate(an_output(c), stars=stars),
                "stars: takes a whole number from 1 to 5", f"not {told(stars)}")
        for stars in (0, 6, -1, 2.5, 4.0, "4", True, None, float("nan"), b"4", [4])
    ),
    *(
        dropped(f"rate: score {told(score)}", lambda c, score=score: c.rate(an_output(c), score=score),
                "score: takes a number from 0 to 1", f"not {told(score)}")
        for score in (80, -0.1, float("nan"), float("inf"), "0.8", True, None, 10**400)
    ),
    dropped("rate: two ratings", lambda c: c.rate(an_output(c), "up", stars=4), 'takes one of "up" or "down", stars='),
    dropped("rate: stars and score", lambda c: c.rate(an_output(c), stars=4, score=1), "rating: takes one of"),
    dropped(
        "rate: a time without a zone", lambda c: c.rate(an_output(c), "up", occurred_at=NAIVE),
        "occurred_at: takes a datetime with a time zone, not one without",
    ),
    dropped(
        "output: a time as text", lambda c: c.output("f", occurred_at="2026-01-01T00:00:00Z"),
        "occurred_at: takes a datetime with a time zone, not text of 20 characters",
    ),
    dropped(
        "signal: a time long ago", lambda c: c.signal(an_output(c), "copied", occurred_at=LONG_AGO),
        "occurred_at: takes a time in the years 2000 to 2099, not in 1",
    ),
    dropped("flag: not a truth", lambda c: c.flag(an_output(c), on="yes"), "on: takes True or False, not 'yes'"),
    dropped("flag: about nothing", lambda c: c.flag(None, feature="f"), "about: takes an Output, or None with"),
    dropped("correct: a number", lambda c: c.correct(an_output(c), 17), "correction: takes the text", "not 17"),
    dropped("correct: bytes", lambda c: c.correct(an_output(c), b"x"), "correction: ", "not a value of type bytes"),
    dropped("retract: about nothing", lambda c: c.retract(), "about: takes an Output, or None with"),
    dropped("signal: unknown", lambda c: c.signal(an_output(c), "winked"), "name: takes one of shown", "not 'winked'"),
    dropped("signal: no name", lambda c: c.signal(an_output(c), None), "name: takes one of shown, ", "not None"),
    dropped("signal: by trace", lambda c: c.signal(None, "copied", feature="f", trace_id="1" * 32), "about: takes"),
    dropped("add_text: about nothing", lambda c: c.add_text(None, output="x", feature="f"), "about: "),
    dropped("add_text: no id", lambda c: c.add_text("17", output="x", feature="f"), "about: takes an Output, or "),
    dropped("ticket: an id", lambda c: c.ticket(AN_ID), "about: takes an Output, which knows", "not text of 36"),
    dropped("ticket: an own id", lambda c: c.ticket(heedback.Output("17", "f")), "about: takes an Output"),
    dropped("ticket: no feature", lambda c: c.ticket(heedback.Output(AN_ID, "a b")), "feature: takes a name"),
    dropped("ticket: None", lambda c: c.ticket(None), "about: takes an Output, which knows", "not None"),
    *(
        dropped(f"ticket: may {told(may)}", lambda c, may=may: c.ticket(an_output(c), may=may),
                "may: takes a list of some of read, rate, flag, correct, signal", f"not {told(may)}")
        for may in ("read", [], 17, b"read", {"read": 1})
    ),
    *(
        dropped(f"ticket: may {told(verb)}", lambda c, verb=verb: c.ticket(an_output(c), may=["read", verb]),
                "may: takes only read, rate, flag, correct, signal in its list", f"not {told(verb)}")
        for verb in ("delete", ["read"], 17, None)
    ),
    *(
        dropped(f"ticket: {told(seconds)} seconds", lambda c, seconds=seconds: c.ticket(an_output(c), seconds=seconds),
                "seconds: takes a whole number from 1 to ", f"not {told(seconds)}")
        for seconds in (0, -5, 1.5, "60", True, float("nan"), 10**400)
    ),
    *(output_detail(name, value, "takes text of 1 to 200 characters", said)
      for name in NAMES for value, said in (NO_NAMES if name == "surface" else NO_NAMES[:3])),
    *(output_detail(name, value, "takes a number from 0 to ", said)
      for name in ("latency_ms", "cost_usd") for value, said in NO_NUMBERS),
    *(output_detail(name, value, "takes a whole number from 0 to 1,000,000,000", said)
      for name in ("input_tokens", "output_tokens") for value, said in [*NO_NUMBERS, (1.5, "not 1.5")]),
    output_detail("latency_ms", limits.MAX_LATENCY_MS + 1, "takes a number from 0 to 86,400,000, not 86400001"),
    output_detail("cost_usd", 1000.01, "takes a number from 0 to 1,000, not 1000.01"),
    output_detail("input_tokens", limits.MAX_TOKENS + 1, "takes a whole number from 0 to ", "not 1000000001"),
    *(output_detail(name, value, "takes text", said) for name in ("input", "output") for value, said in NO_TEXTS),
    *(output_detail("probe", value, "takes True or False", f"not {told(value)}") for value in ("yes", 1, 0, [])),
    *(output_detail(name, value, f"takes {digits} hexadecimal digits", f"not {told(value)}")
      for name, digits in (("trace_id", 32), ("span_id", 16))
      for value in ("", "0" * digits, "g" * digits, "1" * (digits + 1), -1, 0, True, 2**128, b"1" * digits, 1.5)),
    *(output_detail("user", value, "text, a whole number or a UUID", f"not {told(value)}")
      for value in ("", True, 1.5, b"alice", ["alice"])),
    *(output_detail("finish_reasons", value, f"not {told(value)}") for value in (17, b"stop", {"stop": 1})),
    output_detail("finish_reasons", [None], "takes text of 1 to 200 characters, not None"),
    *(output_detail("metadata", value, "takes a mapping of names", said) for value, said in NO_MAPPINGS),
    output_detail("metadata", {f"k{n}": n for n in range(17)}, "takes at most 16 keys, not 17", wrong="17 keys"),
    output_detail("metadata", {"": 1}, "takes keys of 1 to 64 characters, not ''", wrong="an empty key"),
    output_detail("metadata", {"x" * 65: 1}, "takes keys of 1 to 64", "not text of 65 characters", wrong="a long key"),
    output_detail("metadata", {b"k": 1}, "takes keys of 1 to 64", "not a value of type bytes", wrong="bytes as a key"),
    output_detail("metadata", {"a\0b": 1}, "takes keys of 1 to 64", "not text of 3 characters", wrong="NUL in a key"),
    output_detail("metadata", {"k": b"v"}, "takes values that are text", "not a value of type bytes", wrong="bytes"),
    output_detail("metadata", {"k": DEEP}, "takes values that str() can tell", wrong="too deep"),
    output_detail("metadata", {"k": HOSTILE}, "takes values that str() can tell (RuntimeError)", wrong="hostile"),
    output_detail("metadata", {"k": 10**5000}, "takes values that str() can tell (ValueError)", wrong="5,001 digits"),
    output_detail("metadata", HostileMapping(), "cannot be read (RuntimeError), not a value of type HostileMapping"),
    output_detail("surface", HOSTILE, "takes text of 1 to 200 characters, not a value of type Hostile"),
    output_detail("user", 10**5000, "cannot be read (ValueError), not a value of type int"),
    output_detail("colour", "red", "there is no such field; there are user_group, prov", ", metadata, occurred_at"),
    *(feedback_detail("reasons", value, said, wrong=said[-30:]) for value, said in NO_REASONS),
    *(feedback_detail("comment", value, "takes text", said) for value, said in NO_TEXTS),
    *(feedback_detail("correction", value, "takes text", said) for value, said in NO_TEXTS),
    *(feedback_detail("source", value, "takes one of end_user, reviewer, code, llm", f"not {told(value)}")
      for value in ("a friend", "", 7, [], b"code", True)),
    *(feedback_detail("asked", value, "takes True or False", f"not {told(value)}") for value in ("yes", 1)),
    *(feedback_detail("reasons_version", value, "takes a whole number from 1 to ", f"not {told(value)}")
      for value in (0, -1, "2", True, 2.0, limits.MAX_REASONS_VERSION + 1)),
    *(feedback_detail("context", value, "takes a mapping of an output's fields", said) for value, said in NO_MAPPINGS),
    *(feedback_detail("metadata", value, "takes a mapping of names", said) for value, said in NO_MAPPINGS),
    *(feedback_detail(name, value, "takes text of 1 to 200 characters", said)
      for name in ("surface", "locale") for value, said in NO_NAMES[:3]),
    feedback_detail("user", True, "takes your app's id of the person: text, a whole number or a UUID, not True"),
    feedback_detail("colour", "red", "there is no such field", "context, feature, join_key, occurred_at, "),
    Wrong("context with a stranger", lambda c: c.rate(an_output(c), "up", context={"shape": 1}),
          ("no such field",), "shape"),
    Wrong("context with a sentence", lambda c: c.rate(an_output(c), "up", context={"Jane Doe": 1}),
          ("unknown: there is no such field",), "unknown"),
    Wrong("flag with a rating's reason", lambda c: c.flag(an_output(c), reasons=["style"]),
          ("flag_reasons: takes keys of heedback.REASONS, for flag: biased", "not 'style'"), "flag_reasons"),
    *(Wrong(f"signal value={told(value)}", lambda c, value=value: c.signal(an_output(c), "edited", value),
            ("value: takes a number from 0 to ", said), "value") for value, said in NO_NUMBERS),
    Wrong("signal user", lambda c: c.signal(an_output(c), "copied", user=True), ("user: ", "not True"), "user"),
    Wrong("signal field", lambda c: c.signal(an_output(c), "copied", comment="x"),
          ("comment: there is no such field; there are user, metadata, feature, occurred_at",), "comment"),
    *(Wrong(f"signal {name}", lambda c, name=name: c.signal(an_output(c), "copied", **{name: "1" * 32}),
            (f"{name}: there is no such field",), name)
      for name in ("join_key", "response_id", "span_id", "trace_id")),
    *(Wrong(f"add_text {told(value)}", lambda c, value=value: c.add_text(an_output(c), output=value, input="x"),
            ("output: takes text", said), "output") for value, said in NO_TEXTS),
    *(Wrong(f"flush {told(value)}", lambda c, value=value: c.flush(value),
            ("timeout: takes a number of seconds", f"not {told(value)}"), "timeout")
      for value in ("5", None, True, float("nan"), [])),
    Wrong("from_openai", lambda c: c.from_openai("text"),
          ("from_openai: takes a response", "not 'text'"), "from_openai"),
]  # fmt: skip


class Row:
    """An object of the host's, as it would be passed by mistake."""

    id = 17


def tracked(client: Client, feature: Any, **fields: Any) -> None:
    with client.track(feature) as out:
        out.set(**fields)


@pytest.fixture
def production() -> Iterator[Client]:
    client = memory_client(strict=False)
    yield client
    client.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("wrong", CALLS, ids=lambda wrong: wrong.name)
def test_in_production_it_is_said_once_and_counted_each_time(
    wrong: Wrong, production: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A detail costs itself alone; what cannot be costs the call. The warning names argument, limit and what came."""
    for _ in range(2):
        wrong.call(production)
    (said,) = warnings(caplog)
    assert [words for words in wrong.says if words not in said] == []
    stats = production.stats()
    assert stats["left_out"] == ({wrong.left_out: 2} if wrong.left_out else {})
    assert stats["dropped"] == ({} if wrong.left_out else {"invalid": 2})
    assert stats["problem"] in said
    assert said.startswith("heedback: a field was left out, " if wrong.left_out else "heedback: a call was dropped, ")


@pytest.mark.parametrize("wrong", CALLS, ids=lambda wrong: wrong.name)
def test_strict_raises_where_the_mistake_is_made(wrong: Wrong) -> None:
    """Of the SDK's own type, with the same words."""
    client = memory_client()
    with pytest.raises(heedback.UsageError) as raised:
        wrong.call(client)
    client.close()
    assert [words for words in wrong.says if words not in str(raised.value)] == []


@pytest.mark.parametrize("off", [Client(disabled=True, strict=True), Client(strict=True)], ids=["disabled", "no key"])
@pytest.mark.parametrize("wrong", CALLS, ids=lambda wrong: wrong.name)
def test_without_a_service_nothing_is_wrong(off: Client, wrong: Wrong, caplog: pytest.LogCaptureFixture) -> None:
    """Not even with strict: a laptop without a key runs the same code as production."""
    wrong.call(off)
    assert warnings(caplog) == []
    stats = off.stats()
    assert (stats["captured"], stats["left_out"], stats["dropped"], stats["problem"]) == (0, {}, {}, None)


def test_what_people_wrote_is_never_in_a_warning(production: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A slip may put anybody's words anywhere; the log is not the place for them."""
    secret: Any = "My name is Jane, my number is 555 0100."
    out = an_output(production)
    production.output(secret, user=["Jane"], surface=secret * 9, metadata={secret * 9: 1}, trace_id=secret)  # type: ignore[typeddict-item]
    production.rate(out, secret, feature=secret)
    production.rate(out, "down", reasons=[secret], source=secret, context={secret: 1}, **{secret: 1})
    production.signal(out, secret)
    production.flag(out, on=secret)
    production.ticket(out, may=[secret])
    production.from_openai(secret)
    assert len(warnings(caplog)) >= 8
    assert [said for said in warnings(caplog) if "Jane" in said or "0100" in said] == []
    assert not any("Jane" in name for name in production.stats()["left_out"])


def test_misspelt_fields_without_number_are_counted_together(
    production: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that passes a form's fields on fills neither its log nor its memory."""
    for number in range(1000):
        name = "field_" + "".join("abcdefghij"[int(digit)] for digit in str(number))
        production.rate(an_output(production), "up", **{name: 1})  # type: ignore[arg-type]
    left_out = production.stats()["left_out"]
    assert sum(left_out.values()) == 1000
    assert len(left_out) <= 101
    assert len(warnings(caplog)) <= 101


def test_a_mapping_without_end_costs_no_time(production: Client) -> None:
    """Of many keys that cannot be, only some are looked at."""
    endless: dict[Any, object] = dict.fromkeys(range(200_000), b"")
    production.output("f", metadata=endless)
    production.rate(an_output(production), "up", context={str(key): 1 for key in endless})
    assert sum(production.stats()["left_out"].values()) < 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\0b\ud800c", "a\ufffdb\ufffdc"),
        (Deployment.LIVE, "production"),
        (13, "13"),
    ],
    ids=["NUL and half a pair", "an enumeration", "a number"],
)
def test_what_can_be_meant_is_taken(given: Any, kept: str, production: Client) -> None:
    """Names, texts of metadata and people: what cannot be stored is replaced, an enumeration is what it stands for."""
    production.output("f", environment=given, user=given, metadata={"k": given})
    assert production.flush(5)
    (event,) = sent(production)
    assert (event["environment"], event["metadata"]) == (kept, {"k": kept})
    assert production.output("f", user=kept).user == event["user"]
    assert production.stats()["left_out"] == {}


def test_strange_names_alone_are_nothing_to_say(production: Client) -> None:
    """When the last reason is left out there is no feedback: the service would store an empty one."""
    assert production.rate(an_output(production), reasons=["made_up"]) is None
    assert production.stats()["dropped"] == {"invalid": 1}


def chosen_of(values: list[Any]) -> st.SearchStrategy[Any]:
    """Any of them, unseen: Hypothesis would print them, and not all of them bear it."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


# --- arguments of every kind -----------------------------------------------------------------------------------------

MOMENTS = st.one_of(
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    chosen_of(
        [
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
            datetime(2026, 1, 1, tzinfo=Nowhere()),
        ]
    ),
)
ANY_TEXT = st.text(st.characters(codec=None), max_size=30)  # with NUL and lone surrogates
PLAIN = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=20), ANY_TEXT, MOMENTS),
    *(st.uuids(), st.uuids().map(str), st.decimals(), st.complex_numbers(), st.fractions()),
    chosen_of(
        [
            *(HOSTILE, HostileMapping(), DEEP, ..., object(), object, print, Row(), Deployment.LIVE, Nowhere()),
            *("up", "down", "f", "copied", "incorrect", "style", "harmful", "code", AN_ID, "1" * 32, "x" * 70_000),
            *("", "\0", "\ud800", "😀" * 20_000, "[email", -0.0, 2**63, 10**400, 10**5000, 5e-324),
            heedback.Output(AN_ID, "f"),
            heedback.Output("no id", "f"),
            heedback.Output(AN_ID, "no feature!"),
            MemoryTransport(),
        ]
    ),
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        *(st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.lists(inner, max_size=3).map(iter)),
        st.dictionaries(st.one_of(st.none(), st.booleans(), st.integers(), st.binary(max_size=4), ANY_TEXT), inner),
    ),
    max_leaves=6,
)


def fields_of(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a call's fields, and names that are none, with values of every kind."""
    names = st.one_of(st.sampled_from([*kind.__annotations__, "colour"]), ANY_TEXT.filter(lambda name: name != "self"))
    return st.dictionaries(names, ANYTHING, max_size=5)


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without what Python itself would not take twice."""
    return {name: value for name, value in fields.items() if name not in names}


ABOUT = st.one_of(st.just(heedback.Output(AN_ID, "f")), st.just(AN_ID), st.none(), ANYTHING)
FEEDBACK = fields_of(FeedbackFields)
ATTEMPTS: dict[str, st.SearchStrategy[Callable[[Client], object]]] = {
    "output": st.builds(
        lambda feature, fields: lambda c: c.output(feature, **without(fields, "feature")),
        st.one_of(st.just("f"), ANYTHING), fields_of(OutputFields),
    ),
    "track": st.builds(
        lambda feature, fields, more: lambda c: track(c, feature, without(fields, "feature"), more),
        st.one_of(st.just("f"), ANYTHING), fields_of(OutputFields), fields_of(OutputFields),
    ),
    "rate": st.builds(
        lambda about, rating, scales, fields: lambda c: c.rate(
            about, rating, **scales, **without(fields, "about", "rating", "stars", "score")),
        ABOUT, st.one_of(st.just("up"), st.just(...), ANYTHING),
        st.dictionaries(st.sampled_from(["stars", "score"]), ANYTHING, max_size=2), FEEDBACK,
    ),
    "flag": st.builds(
        lambda about, on, fields: lambda c: c.flag(about, on=on, **without(fields, "about", "on")),
        ABOUT, st.one_of(st.just(True), ANYTHING), FEEDBACK,
    ),
    "correct": st.builds(
        lambda about, text, fields: lambda c: c.correct(about, text, **without(fields, "about", "text")),
        ABOUT, ANYTHING, FEEDBACK,
    ),
    "retract": st.builds(
        lambda about, fields: lambda c: c.retract(about, **without(fields, "about")), ABOUT, FEEDBACK),
    "signal": st.builds(
        lambda about, name, value, fields: lambda c: c.signal(
            about, name, value, **without(fields, "about", "name", "value")),
        ABOUT, st.one_of(st.just("copied"), ANYTHING), ANYTHING, fields_of(SignalFields),
    ),
    "add_text": st.builds(
        lambda about, one, other, feature: lambda c: c.add_text(about, input=one, output=other, feature=feature),
        ABOUT, ANYTHING, ANYTHING, st.one_of(st.just("f"), ANYTHING),
    ),
    "ticket": st.builds(
        lambda about, may, seconds: lambda c: c.ticket(about, may=may, seconds=seconds), ABOUT, ANYTHING, ANYTHING),
    "from_openai": st.builds(lambda response: lambda c: c.from_openai(response), ANYTHING),
}  # fmt: skip


def track(client: Client, feature: Any, fields: dict[str, Any], more: dict[str, Any]) -> None:
    with client.track(feature, **fields) as out:
        out.set(**more)
        client.rate(out, "up")


@pytest.mark.parametrize("text", ["always", "rated"])
@pytest.mark.parametrize("call", ATTEMPTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_is_raised_whatever_is_passed(call: str, text: Any, data: st.DataObject) -> None:
    """And whatever is captured, the service takes; what is not, is counted."""
    attempt = data.draw(ATTEMPTS[call])
    client = memory_client(strict=False, text=text)
    attempt(client)
    assert client.flush(10)
    stats = client.stats()
    events = sent(client)
    for event in events:
        load_event(json.loads(json.dumps(event)))
    assert stats["captured"] == len([event for event in events if text == "always" or event["type"] != "output_text"])
    assert set(stats["dropped"]) <= {"invalid", "internal"}
    client.close()


@pytest.mark.parametrize("call", ATTEMPTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_strict_raises_nothing_of_anybody_elses(call: str, data: st.DataObject) -> None:
    """What a test of the host sees is always a HeedbackError."""
    attempt = data.draw(ATTEMPTS[call])
    client = memory_client()
    try:
        attempt(client)
    except heedback.HeedbackError:
        pass
    finally:
        client.close()


@pytest.mark.parametrize("call", ATTEMPTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_disabled_takes_anything_and_says_nothing(call: str, data: st.DataObject, caplog: Any) -> None:
    data.draw(ATTEMPTS[call])(Client(disabled=True, strict=True))
    assert warnings(caplog) == []


@settings(max_examples=25)
@given(timeout=ANYTHING)
def test_waiting_and_ending_take_anything(timeout: Any) -> None:
    """What is no number of seconds is left out, and the usual time is waited for."""
    client = memory_client(strict=False)
    client.output("f")
    settled = client.flush(timeout)
    client.close(timeout)
    assert settled is False or len(sent(client)) == 1
    assert client.stats()["spool"] == "closed"


# --- settings --------------------------------------------------------------------------------------------------------

URL, KEY = "http://heedback.test", "hb_sk_test_notasecret"
SETTINGS: list[tuple[str, object, tuple[str, ...]]] = [
    ("url", 17, ("the URL takes text", "not 17")),
    ("url", "feedback.example", ("'feedback.example' is not http:// or https://",)),
    ("url", "http://a\ud800b", ("is not http:// or https:// with a host",)),
    ("url", "http://h:99999", ("names no port that there can be: they are numbers from 1 to 65535",)),
    ("url", "http://[::1", ("names no host that there can be",)),
    ("url", "http://h/?project=1", ("the URL takes no ? and no #",)),
    ("url", "http://someone:hidden@h", ("the URL takes no user name and no password",)),
    ("key", 17, ("the key has the form hb_sk_<kid>_<secret>",)),
    ("key", "hb_sk_short", ("the key has the form",)),
    ("spool", 17, ("spool takes the path of a file", "not 17")),
    ("spool", b"spool.db", ("spool takes the path of a file", "type bytes")),
    ("spool", "a\0b", ("spool takes the path of a file", "not text of 3 characters")),
    ("user_key", 17, ("user_key takes text, not 17",)),
    ("user_key", "\ud800", ("user_key takes text",)),
    ("redact", "yes", ("redact takes True, False or a function", "not 'yes'")),
    ("text", "sometimes", ("text takes one of always, rated, never", "not 'sometimes'")),
    ("text", [], ("text takes one of", "not an empty list")),
    ("disabled", "false", ("disabled takes True or False", "not 'false'")),
    ("strict", "no", ("strict takes True or False", "not 'no'")),
    ("max_events", 0, ("max_events takes a whole number from 1 up", "not 0")),
    ("max_events", True, ("max_events takes a whole number", "not True")),
    ("max_bytes", 1.5, ("max_bytes takes a whole number from 1 up", "not 1.5")),
    ("max_bytes", "1 MB", ("max_bytes takes a whole number", "not text of 4 characters")),
    ("max_age_days", 0, ("max_age_days takes a number of days above 0", "not 0")),
    ("max_age_days", float("nan"), ("max_age_days takes a number of days", "not nan")),
    ("max_age_days", None, ("max_age_days takes a number of days", "not None")),
    ("on_sigterm", 1, ("on_sigterm takes True or False", "not 1")),
    ("synchronous", "off", ("synchronous takes one of normal, full", "not 'off'")),
    ("transport", object(), ("transport takes an object with send(batch)",)),
    ("clock", 17, ("clock takes a function, not 17",)),
    ("jitter", None, ("jitter takes a function, not None",)),
    ("url", HOSTILE, ("a setting cannot be read (RuntimeError)",)),
    ("phones", HostileMapping(), ("a setting cannot be read (RuntimeError)",)),
]


@pytest.mark.parametrize(("name", "value", "says"), SETTINGS, ids=lambda value: told(value))
def test_a_setting_that_cannot_be_used(
    name: str, value: object, says: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Raised when strict; else said once, and the client is as if disabled; with `disabled` nobody looks at it."""
    given: dict[str, Any] = {"url": URL, "key": KEY, "spool": ":memory:", "transport": MemoryTransport(), name: value}
    client = Client(**given)
    assert client.rate(client.output("f", user=1), "up") is None
    (said,) = warnings(caplog)
    assert [words for words in (*says, "nothing is captured") if words not in said] == []
    assert not client.enabled
    assert client.stats()["problem"] in said
    if name != "strict":
        with pytest.raises(heedback.ConfigurationError):
            Client(**given | {"strict": True})
    if name != "disabled":
        Client(**given | {"disabled": True, "strict": True})
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("name", ["url", "key", *heedback.ClientOptions.__annotations__])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(value=ANYTHING)
def test_init_takes_anything(name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a setting is set to: the app starts, and calls go on."""
    transport = MemoryTransport()
    options: dict[str, Any] = {"url": URL, "key": KEY, "spool": ":memory:", "transport": transport, name: value}
    if name == "spool" and isinstance(value, str):
        options["spool"] = value.replace("/", "")[:20] and ":memory:"  # a path is a path: no test writes everywhere
    client = Client(**options)
    if name not in ("clock", "stopwatch", "new_id", "jitter", "transport"):  # which are whatever a test makes them
        client.rate(client.output("f", user="alice"), "up")
        assert client.stats()["captured"] == (2 if client.enabled else 0)
    client.close()


def sent(client: Client) -> list[dict[str, Any]]:
    """What a client of memory sent."""
    transport = client._pipeline._transport
    assert isinstance(transport, MemoryTransport)
    return transport.events
