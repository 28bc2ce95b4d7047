"""People correct triage, and it keeps to that: what each verb moves and records, and that undo restores it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from correcting import GERMAN, SLOW, TYPO, VAT, Desk
from engines import Engines
from heedback_service.core.grouping import JOIN_AT
from heedback_service.core.overview import overview
from heedback_service.flow import backlog, corrections, learning, links, placement, undoing
from heedback_service.flow.apart import Found
from heedback_service.flow.backlog import Done
from heedback_service.flow.corrections import Split
from heedback_service.flow.kindred import kindred
from heedback_service.flow.refusal import Refused
from heedback_service.flow.themes import EVERY, theme_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Candidate, Feedback, Item, ItemEvent, Link, Project
from support import NOW, make_id, some_feedback


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


def test_a_merge_moves_all_reports_and_leaves_the_number(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO, c=SLOW)
    assert isinstance(desk.do(corrections.merge, 1, into=2), Done)
    assert desk.parts() == {2: "a b c"}
    desk.check()
    with desk.db.read() as session:
        events = session.execute(
            select(Item.number, ItemEvent.verb, ItemEvent.actor)
            .join(Item, Item.id == ItemEvent.item_id)
            .where(ItemEvent.actor.is_not(None))
            .order_by(ItemEvent.id)
        ).all()
    assert sorted(events) == [(1, "merge", desk.bob), (2, "take_in", desk.bob)]


def test_what_comes_after_a_merge_joins_by_the_words_of_either(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    desk.do(corrections.merge, 1, into=2)
    desk.told(c=TYPO, d=SLOW)
    assert desk.parts() == {2: "a b c d"}


def test_a_split_makes_an_item_that_stays_apart(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO, c=VAT)
    split = desk.do(corrections.split_off, 1, feedback=["b"])
    assert isinstance(split, Split)
    assert (split.number, desk.parts()) == (2, {1: "a c", 2: "b"})
    desk.triage_again()
    assert desk.parts() == {1: "a c", 2: "b"}
    desk.check()


def test_reports_that_are_the_same_by_their_words_can_be_told_apart(desk: Desk) -> None:
    """And each of the two goes on finding its like, or the older one does."""
    desk.told(a=None, b=None, c=None)
    desk.do(corrections.split_off, 1, feedback=["a"])
    desk.triage_again()
    assert desk.parts() == {1: "b c", 2: "a"}


def test_a_moved_report_stays_where_it_was_moved(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO, c=SLOW)
    desk.do(corrections.move, 1, feedback=["b"], to=2)
    desk.triage_again()
    assert desk.parts() == {1: "a", 2: "b c"}
    desk.check()


def test_what_comes_back_goes_to_those_a_person_put_it_with(desk: Desk) -> None:
    """It was retracted, and left; then it is said again."""
    desk.told(a=VAT, b=TYPO, c=SLOW)
    desk.do(corrections.move, 1, feedback=["b"], to=2)
    n = int.from_bytes(b"b")
    desk.hear(some_feedback(n + 1000, output_id=make_id(1), user="b", retracted=True, minutes=-1))
    desk.triage()
    assert desk.parts() == {1: "a", 2: "c"}
    desk.hear(some_feedback(n + 2000, down=True, output_id=make_id(1), user="b", comment=TYPO, minutes=-2))
    desk.triage()
    assert desk.parts() == {1: "a", 2: "b c"}


def test_two_items_said_not_to_be_the_same_are_not_bridged(desk: Desk) -> None:
    left = "the quarterly summary leaves out page seven and every single footnote again today"
    right = "the quarterly summary leaves out page seven and every single footnote"
    desk.told(a=left, b=right)
    desk.do(corrections.not_same, 1, other=2)
    desk.told(c="the quarterly summary leaves out page seven and every single footnote again")
    assert desk.parts() == {1: "a c", 2: "b"}
    desk.triage_again()
    assert desk.parts() == {1: "a c", 2: "b"}


def test_a_report_said_not_to_belong_to_an_item_does_not_join_it_when_its_words_do(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    desk.do(corrections.not_same, 2, other=1, feedback=["b"])
    n = int.from_bytes(b"b")
    desk.hear(some_feedback(n + 1000, output_id=make_id(1), user="b", comment=VAT, minutes=-1))
    desk.triage()
    assert desk.parts() == {1: "a", 2: "b"}


def test_the_newest_word_on_a_pair_counts(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    desk.do(corrections.not_same, 1, other=2)
    desk.do(corrections.merge, 1, into=2)
    desk.triage_again()
    assert desk.parts() == {2: "a b"}
    split = desk.do(corrections.split_off, 2, feedback=["a"])
    desk.triage_again()
    assert desk.parts() == {2: "b", split.number: "a"}


VERBS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (corrections.merge, {"into": 2}),
    (corrections.split_off, {"feedback": ["b"]}),
    (corrections.move, {"feedback": ["b", "c"], "to": 2}),
    (corrections.not_same, {"other": 2}),
    (corrections.not_same, {"other": 2, "feedback": ["b"]}),
]
NAMES = ["merge", "split off", "move", "not the same", "reports are not the same"]


@pytest.mark.parametrize(("verb", "named"), VERBS, ids=NAMES)
@pytest.mark.parametrize("at", ["first", "second"])
def test_undo_restores_all_of_it_from_either_item(
    desk: Desk, verb: Callable[..., Any], named: dict[str, Any], at: str
) -> None:
    desk.told(a=VAT, b=TYPO, c=VAT, d=SLOW)
    before = desk.everything()
    done = desk.do(verb, 1, **named)
    assert desk.everything() != before
    other = done.number if isinstance(done, Split) else 2
    number = 1 if at == "first" else other
    assert isinstance(desk.do(undoing.undo, number), Done)
    assert desk.everything() == before
    assert isinstance(desk.do(undoing.undo, 1), Refused)
    assert isinstance(desk.do(undoing.undo, other), Refused)
    parts = desk.parts()
    desk.triage_again()
    assert desk.parts() == parts
    desk.check()


def test_unmerge_takes_a_merge_back_and_nothing_else(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    assert isinstance(desk.do(undoing.unmerge, 1), Refused)
    before = desk.everything()
    desk.do(corrections.merge, 1, into=2)
    desk.do(backlog.accept, 2)
    assert isinstance(desk.do(undoing.unmerge, 1), Done)
    assert desk.parts() == {1: "a", 2: "b"}
    desk.do(undoing.undo, 2)
    assert desk.everything() == before


def test_what_was_moved_on_since_is_not_moved_back(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW, c=GERMAN)
    desk.do(corrections.merge, 1, into=2)
    desk.do(corrections.merge, 2, into=3)
    refused = desk.do(undoing.unmerge, 1)
    assert isinstance(refused, Refused)
    assert "first" in refused.why
    assert desk.parts() == {3: "a b c"}
    assert isinstance(desk.do(undoing.unmerge, 2), Done)
    assert isinstance(desk.do(undoing.unmerge, 1), Done)
    assert desk.parts() == {1: "a", 2: "b", 3: "c"}


@pytest.mark.parametrize(
    ("verb", "named"),
    [
        (corrections.merge, {"into": 1}),
        (corrections.split_off, {"feedback": ["a", "b"]}),
        (corrections.split_off, {"feedback": ["c"]}),
        (corrections.split_off, {"feedback": []}),
        (corrections.move, {"feedback": ["a", "b"], "to": 2}),
        (corrections.move, {"feedback": ["a"], "to": 1}),
        (corrections.not_same, {"other": 1}),
        (corrections.not_same, {"other": 2, "feedback": ["c"]}),
        (corrections.not_same, {"other": 2, "feedback": []}),
        (corrections.merge, {"into": 3}),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    desk: Desk, verb: Callable[..., Any], named: dict[str, Any]
) -> None:
    desk.told(a=VAT, b=TYPO, c=SLOW)
    desk.hear(some_feedback(900, down=True, output_id=make_id(9), user="e", comment=VAT, feature="chat"))
    desk.triage()
    before = desk.everything()
    refused = desk.do(verb, 1, **named)
    assert isinstance(refused, Refused)
    assert refused.why.endswith(".")
    assert desk.everything() == before


def test_who_comes_second_is_told_where_the_reports_are(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    assert isinstance(desk.do(corrections.merge, 1, into=2), Done)
    refused = desk.do(corrections.merge, 2, into=1)
    assert isinstance(refused, Refused)
    assert refused.see == 2
    assert desk.parts() == {2: "a b"}


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # on SQLite one writer comes after the other anyway
def test_of_two_merges_at_once_in_opposite_directions_the_second_is_refused(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    with ThreadPoolExecutor(1) as pool:
        with desk.db.write() as session:
            found = corrections.find_items(session, desk.project.id, 1, 2)
            assert found is not None
            second = pool.submit(desk.do, corrections.merge, 2, into=1)
            assert not wait([second], timeout=0.3).done
            corrections.merge(session, found[0], desk.bob, NOW, desk.new_id, into=found[1])
        refused = second.result(timeout=30)
    assert isinstance(refused, Refused)
    assert refused.see == 2
    assert desk.parts() == {2: "a b"}


def test_a_merge_that_was_taken_back_leads_nowhere(desk: Desk) -> None:
    """The item is emptied later, by a retraction."""
    desk.told(a=VAT, b=SLOW)
    desk.do(corrections.merge, 1, into=2)
    desk.do(undoing.unmerge, 1)
    n = int.from_bytes(b"a")
    desk.hear(some_feedback(n + 1000, output_id=make_id(1), user="a", retracted=True, minutes=-1))
    desk.triage()
    refused = desk.do(corrections.merge, 1, into=2)
    assert isinstance(refused, Refused)
    assert refused.see is None


def test_feedback_that_goes_takes_what_was_said_of_it_along(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    desk.do(corrections.merge, 1, into=2)
    with desk.db.write() as session:
        gone = desk.ids("a")
        placement.withdraw(session, desk.project.id, gone)
        for row in session.scalars(select(Feedback).where(Feedback.id.in_(gone))):
            session.delete(row)
    with desk.db.read() as session:
        assert session.scalars(select(Link)).all() == []
    assert isinstance(desk.do(undoing.undo, 2), Done)
    assert desk.parts() == {2: "b"}


def test_of_a_large_item_a_bounded_number_is_tied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LINKED", 2)
    desk.told(a=VAT, b=VAT, c=VAT, d=SLOW)
    desk.do(corrections.merge, 1, into=2)
    with desk.db.read() as session:
        assert 1 <= len(session.scalars(select(Link)).all()) <= 2
    desk.triage_again()
    assert desk.parts() == {2: "a b c d"}


def test_a_split_of_what_joined_makes_the_project_more_careful_and_undo_forgets_it(desk: Desk) -> None:
    """The two read alike at 0.905."""
    near = "the monthly report shows net prices in the wrong column again"
    nearer = f"{near} today"
    desk.told(a=near, b=nearer)
    assert desk.parts() == {1: "a b"}
    before = desk.learnt()
    desk.do(corrections.split_off, 1, feedback=["b"])
    after = desk.learnt()
    assert (before.join_at, before.answers) == (JOIN_AT, 0)
    assert (after.join_at, after.answers) == (0.92, 1)
    desk.do(undoing.undo, 1)
    assert desk.learnt() == before


def test_reports_join_at_what_the_project_has_learnt(desk: Desk) -> None:
    with desk.db.write() as session:
        session.execute(update(Project).values(join_at=1.0))
    desk.told(a=VAT, b=TYPO, c=VAT)
    assert desk.parts() == {1: "a c", 2: "b"}


def test_each_correction_is_an_answer_about_the_nearest_pair_and_words_too_few_are_none(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW, c=None, d=TYPO)
    desk.do(corrections.merge, 1, into=2)
    desk.do(corrections.merge, 2, into=3)
    with desk.db.read() as session:
        (given_,) = learning.answers(session, desk.project.id)
    assert given_.same
    assert given_.score < 0.5


PEOPLE = "abcdef"
TEXTS = st.sampled_from([None, "no vat", VAT, VAT, TYPO, SLOW, GERMAN])


@pytest.fixture(scope="session")
def fresh(engines: Engines) -> Callable[[], AbstractContextManager[Desk]]:
    """Makes desks, each with a file of its own."""

    @contextmanager
    def make() -> Iterator[Desk]:
        with engines.sqlite() as db:
            yield Desk(db)

    return make


class Model:
    """What people said of all pairs: each verb says something of every pair it is about, and the newest counts."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, dict[frozenset[str], bool]]] = []

    def note(self, event: Any, together: list[str], apart: tuple[str, str] | None = None) -> None:
        pairs = {frozenset(pair): True for group in together for pair in combinations(group, 2)}
        if apart is not None:
            pairs |= {frozenset(pair): False for pair in product(*apart)}
        self.said.append((event, pairs))

    def holds(self) -> dict[frozenset[str], bool]:
        found: dict[frozenset[str], bool] = {}
        for _, pairs in self.said:
            found |= pairs
        return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_triage_never_undoes_a_person(fresh: Callable[[], AbstractContextManager[Desk]], data: st.DataObject) -> None:
    """Random verbs, undone at random, with all feedback read again in between: every pair is as people said last."""
    with fresh() as desk:
        desk.told(**{who: data.draw(TEXTS) for who in PEOPLE})
        model = Model()
        for _ in range(data.draw(st.integers(1, 5))):
            _one_step(desk, model, data)
            if data.draw(st.booleans()):
                desk.triage_again()
            item_of = {who: number for number, people in desk.parts().items() for who in people.split()}
            for pair, same in model.holds().items():
                a, b = sorted(pair)
                assert (item_of[a] == item_of[b]) is same, (pair, same)
            desk.check()


