"""What is past its time goes, nothing goes early, and every count stays."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, update

import warm
from builders import Feed, ago
from heedback_service.core.ids import new_id
from heedback_service.flow import accounts, finding, purge, rollup
from heedback_service.flow.apart import Found
from heedback_service.flow.digest import plan_due, write_next
from heedback_service.flow.digest_view import view
from heedback_service.flow.dossier import dossier
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.projects import Refused, set_retention
from heedback_service.flow.themes import theme_step
from heedback_service.flow.triage import triage_next
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import (
    Account,
    AccountSession,
    Candidate,
    DigestRun,
    Feedback,
    FeedbackEvent,
    Item,
    ItemFeedback,
    ItemKey,
    ItemPerson,
    Output,
    OutputText,
    PersonDay,
    Project,
    RollupDay,
    Signal,
    Theme,
)
from support import NOW, a_signal, an_output, some_feedback
from support import make_id as an_id

DAY = timedelta(days=1)
ROWS = (Output, OutputText, Signal, Feedback, FeedbackEvent, PersonDay)


def make_id(n: int) -> UUID:
    """Ids made long ago: those of a batch that is fed at an old moment must not lie ahead of it."""
    return an_id(n, NOW - 600 * DAY)


@pytest.fixture
def feed(feed: Feed) -> Feed:
    """Take events in with ids from long ago."""

    def feeding(*events: dict[str, Any], now: datetime = NOW) -> Any:
        named = ("id", "output_id")
        return feed(*({**each, **{k: _aged(each[k]) for k in named if k in each}} for each in events), now=now)

    return feeding


def _aged(given: UUID) -> UUID:
    return UUID(int=make_id(0).int >> 80 << 80 | given.int & (1 << 80) - 1)


@pytest.fixture(autouse=True)
def _counts_are_true(db: Database, project: Project) -> Any:
    yield
    with db.read() as session:
        assert rollup.differences(session, project.id) == []
        for item in session.scalars(select(Item)):
            people = select(ItemPerson.person).where(ItemPerson.item_id == item.id)
            inside = select(ItemFeedback.feedback_id).where(ItemFeedback.item_id == item.id)
            assert len(list(session.scalars(people))) == item.people
            assert len(list(session.scalars(inside))) == item.feedback_count


@pytest.fixture
def keeping(db: Database, project: Project) -> Callable[[int], None]:
    """Change how long the project keeps things."""

    def keep(days: int) -> None:
        with db.write() as session:
            assert set_retention(session.get_one(Project, project.id), days) is None

    return keep


def drain(db: Database, now: datetime = NOW) -> int:
    """Run the job's step until it finds nothing; returns how often it did."""
    steps = 0
    while True:
        with db.write() as session:
            if not purge.purge_next(session, now):
                return steps
        steps += 1
        assert steps < 1000


class Late:
    """Somebody takes events in and has not committed yet, while the purge wants to go on."""

    def __init__(self, db: Database, project: Project, *events: dict[str, Any]) -> None:
        self._taken, self._go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._take, args=(db, project, events))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._taken.wait(30)
        threading.Timer(0.3, self._go_on.set).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)

    def _take(self, db: Database, project: Project, events: tuple[dict[str, Any], ...]) -> None:
        with db.write() as session:
            take(session, project, Batch(NOW, events), NOW, new_id)
            self._taken.set()
            self._go_on.wait(30)


def test_what_is_said_while_its_output_goes_does_not_outlive_it(
    db: Database, project: Project, feed: Feed, keeping: Callable[[int], None]
) -> None:
    keeping(30)
    old = {"minutes": ago(days=40)}
    feed(an_output(1, **old), some_feedback(11, output_id=make_id(1), user="ann", comment="Wrong", **old))
    late = some_feedback(12, output_id=make_id(1), user="bob", comment="I agree")
    with Late(db, project, late):
        drain(db)
    drain(db)
    with db.read() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Output, Feedback)] == [0, 0]


