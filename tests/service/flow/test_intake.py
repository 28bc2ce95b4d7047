"""Intake: patches, late outputs, ambiguous references, clocks, caps, and counts that stay true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from heedback_service.core.ids import untimed
from heedback_service.flow import naming, rollup
from heedback_service.flow.intake import Batch, Taken, take, take_all
from heedback_service.flow.sheet import Intake
from heedback_service.store.db import Database
from heedback_service.store.direct import Line
from heedback_service.store.tables import (
    Feature,
    Feedback,
    FeedbackEvent,
    Output,
    OutputText,
    PersonDay,
    Project,
    RollupDay,
    Slice,
)
from support import NOW, a_signal, an_output, make_id, numbered_ids, some_feedback

Feed = Callable[..., Taken]
TRACE = "a" * 32


@pytest.fixture(autouse=True)
def _counts_are_true(db: Database, project: Project) -> Any:
    yield
    with db.read() as session:
        assert rollup.differences(session, project.id) == []


def all_feedback(db: Database) -> list[Feedback]:
    with db.read() as session:
        return list(session.scalars(select(Feedback).order_by(Feedback.subject, Feedback.person_key, Feedback.source)))


def counted(db: Database, name: str) -> int:
    with db.read() as session:
        return session.scalar(select(func.coalesce(func.sum(getattr(RollupDay, name)), 0))) or 0


def test_a_patch_changes_what_it_names_and_leaves_the_rest(feed: Feed, db: Database) -> None:
    feed(an_output(1), some_feedback(2, minutes=3, output_id=make_id(1), user="u-1", down=True, reasons=["style"]))
    feed(some_feedback(3, minutes=2, output_id=make_id(1), user="u-1", comment="too long"))
    feed(some_feedback(4, minutes=1, output_id=make_id(1), user="u-1", reasons=None))
    [row] = all_feedback(db)
    assert (row.polarity, row.reasons, row.comment, row.triaged_at) == (-1, None, "too long", None)
    assert counted(db, "down") == 1


def test_taking_it_back_clears_what_is_older_and_a_later_word_counts_again(feed: Feed, db: Database) -> None:
    feed(an_output(1), some_feedback(2, minutes=3, output_id=make_id(1), user="u-1", down=True, comment="bad"))
    feed(some_feedback(3, minutes=2, output_id=make_id(1), user="u-1", retracted=True))
    [row] = all_feedback(db)
    assert (row.retracted, row.counts, row.polarity, row.comment) == (True, False, None, None)
    assert counted(db, "rated") == 0
    feed(some_feedback(4, minutes=1, output_id=make_id(1), user="u-1", up=True))
    [row] = all_feedback(db)
    assert (row.retracted, row.counts, row.polarity, row.comment) == (False, True, 1, None)


def test_one_row_for_each_person_and_source_and_nobody_is_no_person(feed: Feed, db: Database) -> None:
    about: dict[str, Any] = {"output_id": make_id(1), "down": True}
    feed(
        an_output(1, user="u-1"),
        some_feedback(2, user="u-1", **about),
        some_feedback(3, user="u-2", **about),
        some_feedback(4, **about),
        some_feedback(5, **about),
        some_feedback(6, user="u-1", source="reviewer", **about),
    )
    rows = all_feedback(db)
    assert [(row.person, row.source, row.counts) for row in rows] == [
        (None, "end_user", True),
        ("u-1", "end_user", True),
        ("u-1", "reviewer", False),
        ("u-2", "end_user", True),
    ]
    assert counted(db, "rated") == 3
    with db.read() as session:
        raters = session.scalars(select(PersonDay.person).where(PersonDay.rated > 0)).all()
    assert sorted(raters) == ["u-1", "u-2"]


def test_whoever_is_called_as_nobody_s_key_is_a_person_like_any_other(feed: Feed, db: Database) -> None:
    name = f"anon:o:{make_id(1).hex}"
    feed(an_output(1, user=name), some_feedback(2, output_id=make_id(1), down=True))
    feed(some_feedback(3, minutes=1, output_id=make_id(1), user=name, up=True))
    feed(some_feedback(4, output_id=make_id(1), user=name, comment="mine"))
    said = {row.person: (row.polarity, row.comment) for row in all_feedback(db)}
    assert said == {None: (-1, None), name: (1, "mine")}
    with db.read() as session:
        [counts] = session.scalars(select(PersonDay)).all()
    assert (counts.person, counts.outputs, counts.rated) == (name, 1, 1)


def test_feedback_that_comes_before_its_output_counts_for_the_output_s_day_once_it_is_there(
    feed: Feed, db: Database
) -> None:
    feed(some_feedback(2, output_id=make_id(1), user="u-1", down=True))
    assert (counted(db, "down"), counted(db, "unlinked")) == (0, 1)
    feed(an_output(1, minutes=3 * 1440, prompt_version="v1"))
    assert (counted(db, "down"), counted(db, "unlinked")) == (1, 0)
    [row] = all_feedback(db)
    assert (row.output_id, row.day) == (make_id(1), (NOW - timedelta(days=3)).date())


def test_feedback_by_trace_joins_what_was_said_about_the_output_itself(feed: Feed, db: Database) -> None:
    feed(some_feedback(2, minutes=2, trace_id=TRACE, user="u-1", down=True))
    feed(some_feedback(3, minutes=1, output_id=make_id(1), user="u-1", comment="no"))
    feed(an_output(1, trace_id=TRACE))
    [row] = all_feedback(db)
    assert (row.subject, row.polarity, row.comment) == (f"o:{make_id(1).hex}", -1, "no")
    with db.read() as session:
        assert set(session.scalars(select(FeedbackEvent.feedback_id))) == {row.id}


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ({"span_id": "1" * 16}, make_id(1)),
        ({"span_id": "9" * 16, "feature": "chat"}, make_id(2)),
        ({"feature": "chat"}, make_id(2)),
        ({"feature": "summary"}, None),
    ],
)
def test_an_ambiguous_trace_is_settled_by_span_then_by_feature_and_is_never_guessed(
    feed: Feed, db: Database, reference: dict[str, Any], meant: UUID | None
) -> None:
    feed(
        an_output(1, trace_id=TRACE, span_id="1" * 16),
        an_output(2, trace_id=TRACE, span_id="2" * 16, feature="chat"),
        an_output(3, trace_id=TRACE, span_id="3" * 16),
        some_feedback(4, trace_id=TRACE, user="u-1", down=True, **reference),
    )
    [row] = all_feedback(db)
    assert row.output_id == meant
    assert counted(db, "unlinked") == (meant is None)


def test_feedback_leaves_an_output_when_a_second_one_makes_its_trace_ambiguous(feed: Feed, db: Database) -> None:
    feed(an_output(1, trace_id=TRACE), some_feedback(2, trace_id=TRACE, user="u-1", down=True))
    assert [row.output_id for row in all_feedback(db)] == [make_id(1)]
    feed(an_output(3, trace_id=TRACE))
    assert [row.output_id for row in all_feedback(db)] == [None]
    assert (counted(db, "down"), counted(db, "unlinked")) == (0, 1)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_two_pieces_of_feedback_that_move_at_once_keep_their_own_words(
    feed: Feed, db: Database, first: int, second: int
) -> None:
    feed(
        an_output(first, trace_id=TRACE, span_id="1" * 16, feature="f2"),
        an_output(second, trace_id=TRACE, span_id="2" * 16, feature="f1", response_id="r"),
    )
    feed(
        some_feedback(11, trace_id=TRACE, span_id="1" * 16, feature="f1", user="u-1", comment="A"),
        some_feedback(12, response_id="r", feature="f2", user="u-1", down=True),
    )
    feed(an_output(3, trace_id=TRACE, span_id="1" * 16, feature="f2", response_id="r"))
    said = {row.output_id: (row.comment, row.polarity) for row in all_feedback(db)}
    assert said == {make_id(second): ("A", None), make_id(3): (None, -1)}


@pytest.mark.parametrize(
    "two",
    [
        (an_output(7), an_output(7)),
        (some_feedback(7, output_id=make_id(1), up=True), some_feedback(7, output_id=make_id(1), down=True)),
        (a_signal(7, "copied", 1), a_signal(7, "copied", 1)),
    ],
    ids=["output", "feedback", "signal"],
)
@pytest.mark.parametrize("other", [timedelta(days=500), None])
def test_two_ids_that_are_stored_as_one_are_one_event(
    feed: Feed, db: Database, two: tuple[dict[str, Any], dict[str, Any]], other: timedelta | None
) -> None:
    """Ids from the far future that differ in their time alone, or one of them and what it is stored as."""
    first = make_id(7, at=NOW + timedelta(days=400))
    second = untimed(first) if other is None else make_id(7, at=NOW + other)
    batch = [an_output(1), {**two[0], "id": first}, {**two[1], "id": second}, an_output(2)]
    assert feed(*batch) == Taken(3, 1)
    assert feed(*batch) == Taken(0, 4)


def test_two_ids_that_were_tamed_to_one_are_known_when_their_future_comes_near(feed: Feed, db: Database) -> None:
    events = [{**an_output(1), "id": make_id(1, at=NOW + timedelta(hours=hours))} for hours in (25, 26)]
    assert feed(*events) == Taken(1, 1)
    assert feed(*events, an_output(2), now=NOW + timedelta(hours=3)) == Taken(1, 2)
    assert counted(db, "outputs") == 2


def test_an_id_that_was_tamed_is_known_when_its_future_comes_near(feed: Feed, db: Database) -> None:
    ahead = make_id(1, at=NOW + timedelta(hours=25))
    event = {**an_output(1), "id": ahead}
    assert feed(event).accepted == 1
    later = NOW + timedelta(hours=2)
    assert feed(event, now=later).duplicates == 1
    feed(some_feedback(2, output_id=ahead, user="u-1", down=True), now=later)
    assert (counted(db, "outputs"), counted(db, "down")) == (1, 1)


def test_a_batch_that_is_sent_in_two_requests_at_once_counts_for_the_first(db: Database, project: Project) -> None:
    batches = [Batch(NOW, [an_output(1), an_output(2)]), Batch(NOW, [an_output(2), an_output(3)])]
    with db.write() as session:
        intake = Intake(Line(session.connection()), project.id, ZoneInfo(project.timezone), NOW, numbered_ids())
        assert take_all(intake, batches) == [Taken(2, 0), Taken(1, 1)]


@pytest.mark.parametrize("off", [timedelta(days=3653), timedelta(days=-3653), timedelta(seconds=59)])
def test_a_clock_that_is_wrong_is_put_right(db: Database, project: Project, off: timedelta) -> None:
    from heedback_service.flow.intake import Batch
    from support import numbered_ids

    events = [{**an_output(1), "occurred_at": NOW + off - timedelta(hours=1)}]
    with db.write() as session:
        take(session, project, Batch(NOW + off, events), NOW, numbered_ids())
    with db.read() as session:
        stored = session.scalars(select(Output)).one()
    assert abs(stored.occurred_at - (NOW - timedelta(hours=1))) <= timedelta(minutes=1)


def test_an_id_from_the_far_future_loses_its_time_and_stays_the_same_at_a_retry(feed: Feed, db: Database) -> None:
    ahead = make_id(1, at=NOW + timedelta(days=400))
    event = {**an_output(1), "id": ahead}
    assert feed(event, some_feedback(2, output_id=ahead, user="u-1", up=True)).accepted == 2
    assert feed(event, now=NOW + timedelta(hours=2)).duplicates == 1
    with db.read() as session:
        stored = session.scalars(select(Output.id)).one()
    assert (stored.int >> 80, stored.int & 0xFFFF) == (0, 1)
    assert [row.output_id for row in all_feedback(db)] == [stored]


def test_a_signal_counts_once_an_output_also_when_it_is_early_or_repeated(feed: Feed, db: Database) -> None:
    feed(a_signal(10, "shown", 1), a_signal(11, "shown", 1), a_signal(12, "copied", 1))
    assert counted(db, "shown") == 0
    feed(an_output(1))
    feed(a_signal(13, "shown", 1), a_signal(10, "shown", 1))
    assert (counted(db, "shown"), counted(db, "copied")) == (1, 1)


def test_the_output_s_own_text_outranks_text_that_follows(feed: Feed, db: Database) -> None:
    follows = {**some_feedback(5), "type": "output_text", "output_id": make_id(1), "input": "later"}
    feed(follows)
    feed(an_output(1, input="own"))
    feed({**follows, "id": make_id(4), "input": "latest"})
    with db.read() as session:
        assert session.scalars(select(OutputText.input)).all() == ["own"]


def test_a_text_that_follows_is_kept_beside_the_output_s_own_other_text(feed: Feed, db: Database) -> None:
    follows = {**some_feedback(5), "type": "output_text", "output_id": make_id(1), "output": "answer"}
    for given in (
        [an_output(1, input="asked"), follows],
        [{**follows, "output_id": make_id(2)}, an_output(2, input="asked")],
    ):
        assert [feed(event) for event in given] == [Taken(1, 0)] * 2
        assert feed(*given) == Taken(0, 2)
    with db.read() as session:
        assert session.execute(select(OutputText.input, OutputText.output)).all() == [("asked", "answer")] * 2


@pytest.mark.parametrize("first", ["input", "output"])
def test_a_text_that_comes_later_keeps_none_for_longer(feed: Feed, db: Database, first: str) -> None:
    """They go together, so many days after the first of them came."""
    texts = {
        name: {**some_feedback(n), "type": "output_text", "output_id": make_id(1), name: name}
        for n, name in ((5, "input"), (4, "output"))
    }
    second = ({"input", "output"} - {first}).pop()
    feed(texts[first])
    feed(texts[second], now=NOW + timedelta(days=13))
    with db.read() as session:
        assert session.execute(select(OutputText.input, OutputText.output, OutputText.received_at)).all() == [
            ("input", "output", NOW)
        ]


def test_long_texts_are_counted_for_who_moves_the_log(db: Database, project: Project) -> None:
    with db.write() as session:
        intake = Intake(Line(session.connection()), project.id, ZoneInfo(project.timezone), NOW, numbered_ids())
        follows = {**some_feedback(5), "type": "output_text", "output_id": make_id(1), "output": "answer"}
        take_all(intake, [Batch(NOW, [an_output(1, input="asked"), follows])])
        assert intake.line.text == len("asked") + len("answer")


def test_texts_of_which_nothing_is_kept_are_duplicates(feed: Feed, db: Database) -> None:
    def text(n: int, **texts: str) -> dict[str, Any]:
        return {**some_feedback(n), "type": "output_text", "output_id": make_id(1), **texts}

    assert feed(text(5, input="5")) == Taken(1, 0)
    assert feed(text(5, output="5")) == Taken(0, 1)  # the same id again
    assert feed(text(6, input="6", output="6"), text(7, input="7", output="7")) == Taken(1, 1)
    assert feed(text(4, input="4")) == Taken(1, 0)
    assert feed(text(5, input="5"), text(6, input="6", output="6")) == Taken(0, 2)
    with db.read() as session:
        [kept] = session.scalars(select(OutputText)).all()
    assert (kept.input, kept.input_event, kept.output, kept.output_event) == ("4", make_id(4), "6", make_id(6))


def test_cost_and_latency_add_up_exactly(feed: Feed, db: Database) -> None:
    feed(*(an_output(n, cost_usd=0.1, latency_ms=0.1) for n in range(1, 11)))
    assert (counted(db, "cost_nano"), counted(db, "latency_us")) == (1_000_000_000, 1000)


def test_features_and_versions_beyond_the_cap_count_for_other(
    feed: Feed, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "MAX_FEATURES", 2)
    monkeypatch.setattr(naming, "MAX_SLICES", 2)
    feed(*(an_output(n, feature=f"f{n}") for n in range(1, 5)))
    feed(*(an_output(n, feature="f1", prompt_version=f"v{n}") for n in range(5, 9)))
    with db.read() as session:
        names = session.scalars(select(Feature.name).order_by(Feature.name)).all()
        overflowing = session.scalars(select(Slice).where(Slice.overflow)).all()
        in_overflow = session.scalars(select(Output.id).where(Output.slice_id == overflowing[0].id)).all()
    assert names == ["f1", "f2", "other"]
    assert len(overflowing) == 1
    assert len(in_overflow) == 3
    assert counted(db, "outputs") == 8


def test_rollup_verify_sees_a_count_that_was_changed_by_hand(feed: Feed, db: Database, project: Project) -> None:
    feed(an_output(1, user="u-1"))
    with db.write() as session:
        session.scalars(select(RollupDay)).one().outputs += 1
        session.scalars(select(PersonDay)).one().outputs += 2
    with db.read() as session:
        wrong = rollup.differences(session, project.id)
    assert [line.split()[0] for line in wrong] == ["day", "person"]
    with db.write() as session:
        session.scalars(select(RollupDay)).one().outputs -= 1
        session.scalars(select(PersonDay)).one().outputs -= 2