def _one_step(desk: Desk, model: Model, data: st.DataObject) -> None:
    parts = {number: people.replace(" ", "") for number, people in desk.parts().items()}
    verb = data.draw(st.sampled_from(["merge", "split", "move", "not_same", "undo"]))
    one = data.draw(st.sampled_from(sorted(parts)))
    others = sorted(parts.keys() - {one})
    other = data.draw(st.sampled_from(others)) if others else one
    some = "".join(sorted(data.draw(st.sets(st.sampled_from(parts[one]), min_size=1))))
    rest = "".join(who for who in parts[one] if who not in some)
    if verb == "merge":
        done = desk.do(corrections.merge, one, into=other)
        said: tuple[Any, ...] = ([parts[one] + parts[other]],)
    elif verb == "split":
        done = desk.do(corrections.split_off, one, feedback=list(some))
        said = ([some, rest], (some, rest))
    elif verb == "move":
        done = desk.do(corrections.move, one, feedback=list(some), to=other)
        said = ([some + parts[other], rest], (some, rest))
    elif verb == "not_same":
        done = desk.do(corrections.not_same, one, other=other, feedback=list(some))
        said = ([], (some, parts[other]))
    else:
        done = desk.do(undoing.undo, one)
        if isinstance(done, Done):
            with desk.db.read() as session:
                undone = set(session.scalars(select(ItemEvent.undoes).where(ItemEvent.undoes.is_not(None))))
            model.said = [each for each in model.said if each[0] not in undone]
        return
    if isinstance(done, Done):
        model.note(done.event_id, *said)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_merge_then_a_split_is_as_before(
    fresh: Callable[[], AbstractContextManager[Desk]], data: st.DataObject
) -> None:
    with fresh() as desk:
        desk.told(**{who: data.draw(TEXTS) for who in PEOPLE})
        before = desk.parts()
        if len(before) == 1:
            return
        one, other = data.draw(st.permutations(sorted(before)))[:2]
        desk.do(corrections.merge, one, into=other)
        split = desk.do(corrections.split_off, other, feedback=before[one].split())
        desk.triage_again()
        assert sorted(desk.parts().values()) == sorted(before.values())
        for number in (split.number, one):  # and undoing both brings the numbers back
            desk.do(undoing.undo, number)
        assert desk.parts() == before