def test_a_new_word_that_comes_while_old_ones_go_is_kept(
    db: Database, project: Project, feed: Feed, keeping: Callable[[int], None]
) -> None:
    keeping(30)
    about = {"join_key": "order-7", "user": "ann"}
    feed(some_feedback(11, **about, comment="Wrong", minutes=ago(days=40)))
    with Late(db, project, some_feedback(12, **about, flag=True)):
        drain(db)
    with db.read() as session:
        assert session.execute(select(Feedback.comment, Feedback.flag)).all() == [("Wrong", True)]
        assert session.scalar(select(func.count()).select_from(FeedbackEvent)) == 2


def triaged(db: Database) -> None:
    with db.write() as session:
        while triage_next(session, NOW, new_id=new_id):
            pass


def count(db: Database, table: Any) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def texts(db: Database) -> set[UUID]:
    with db.read() as session:
        return set(session.scalars(select(OutputText.output_id)))


def totals(db: Database) -> dict[str, int]:
    names = ("outputs", "rated", "down", "up", "copied", "unlinked", "cost_nano")
    with db.read() as session:
        return {name: session.scalar(select(func.sum(getattr(RollupDay, name)))) or 0 for name in names}


def test_texts_that_nobody_rated_go_after_14_days_and_not_a_moment_before(feed: Feed, db: Database) -> None:
    feed(an_output(1, input="q", output="a"), now=NOW - 14 * DAY)
    feed(an_output(2, input="q", output="a"), now=NOW - 14 * DAY + timedelta(microseconds=1))
    drain(db)
    assert texts(db) == {make_id(2)}
    assert count(db, Output) == 2


@pytest.mark.parametrize(
    "said", [{"up": True}, {"flag": True}, {"comment": "hm"}, {"source": "reviewer", "down": True}]
)
def test_the_text_of_an_output_somebody_spoke_about_stays_with_it(
    feed: Feed, db: Database, said: dict[str, Any]
) -> None:
    feed(
        an_output(1, input="q", output="a"),
        an_output(2, output="b"),
        some_feedback(3, output_id=make_id(1), **said),
        now=NOW - 20 * DAY,
    )
    drain(db)
    assert texts(db) == {make_id(1)}


def test_texts_that_came_together_are_all_looked_at_however_many(feed: Feed, db: Database) -> None:
    """More of one moment than a step's batch, and more behind them."""
    shown = [an_output(n, output="a") for n in range(1, 2 * purge.BATCH)]
    feed(*shown, some_feedback(5000, output_id=make_id(7), up=True), now=NOW - 30 * DAY)
    feed(an_output(9000, output="later"), now=NOW - 15 * DAY)
    drain(db)
    assert texts(db) == {make_id(7)}
    assert drain(db) == 0


def test_a_text_replaced_later_has_its_own_14_days(feed: Feed, db: Database) -> None:
    follow = {**an_output(5), "type": "output_text", "output_id": make_id(1), "input": "q", "output": "a"}
    feed(an_output(1), now=NOW - 20 * DAY)
    feed(follow, now=NOW - 10 * DAY)
    drain(db)
    assert texts(db) == {make_id(1)}
    drain(db, NOW + 4 * DAY)
    assert texts(db) == set()


def test_whole_local_days_go_when_they_are_past_retention(feed: Feed, db: Database, keeping: Any) -> None:
    """In Oslo, 19 October 2026 begins at 22:00 UTC of the 18th: it lies 30 days before the 18th of November."""
    keeping(30)
    first = datetime(2026, 10, 18, 22, tzinfo=UTC)
    kept, gone = (NOW - first) / timedelta(minutes=1), (NOW - first + timedelta(seconds=1)) / timedelta(minutes=1)
    feed(an_output(1, minutes=kept, user="ann"), an_output(2, minutes=gone, user="ann"))
    before = totals(db)
    drain(db)
    with db.read() as session:
        assert list(session.scalars(select(Output.id))) == [make_id(1)]
        assert list(session.scalars(select(PersonDay.day))) == [datetime(2026, 10, 19).date()]  # noqa: DTZ001
        assert session.scalars(select(Project.purged_before)).one() == datetime(2026, 10, 19).date()  # noqa: DTZ001
    assert totals(db) == before


