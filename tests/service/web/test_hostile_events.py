"""Events meant to do harm, or made by a broken sender: each gets a clear answer, and its neighbours are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from browsing import Browser
from heedback import limits
from heedback_service.core.ids import new_id
from heedback_service.flow import naming, rollup, triage
from heedback_service.flow.keys import make_key
from heedback_service.store.db import Database
from heedback_service.store.tables import (
    DroppedDay,
    Feature,
    Feedback,
    Item,
    Output,
    OutputText,
    Project,
    RollupDay,
    Slice,
)
from posting import Post, said, small
from support import NOW, make_id

DEEP = 10_000
TRACE = "a" * 32
OVERRIDE = "\u202e\u2066"  # right-to-left override, isolate: both left open
TOKENS_MISSING = ["Not a valid integer."]
INFINITE = ["Special numeric values (nan or infinity) are not permitted."]


@pytest.fixture(autouse=True)
def _counts_are_true(db: Database, project: Project) -> Any:
    yield
    with db.read() as session:
        assert rollup.differences(session, project.id) == []


def between_neighbours(post: Post, event: str) -> Any:
    """Post `event`, which is JSON as it goes over the wire, between two good ones; the answer."""
    before, after = (json.dumps(small(n)) for n in (1, 2))
    answer = post(body=f'{{"sent_at": "{NOW.isoformat()}", "events": [{before}, {event}, {after}]}}')
    assert answer.status_code == 200, answer.text
    assert answer.json["accepted"] == 2
    return answer.json


def written(field: str, value: str, **more: Any) -> str:
    """The third output as JSON, with `value` as it stands."""
    return json.dumps(small(3) | more)[:-1] + f', "{field}": {value}}}'


def stored(db: Database, column: Any) -> list[Any]:
    with db.read() as session:
        return list(session.scalars(select(column)))


@pytest.mark.parametrize(
    ("field", "value", "errors"),
    [
        ("latency_ms", "1e400", {"latency_ms": INFINITE}),
        ("latency_ms", "NaN", {"latency_ms": INFINITE}),
        ("cost_usd", "Infinity", {"cost_usd": INFINITE}),
        ("cost_usd", "-Infinity", {"cost_usd": INFINITE}),
        ("input_tokens", "NaN", {"input_tokens": TOKENS_MISSING}),
        ("metadata", '{"k": NaN}', {"metadata.k.value": ["Not a valid string."]}),
        ("user", "NaN", {"user": ["Not a valid string."]}),
        ("type", "NaN", {"type": ["Must be one of: output, feedback, signal, output_text."]}),
        ("x", "NaN", {"x": ["Unknown field."]}),
        ("cost_usd", "-1e400", {"cost_usd": INFINITE}),
        ("input_tokens", "1e400", {"input_tokens": TOKENS_MISSING}),
        ("input_tokens", "9" * 5000, {"input_tokens": TOKENS_MISSING}),
        ("latency_ms", "-" + "9" * 5000, {"latency_ms": INFINITE}),
        ("latency_ms", "9" * 400, {"latency_ms": ["Number too large."]}),
        ("input_tokens", "true", {"input_tokens": TOKENS_MISSING}),
        ("cost_usd", "false", {"cost_usd": ["Not a valid number."]}),
        ("output", "[" * DEEP + "]" * DEEP, {"output": ["Not a valid string."]}),
        ("output", '{"a":' * DEEP + "1" + "}" * DEEP, {"output": ["Not a valid string."]}),
        ("metadata", '{"k":' + "[" * DEEP + "]" * DEEP + "}", {"metadata.k.value": ["Not a valid string."]}),
        ("metadata", '{"k": null}', {"metadata.k.value": ["Field may not be null."]}),
        ("metadata", '{"k\\u0000": "v"}', {"metadata.k\x00.key": ["NUL and lone surrogates are not text."]}),
        ("metadata", '{"k\\ud800": "v"}', {"metadata.k\ud800.key": ["NUL and lone surrogates are not text."]}),
        ("user", '"u\\u0000"', {"user": ["NUL and lone surrogates are not text."]}),
        ("user", '"u\\udc00"', {"user": ["NUL and lone surrogates are not text."]}),
        ("a\\u0000b", "1", {"a\x00b": ["Unknown field."]}),
        ("finish_reasons", "[null]", {"finish_reasons.0": ["Field may not be null."]}),
        ("feature", '"f\\n"', {"feature": ["String does not match expected pattern."]}),
        ("feature", '""', {"feature": ["String does not match expected pattern."]}),
        ("id", '""', {"id": ["Not a valid UUID."]}),
        ("id", '"00000000-0000-0000-0000-000000000000"', {"id": ["Not a valid UUID."]}),
        ("occurred_at", '"2026-W46-1T00:00:00Z"', {"occurred_at": ["Not a valid datetime."]}),
        ("occurred_at", '""', {"occurred_at": ["Not a valid datetime."]}),
        ("output", f'"{"x" * (limits.TEXT_BYTES + 1)}"', {"output": ["Longer than 65536 bytes of UTF-8."]}),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_value_that_breaks_parsers_is_refused_by_name_and_its_neighbours_are_kept(
    post: Post, field: str, value: str, errors: dict[str, list[str]]
) -> None:
    [rejection] = between_neighbours(post, written(field, value))["rejected"]
    assert (rejection["index"], rejection["errors"]) == (1, errors)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({f"unknown_{n}": 1 for n in range(5000)}, 21),
        ({"x" * 100_000: 1}, 1),
        ({"finish_reasons": [1] * 50_000}, 1),
        ({"metadata": {str(n): 1 for n in range(5000)}}, 1),
    ],
    ids=["unknown fields", "a long name", "a long list", "much metadata"],
)
def test_an_answer_is_never_many_times_what_was_sent(post: Post, fields: dict[str, Any], told: int) -> None:
    answer = post([small(1, **fields), small(2)])
    assert (answer.json["accepted"], len(answer.data) < 2000) == (1, True)
    [rejected] = answer.json["rejected"]
    assert len(rejected["errors"]) == told
    assert ("…" in rejected["errors"]) == (told > 1)


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        ({"reasons": [None]}, {"reasons.0": ["Field may not be null."]}),
        ({"reasons": "style"}, {"reasons": ["Not a valid list."]}),
        ({"rating": "down"}, {"rating": ["Invalid input type."]}),
        ({"rating": {"value": True, "scale": "thumbs"}}, {"rating.value": ["Not a valid number."]}),
        ({"context": {"prompt_version": 13}}, {"context.prompt_version": ["Not a valid string."]}),
        ({"flag": 1}, {"flag": ["Not a valid boolean."]}),
    ],
)
def test_feedback_of_the_wrong_kind_is_refused_by_name(
    post: Post, words: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    [rejection] = between_neighbours(post, json.dumps(said(3, about=1, **words)))["rejected"]
    assert rejection["errors"] == errors


def test_a_slice_full_of_the_largest_numbers_is_counted_exactly(post: Post, db: Database) -> None:
    """Each day's sum is kept in 64 bits; `_counts_are_true` compares it with the rows."""
    largest = {"latency_ms": limits.MAX_LATENCY_MS, "cost_usd": limits.MAX_COST_USD}
    largest |= {"input_tokens": limits.MAX_TOKENS, "output_tokens": limits.MAX_TOKENS}
    for start in range(0, 3 * limits.MAX_EVENTS, limits.MAX_EVENTS):
        events = [small(start + n + 1, **largest) for n in range(limits.MAX_EVENTS)]
        answer = post(events, dropped={"spool_full": limits.MAX_DROPPED})
        assert answer.json == {"accepted": limits.MAX_EVENTS, "duplicates": 0, "rejected": []}
    with db.read() as session:
        [day] = session.scalars(select(RollupDay))
        [lost] = session.scalars(select(DroppedDay))
    n = 3 * limits.MAX_EVENTS
    assert (day.outputs, day.latency_us, day.cost_nano) == (n, n * 86_400_000_000, n * 1_000_000_000_000)
    assert (day.input_tokens, day.output_tokens, lost.events) == (n * 10**9, n * 10**9, 3 * 10**9)


