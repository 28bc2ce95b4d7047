"""What the digest's numbers count, and what they do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from builders import Feed, Written, a_member, an_item, done_to, feedback_of, on, rated
from heedback_service.flow import digest_words as words
from heedback_service.flow.intake import Batch, take
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Project
from support import NOW, an_output, make_id, numbered_ids, some_feedback

MONDAY_SEVEN = NOW - timedelta(days=2, hours=6)


def test_counts_the_outputs_of_the_local_week_and_what_was_said_about_them(feed: Feed, written: Written) -> None:
    feed(*rated(1, 9, "ann"), *rated(2, 15, "ben", up=True), an_output(3, minutes=on(12), user="cid"))
    feed(an_output(4, minutes=on(8, 22)), an_output(5, minutes=on(8, 23)), an_output(6, minutes=on(15, 23)))  # UTC
    week = written()["week"]
    assert (week["outputs"], week["rated"], week["up"], week["down"]) == (4, 2, 1, 1)  # 23:00 UTC is Monday in Oslo


def test_people_are_counted_once_however_many_days_they_come(feed: Feed, written: Written) -> None:
    feed(*[event for day in range(9, 16) for event in rated(day, day, "ann")])
    feed(*rated(20, 11, "ben"), an_output(21, minutes=on(11), user="cid"))
    week = written()["week"]
    assert (week["rated"], week["raters"], week["people"]) == (8, 2, 3)


def test_many_people_who_rate_one_output_down_are_one_output_rated_down(feed: Feed, written: Written) -> None:
    feed(*[an_output(n, minutes=on(11)) for n in range(1, 21)], *rated(50, 4, "ann"))
    for n in range(25):
        feed(some_feedback(100 + n, minutes=on(12), output_id=make_id(1), user=f"p{n}", down=True))
    feed(some_feedback(200, minutes=on(12), output_id=make_id(2), user="p1", up=True))
    content = written()
    assert (content["week"]["rated"], content["week"]["down"], content["week_before"]["down"]) == (26, 1, 1)
    assert [day["down"] for day in content["days"]] == [0, 0, 1, 0, 0, 0, 0]
    (feature,) = content["features"]
    assert (feature["rated"], feature["down"], feature["down_before"]) == (26, 1, 1)
    down = words.figures(content)[0]
    assert (down.value, "1 of 20 outputs" in down.detail) == ("5.0\xa0%", True)


def test_of_days_whose_feedback_is_purged_the_ratings_are_the_most_that_can_be_said(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann"), *rated(2, 12, "ann"), an_output(3, minutes=on(11)))
    feed(*[some_feedback(9 + n, minutes=on(11), output_id=make_id(1), user=f"p{n}", down=True) for n in range(9)])
    with db.write() as session:
        session.execute(delete(Feedback).where(Feedback.output_id == make_id(1)))
        session.execute(update(Project).values(purged_before=date(2026, 11, 12)))
    content = written()
    assert [day["down"] for day in content["days"]] == [0, 0, 2, 1, 0, 0, 0]
    assert content["week"]["down"] == 3


def test_who_rates_an_output_of_nobody_was_shown_it(feed: Feed, written: Written) -> None:
    feed(an_output(1, minutes=on(11)), some_feedback(1, minutes=on(11), output_id=make_id(1), user="ann", down=True))
    week = written()["week"]
    assert (week["raters"], week["people"]) == (1, 1)


def test_a_retracted_rating_is_in_no_number(feed: Feed, written: Written) -> None:
    feed(*rated(1, 11, "ann", comment="wrong"), *rated(2, 11, "ben"))
    feed(some_feedback(3, minutes=on(12), output_id=make_id(1), user="ann", retracted=True))
    content = written()
    assert (content["week"]["rated"], content["week"]["raters"]) == (1, 1)
    assert [day["rated"] for day in content["days"]] == [0, 0, 1, 0, 0, 0, 0]


def test_the_week_before_is_told_beside_it(feed: Feed, written: Written) -> None:
    feed(*rated(1, 4, "ann"), *rated(2, 5, "ben", up=True), *rated(3, 11, "ann", up=True))
    content = written()
    before = content["week_before"]
    assert (before["rated"], before["down"], before["raters"]) == (2, 1, 2)
    assert content["week"]["down"] == 0
    (feature,) = content["features"]
    assert (feature["rated"], feature["outputs_before"], feature["down_before"]) == (1, 2, 1)


def test_features_are_told_apart_the_most_rated_first(feed: Feed, written: Written) -> None:
    feed(*rated(1, 11, "ann", feature="quiet"), *rated(4, 5, "ann", feature="gone"))
    feed(*rated(2, 11, "ann", feature="busy"), *rated(3, 11, "ben", feature="busy", up=True))
    told = [(f["name"], f["rated"], f["down"], f["raters"]) for f in written()["features"]]
    assert told == [
        ("busy", 2, 1, 2),
        ("quiet", 1, 1, 1),
    ]


def test_days_on_which_sdks_dropped_events_say_how_many(written: Written, db: Database, project: Project) -> None:
    then = NOW - timedelta(days=7)
    with db.write() as session:
        told = Batch(sent_at=then, events=[], dropped={"spool_full": 5, "too_large": 2})
        take(session, project, told, then, numbered_ids())
    assert [day["dropped"] for day in written()["days"]] == [0, 0, 7, 0, 0, 0, 0]


def test_praise_names_how_much_the_loudest_gave_and_quotes_somebody_else(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(4):
        feed(*rated(n, 10, "fan", up=True, comment="love it"))
    feed(*rated(10, 9, "ann", up=True, comment="saved me an hour"), *rated(11, 9, None, up=True))
    praise = written()["praise"]
    with db.read() as session:
        quoted = feedback_of(session, project, "ann")[0]
    assert praise == {"up": 6, "people": 2, "loudest": 4, "quote": str(quoted.id)}


def test_first_look_is_the_median_over_the_items_looked_at_in_the_week(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(1, 6):
        feed(*rated(n, 9, f"p{n}"))
    with db.write() as session:
        alice = a_member(session, project, "alice")
        rows = feedback_of(session, project)
        for row, hours in zip(rows, (1, 4, 9), strict=False):
            item = an_item(session, project, hours, [row])
            done_to(session, item, "snooze", None, item.created_at + timedelta(minutes=1))  # the service is nobody
            done_to(session, item, "accept", alice, item.created_at + timedelta(hours=hours))
            done_to(session, item, "resolve", alice, item.created_at + timedelta(hours=hours + 5))
        late = an_item(session, project, 100, [rows[3]])
        done_to(session, late, "accept", alice, MONDAY_SEVEN)  # in the next week
    content = written()
    assert content["first_look"] == {"hours": 4, "items": 3}
    assert content["first_look_before"] == {"hours": None, "items": 0}


@pytest.fixture
def spam(db: Database) -> Callable[[str], None]:
    def spam(person: str) -> None:
        with db.write() as session:
            session.execute(update(Feedback).where(Feedback.person == person).values(spam=True, counts=False))

    return spam


def test_spam_is_neither_praised_nor_quoted(feed: Feed, written: Written, spam: Callable[[str], Any]) -> None:
    feed(*rated(1, 11, "bot", up=True, comment="buy pills"))
    spam("bot")
    assert written()["praise"] == {"up": 0, "people": 0, "loudest": 0, "quote": None}