def everything(n: int, days: float, user: str = "ann") -> list[dict[str, Any]]:
    """An output with its text, two signals and a rating, so many days ago; ids from n to n + 4."""
    minutes = ago(days=days)
    return [
        an_output(n, minutes=minutes, user=user, input="q", output="a", cost_usd=0.5),
        a_signal(n + 1, "shown", n, minutes=minutes),
        a_signal(n + 2, "copied", n, minutes=minutes),
        some_feedback(n + 3, minutes=minutes, user=user, output_id=make_id(n), down=True, comment=f"Wrong VAT in {n}"),
        some_feedback(n + 4, minutes=minutes - 1, user=user, output_id=make_id(n), reasons=["incorrect"]),
    ]


def test_an_output_goes_with_all_that_belongs_to_it_and_its_counts_stay(feed: Feed, db: Database) -> None:
    feed(*everything(10, 402), *everything(20, 399))
    triaged(db)
    before = totals(db)
    drain(db)
    assert [count(db, table) for table in ROWS] == [1, 1, 2, 1, 2, 1]
    assert totals(db) == before
    assert before["down"] == before["copied"] == 2


def test_feedback_leaves_its_items_which_stay(feed: Feed, db: Database, project: Project) -> None:
    said = "The total leaves out the VAT on the second invoice"
    for n, days, user in ((10, 402, "ann"), (20, 402, "bob"), (30, 10, "ann"), (40, 10, "cleo")):
        shown, *_, last = everything(n, days, user)
        feed(shown, {**last, "rating": {"value": 0, "scale": "thumbs"}, "comment": said})
    feed(*everything(50, 402, "dan"))
    triaged(db)
    drain(db)
    with db.read() as session:
        shared, alone = session.scalars(select(Item).order_by(Item.feedback_count.desc()))
        assert (shared.feedback_count, shared.people) == (2, 2)
        assert (alone.feedback_count, alone.people, alone.priority) == (0, 0, 0)
        keys = session.scalars(select(ItemFeedback.item_id).join(ItemKey, finding.HOLDS).distinct()).all()
        assert keys == [shared.id]  # who reports the same again finds it
        for item in (shared, alone):
            found = dossier(session, project, item.number, NOW)
            assert found is not None
            assert found.reports == item.feedback_count


def test_nothing_that_was_read_off_feedback_quotes_it_any_more(feed: Feed, db: Database, project: Project) -> None:
    """Titles of items and themes, and the words that tied candidates: at once, not when themes are worked out anew."""
    said = {
        ("ann", 402): "Zebra totals leave out the VAT",  # alone in its item, which is emptied
        ("bob", 402): "Totals of March leave out the zebra tax",  # the same, renamed by a person
        ("cleo", 10): "Totals of the zebra leave out a line",
        ("dan", 402): "Pages of the unicorn print blank",  # all of its theme goes
        ("eve", 402): "Blank pages when the unicorn prints",
    }
    for n, ((user, days), comment) in enumerate(said.items(), 1):
        shown, *_, last = everything(10 * n, days, user)
        feed(shown, {**last, "rating": {"value": 0, "scale": "thumbs"}, "comment": comment})
    triaged(db)
    with db.write() as session:
        renamed = update(Item).where(Item.title.contains("March")).values(title="VAT in March", title_by="person")
        session.execute(renamed)
    assert theme_step(db, NOW, new_id=new_id, overview=_two_themes)
    with db.read() as session:
        assert len(session.scalars(select(Theme)).all()) == 2
        assert session.scalars(select(Candidate)).all()
    drain(db)
    with db.read() as session:
        titles = session.scalars(select(Item.title).order_by(Item.number)).all()
        assert titles[2] == f"“{said['cleo', 10]}”"
        assert titles[1] == "VAT in March"
        assert {titles[0], titles[3], titles[4]} == {"Marked incorrect, no words"}
        assert session.scalars(select(Theme.title)).all() == [f"“{said['cleo', 10]}”"]
        assert session.scalars(select(Candidate)).all() == []
        kept = session.scalars(select(Item.theme_id).where(Item.theme_id.is_not(None))).all()
        assert set(kept) == {session.scalar(select(Theme.id))}