def test_lost_events_of_a_number_that_cannot_be_are_refused(post: Post) -> None:
    answer = post([small(1)], dropped={"spool_full": limits.MAX_DROPPED + 1})
    assert (answer.status_code, list(json.loads(answer.data)["errors"])) == (400, ["dropped.spool_full.value"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "[NaN]"])
def test_no_number_in_place_of_an_event_is_refused_alone(post: Post, number: str) -> None:
    [rejection] = between_neighbours(post, number)["rejected"]
    assert rejection == {"index": 1, "id": None, "errors": {"event": ["Not an object."]}}


def test_of_a_key_that_is_there_twice_the_last_one_counts(post: Post, db: Database) -> None:
    """RFC 8259 leaves it open; this is what JSON.parse and Python do."""
    twice = written("output", '"b"', output="a")
    post(body=f'{{"sent_at": "{NOW.isoformat()}", "events": [{twice}]}}')
    assert stored(db, OutputText.output) == ["b"]


def test_empty_strings_are_text_and_stored_as_they_are(post: Post, db: Database) -> None:
    answer = post([small(1, user="", output="", prompt_version="", metadata={"": ""}, finish_reasons=[])])
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert stored(db, OutputText.output) == [""]


@pytest.mark.parametrize(
    ("start", "status"),
    [("[" * 100_000, 400), ("[" * 2000 + '"' + '\\"' * 500_000, 400), ("[" * 2000 + '""' * 500_000, 400)],
    ids=["brackets", "escaped quotes", "quotes"],
)
def test_a_body_that_never_closes_what_it_opened_is_refused_soon(post: Post, start: str, status: int) -> None:
    begun = time.process_time()
    answer = post(body=start[: limits.MAX_BODY_BYTES])
    assert answer.status_code == status
    assert time.process_time() - begun < 2  # linear: a megabyte takes a tenth of it