def test_what_is_not_the_same_is_no_candidate_from_then_on_and_themes_are_told(desk: Desk) -> None:
    desk.told(ann="export to Excel fails", ben="export to Excel breaks", cat=SLOW)
    assert _themes_anew(desk) == []
    assert _candidates(desk) == {(2, 1)}
    done = desk.do(corrections.not_same, 2, other=1)
    with desk.db.read() as session:  # at once, and not when themes are next worked out
        assert kindred(session, desk.project.id, 2).candidates == ()
    assert _themes_anew(desk) == [(0, 1)]
    assert _candidates(desk) == set()
    desk.do(undoing.undo, 2, event_id=done.event_id)
    assert _themes_anew(desk) == []
    assert _candidates(desk) == {(2, 1)}


def _themes_anew(desk: Desk) -> list[tuple[int, int]]:
    """Let themes be worked out; returns the pairs they were told to keep apart."""
    told: list[tuple[int, int]] = []

    def listening(texts: Sequence[str], apart: Sequence[tuple[int, int]]) -> Found:
        told.extend(apart)
        found = overview(texts, apart=apart)
        candidates = [[(each.other, each.score, list(each.why)) for each in its] for its in found.candidates]
        return Found(found.themes, candidates)

    desk.now += 2 * EVERY
    assert theme_step(desk.db, desk.now, new_id=desk.new_id, overview=listening)
    return told


def _candidates(desk: Desk) -> set[tuple[int, int]]:
    with desk.db.read() as session:
        numbers = dict(session.execute(select(Item.id, Item.number)).all())
        return {(numbers[each.item_id], numbers[each.other_id]) for each in session.scalars(select(Candidate))}