def _two_themes(texts: Sequence[str], apart: Sequence[tuple[int, int]]) -> Found:
    """Who speaks of zebras and who does not; the candidate is the one before."""
    themes = [int("unicorn" in text) for text in texts]
    return Found(themes, [[(at - 1, 0.5, ["zebra"])] if at else [] for at in range(len(texts))])


def test_an_old_digest_can_still_be_read(feed: Feed, db: Database, project: Project) -> None:
    """Its numbers are frozen, its quotes have gone, and what nobody can count any more is not counted as nobody."""
    feed(*everything(10, 9, "ann"), *everything(20, 9, "bob"))
    triaged(db)
    with db.write() as session:
        item = session.scalars(select(Item)).first()
        assert item is not None
        item.state, item.resolved_in, item.changed_at = "resolved", "1.2", NOW - 8 * DAY
        plan_due(session, NOW)
    while write_next(db, NOW):
        pass
    drain(db, NOW + 500 * DAY)
    assert [count(db, table) for table in ROWS] == [0] * len(ROWS)
    with db.read() as session:
        shown = view(session, project, session.scalars(select(DigestRun)).one(), None)
    assert "Wrong VAT" not in str([entry.quote for entry in (*shown.first, *shown.flagged)])
    assert "0" not in str([entry.facts.split(";")[1:] for entry in shown.resolved])
    assert sum(day.rated for day in shown.days) == 2


def test_late_feedback_on_a_purged_output_is_kept_and_counted_apart(feed: Feed, db: Database) -> None:
    feed(*everything(10, 402))
    drain(db)
    before = totals(db)
    feed(some_feedback(99, output_id=make_id(10), user="ann", down=True, comment="Late, and still wrong"))
    triaged(db)
    with db.read() as session:
        late = session.scalars(select(Feedback)).one()
        assert (late.output_id, late.counts) == (None, True)
    assert totals(db) == {**before, "unlinked": before["unlinked"] + 1}
    drain(db, NOW + 402 * DAY)
    assert count(db, Feedback) == count(db, FeedbackEvent) == 0


def test_what_waits_for_an_output_that_never_came_goes_by_its_own_age(feed: Feed, db: Database) -> None:
    text = {"type": "output_text", "id": make_id(3), "output_id": make_id(1), "feature": "summary", "output": "a"}
    old, young = ago(days=402), ago(days=399)
    feed(
        some_feedback(1, minutes=old, trace_id="a" * 32, user="ann", down=True),
        some_feedback(2, minutes=young, trace_id="b" * 32, user="ann", down=True),
        a_signal(4, "copied", 77, minutes=old),
        a_signal(5, "copied", 77, minutes=young),
    )
    feed({**text, "occurred_at": NOW}, some_feedback(6, minutes=old, output_id=make_id(1), down=True))
    assert count(db, OutputText) == 1
    drain(db)
    with db.read() as session:
        [left] = session.scalars(select(Feedback.subject))
        assert left.startswith("t:bbb")
        assert list(session.scalars(select(Signal.id))) == [make_id(5)]
    assert count(db, OutputText) == 0


def test_keeping_for_longer_brings_nothing_back_and_verify_knows(feed: Feed, db: Database, keeping: Any) -> None:
    feed(*everything(10, 50), *everything(20, 20))
    keeping(30)
    drain(db)
    keeping(400)
    assert drain(db) == 0
    with db.read() as session:
        project = session.scalars(select(Project)).one()
        assert rollup.differences(session, project.id) == []
    feed(*everything(30, 50))  # an import: it is counted, though nobody can recount that day
    assert count(db, Output) == 2


def test_a_count_that_is_wrong_inside_the_window_is_still_found(feed: Feed, db: Database, project: Project) -> None:
    feed(*everything(10, 402), *everything(20, 10))
    drain(db)
    with db.write() as session:
        row = session.scalars(select(RollupDay).where(RollupDay.day > (NOW - 20 * DAY).date())).one()
        row.down += 1
    with db.read() as session:
        assert len(rollup.differences(session, project.id)) == 1
    with db.write() as session:
        session.scalars(select(RollupDay).where(RollupDay.day > (NOW - 20 * DAY).date())).one().down -= 1