def test_lost_events_of_no_number_are_refused_and_counted_nowhere(post: Post) -> None:
    answer = post([small(1)], dropped={"spool_full": None})
    assert answer.status_code == 400
    assert json.loads(answer.data)["errors"] == {"dropped.spool_full.value": ["Field may not be null."]}


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"'])
def test_a_body_that_is_no_object_says_so(post: Post, body: str) -> None:
    assert json.loads(post(body=body).data)["errors"] == {"body": ["Invalid input type."]}


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_ten_years_off_is_put_right_by_what_the_sender_says_it_is(post: Post, db: Database, years: int) -> None:
    theirs = NOW + timedelta(days=365.25 * years)
    event = small(1, occurred_at=(theirs - timedelta(hours=1)).isoformat())
    answer = post([event], sent_at=theirs.isoformat())
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}
    [at] = stored(db, Output.occurred_at)
    assert abs(at - (NOW - timedelta(hours=1))) < timedelta(seconds=1)


@pytest.mark.parametrize("years", [10, -10])
def test_an_event_ten_years_off_by_a_clock_that_is_right_is_taken_where_a_clock_can_have_been(
    post: Post, db: Database, years: int
) -> None:
    answer = post([small(1, occurred_at=(NOW + timedelta(days=365.25 * years)).isoformat())])
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}
    [at] = stored(db, Output.occurred_at)
    assert at <= NOW + timedelta(minutes=1)  # an import may lie back, but nothing lies ahead


def test_the_same_id_with_another_body_is_a_duplicate_and_the_first_stays(post: Post, db: Database) -> None:
    post([small(1, output="first"), said(2, user="u", comment="first")])
    again = post([small(1, output="second", user="x"), said(2, user="u", comment="second")])
    assert again.json == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert (stored(db, OutputText.output), stored(db, Feedback.comment)) == (["first"], ["first"])


def test_events_of_two_types_may_have_the_same_id(post: Post) -> None:
    answer = post(
        [small(1), said(1, about=1, user="u", comment="same id"), said(1, about=1, user="u", comment="again")]
    )
    assert answer.json == {"accepted": 2, "duplicates": 1, "rejected": []}


def test_within_one_batch_the_first_of_an_id_stays(post: Post, db: Database) -> None:
    answer = post([small(1, output="first"), small(1, output="second")])
    assert answer.json == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert stored(db, OutputText.output) == ["first"]


def test_an_id_known_in_one_project_is_new_in_another(post: Post, db: Database, project: Project) -> None:
    with db.write() as session:
        other = Project(slug="other", name="Other", timezone="UTC", created_at=NOW)
        session.add(other)
        session.flush()
        header = {"Authorization": f"Bearer {make_key(session, other, NOW).text}"}
    post([small(1), said(2, user="u", comment="ours")])
    answer = post([said(2, user="u", comment="theirs")], headers=header)
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}
    with db.read() as session:
        rows = {row.project_id: row for row in session.scalars(select(Feedback))}
        assert rollup.differences(session, other.id) == []
    assert (rows[project.id].comment, rows[other.id].comment) == ("ours", "theirs")


@pytest.mark.parametrize(
    ("span", "linked"), [("1" * 16, 1), ("2" * 16, 2), (None, None)], ids=["first", "second", "no span"]
)
def test_a_trace_of_several_outputs_is_settled_by_its_span_and_never_guessed(
    post: Post, db: Database, span: str | None, linked: int | None
) -> None:
    about = {"trace_id": TRACE, "output_id": None} | ({"span_id": span} if span else {})
    answer = post([said(9, user="u", **about), *(small(n, trace_id=TRACE, span_id=str(n) * 16) for n in (1, 2))])
    assert answer.json == {"accepted": 3, "duplicates": 0, "rejected": []}
    assert stored(db, Feedback.output_id) == [None if linked is None else make_id(linked)]


def test_ten_thousand_prompt_versions_are_all_counted_and_kept_apart_up_to_the_cap(post: Post, db: Database) -> None:
    begun = time.process_time()
    for start in range(0, 10_000, limits.MAX_EVENTS):
        assert post(versions(range(start, start + limits.MAX_EVENTS))).json["accepted"] == limits.MAX_EVENTS
    assert time.process_time() - begun < 30  # a new slice for each of the first; a few times what one version takes
    with db.read() as session:
        kinds = dict(session.execute(select(Slice.overflow, func.count()).group_by(Slice.overflow)).all())
        inside = select(func.count()).select_from(Output).join(Slice, Slice.id == Output.slice_id)
        assert kinds == {False: naming.MAX_SLICES, True: 1}
        assert session.scalar(inside.where(Slice.overflow)) == 10_000 - naming.MAX_SLICES


def versions(numbers: Iterable[int]) -> list[dict[str, Any]]:
    return [small(n + 1, prompt_version=f"v{n}") for n in numbers]


def test_features_beyond_five_hundred_count_for_other(post: Post, db: Database) -> None:
    for start in (0, 300):
        events = [small(n + 1, feature=f"f{n}") for n in range(start, start + 300)]
        assert post(events).json["accepted"] == 300
    names = set(stored(db, Feature.name))
    assert len(names) == naming.MAX_FEATURES + 1
    assert naming.OTHER in names
    assert post([small(1000, feature="f0"), small(1001, feature="unheard-of")]).json["accepted"] == 2
    assert len(stored(db, Feature.name)) == naming.MAX_FEATURES + 1


def test_right_to_left_overrides_are_stored_as_they_are_and_shown_apart_from_ours(
    post: Post, db: Database, alice: Browser
) -> None:
    comment = f"{OVERRIDE}the total is wrong"
    post([small(1, output=f"{OVERRIDE}12"), said(2, user=f"u{OVERRIDE}", comment=comment, rating=down())])
    assert stored(db, Feedback.comment) == [comment]
    with db.write() as session:
        assert triage.triage_next(session, NOW + timedelta(minutes=1), new_id=new_id)
        assert session.scalar(select(Item.number)) == 1
    for page in ("/p/acme/queue", "/p/acme/items/1", "/p/acme/feedback"):
        assert_isolated(alice.get(page).text)


def down() -> dict[str, Any]:
    return {"value": 0, "scale": "thumbs"}


def assert_isolated(page: str) -> None:
    """Every element that holds the override directly keeps its direction to itself."""
    assert OVERRIDE in page
    for before in page.split(OVERRIDE)[:-1]:
        tag = before[before.rfind("<") :]
        ours = before[before.rfind(">") + 1 :]
        assert 'dir="auto"' in tag or tag.startswith(("<bdi", "<title", "<q dir")), f"{tag}{ours}"