def test_a_dry_run_says_exactly_what_goes(feed: Feed, db: Database, project: Project) -> None:
    feed(*everything(10, 402), *everything(20, 402, "bob"), *everything(30, 5))
    feed(an_output(60, output="unrated"), an_output(61, output="rated"), now=NOW - 20 * DAY)
    feed(some_feedback(62, output_id=make_id(61), up=True), a_signal(63, "copied", 999, minutes=ago(days=500)))
    feed(some_feedback(64, minutes=ago(days=450), join_key="k", user="eve", down=True))
    with db.read() as session:
        promised = purge.due(session, session.get_one(Project, project.id), NOW)
    went: Counter[str] = Counter()
    while True:
        with db.write() as session:
            step = purge.purge_step(session, project.id, NOW)
        if step is None:
            break
        went += step
    assert went == promised
    expected = {"texts": 3, "outputs": 2, "signals": 5, "feedback": 3, "feedback events": 5, "person days": 2}
    assert promised == expected


def test_looking_for_what_is_due_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    """The job looks every hour, however much is stored: each query seeks by what makes a row old."""
    asked: list[tuple[str, Any]] = []
    db = open_database(f"sqlite:///{tmp_path / 'plans.db'}")
    with db.write() as session:
        session.add(Project(id=1, slug="acme", name="Acme", timezone="UTC", created_at=NOW))
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    with db.write() as session:
        assert purge.purge_step(session, 1, NOW) is None
    looks = [(words, values) for words, values in asked if "LIMIT" in words]
    assert len(looks) == 5
    with db.read() as session:
        for words, values in looks:
            [first, *_] = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
            assert "SEARCH" in first[3]
            assert "<?)" in first[3], first[3]
    db.dispose()


def test_expired_sign_ins_go_and_living_ones_stay(db: Database, project: Project) -> None:
    with db.write() as session:
        account = accounts.create_account(session, "ana@example.org", "Ana", NOW, new_id)
        assert isinstance(account, Account)
        accounts.open_session(session, account.id, NOW - 14 * DAY)
        accounts.make_link(session, account.id, NOW - DAY)
        living = accounts.open_session(session, account.id, NOW - 14 * DAY + timedelta(seconds=1))
    drain(db)
    assert count(db, AccountSession) == 1
    assert accounts.signed_in(db, living.secret, NOW) is not None


@pytest.mark.parametrize("days", [29, 3651])
def test_a_retention_nobody_can_mean_is_refused(project: Project, days: int) -> None:
    assert isinstance(set_retention(project, days), Refused)


KILLED = """
import sys
from datetime import datetime
from sqlalchemy import event
from heedback_service.flow import purge
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database

url, now, after = sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
purge.BATCH = 10
db = Database(url)
for n in range(after + 1):
    with db.write() as session:
        purge.purge_next(session, now)
        session.flush()
        if n == after:
            print("in the middle", flush=True)
            sys.stdin.readline()
"""


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_purge_that_is_killed_in_the_middle_leaves_true_counts_and_goes_on(
    feed: Feed, db: Database, project: Project, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    for n in range(60):
        feed(*everything(10 * n + 10, 410 - n % 30, f"person-{n % 7}"))
    triaged(db)
    before = totals(db)
    monkeypatch.setattr(purge, "BATCH", 10)
    words = [db.address, NOW.isoformat(), str(after)]
    with warm.Process(KILLED, words, os.environ, stdin=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
    assert count(db, Output) == 60 - 10 * after
    assert (count(db, Feedback), count(db, FeedbackEvent)) == (count(db, Output), 2 * count(db, Output))
    _check(db, project)
    assert drain(db) > 0
    assert count(db, Output) == 40
    assert totals(db) == before


def _check(db: Database, project: Project) -> None:
    with db.read() as session:
        assert rollup.differences(session, project.id) == []
        held = session.execute(select(func.sum(Item.feedback_count), func.count(Item.id))).one()
        assert held[0] == session.scalar(select(func.count()).select_from(ItemFeedback)) == count(db, Feedback)
