"""What an item's page says about it, and that each number is out of the right whole."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import event, select, update

from furniture import Report, bring_in, bring_in_outputs, make_item, report
from heedback_service.flow import backlog
from heedback_service.flow.dossier import EXCERPT_CHARS, Dossier, dossier
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Item, ItemFeedback, Project
from people import People, settle
from support import NOW, numbered_ids


@pytest.fixture
def people(db: Database, project: Project) -> People:
    with db.write() as session:
        return settle(session, project.id)


def file(db: Database, project: Project, *reports: Report, number: int = 1) -> Item:
    with db.write() as session:
        said = bring_in(session, project, "summary", reports, number * 1000)
        return make_item(session, project, number, f"Problem {number}", said)


def look(db: Database, project: Project, number: int = 1, page: int = 1) -> Dossier:
    with db.read() as session:
        found = dossier(session, project, number, NOW, page)
    assert found is not None
    return found


def test_there_is_nothing_to_know_about_an_item_that_is_not(db: Database, project: Project) -> None:
    with db.read() as session:
        assert dossier(session, project, 1, NOW) is None


def test_the_share_is_out_of_all_outputs_of_the_feature_in_the_item_s_days(db: Database, project: Project) -> None:
    file(db, project, report("a", 1), report("b", 25))
    with db.write() as session:
        bring_in_outputs(session, project, "summary", 40, 20_000, days=4)  # ten a day
        bring_in_outputs(session, project, "other-feature", 40, 30_000, days=4)
    share = look(db, project).share
    assert share is not None
    assert (share.first, share.last) == (date(2026, 11, 17), date(2026, 11, 18))
    assert share.outputs == 2
    assert 2 + 10 < share.of <= 2 + 20
    assert share.interval.low < share.outputs / share.of < share.interval.high


def test_two_people_on_one_output_are_one_output(db: Database, project: Project) -> None:
    with db.write() as session:
        said = bring_in(session, project, "summary", [report("a", 1), report("b", 1)], 1000)
        session.execute(
            update(Feedback).where(Feedback.id == said[1].id).values(output_id=said[0].output_id, day=said[0].day)
        )
        make_item(session, project, 1, "Problem", said)
    share = look(db, project).share
    assert share is not None
    assert (share.outputs, share.of) == (1, 2)


def test_without_known_outputs_there_is_no_share(db: Database, project: Project) -> None:
    file(db, project, report("a", 1))
    with db.write() as session:
        session.execute(update(Feedback).values(output_id=None))
    assert look(db, project).share is None


def test_versions_are_counted_by_report_the_most_frequent_first(db: Database, project: Project) -> None:
    one = {"request_model": "gpt-5.1", "response_model": "gpt-5.1-2026-10-01", "prompt_version": "v13"}
    file(db, project, *(report(f"p{n}", n, **one) for n in range(3)), report("q", 9, prompt_version="v12"))
    assert look(db, project).versions == {
        "Prompt": {"v13": 3, "v12": 1},
        "Model": {"gpt-5.1 → gpt-5.1-2026-10-01": 3},
    }


def test_days_are_the_project_s_own_and_end_today(db: Database, project: Project) -> None:
    # 12:00 UTC is 13:00 in Oslo: 13.5 hours ago was yesterday there, and 12.5 hours ago today.
    file(db, project, report("a", 12.5), report("b", 13.5), report("c", 14 * 24))
    days = look(db, project).days
    assert len(days) == 14
    assert days[-1] == (date(2026, 11, 18), 1)
    assert days[-2] == (date(2026, 11, 17), 1)
    assert sum(n for _, n in days) == 2


def test_flags_come_first_then_words_then_the_newest(db: Database, project: Project) -> None:
    file(
        db,
        project,
        report("silent-new", 1),
        report("wordy-old", 9, "it is wrong"),
        report("wordy-new", 5, "wrong"),
        report("corrects", 7, correction="so"),
        report("flags", 20, flag=True),
    )
    people = [said.feedback.person for said in look(db, project).evidence]
    assert people == ["flags", "wordy-new", "corrects", "wordy-old", "silent-new"]


def test_what_was_taken_back_or_is_spam_is_no_evidence(db: Database, project: Project) -> None:
    file(db, project, report("stays", 1), report("retracts", 2), report("spams", 3))
    with db.write() as session:
        session.execute(update(Feedback).where(Feedback.person == "retracts").values(retracted=True))
        session.execute(update(Feedback).where(Feedback.person == "spams").values(spam=True))
    found = look(db, project)
    assert [said.feedback.person for said in found.evidence] == ["stays"]
    assert found.reports == 1


def test_long_texts_are_cut_but_for_an_answer_that_is_compared(db: Database, project: Project) -> None:
    long = "word " * 2000
    file(
        db,
        project,
        report("a", 1, asked=long, answered=long),
        report("b", 2, asked=long, answered=long, correction="x"),
    )
    by_person = {said.feedback.person: said for said in look(db, project).evidence}
    assert [len(by_person["a"].input or ""), len(by_person["a"].output or "")] == [EXCERPT_CHARS + 1] * 2
    assert by_person["b"].output == long


def test_evidence_comes_in_pages_of_twenty(db: Database, project: Project) -> None:
    file(db, project, *(report(f"p{n}", n) for n in range(25)))
    pages = [[said.feedback.person for said in look(db, project, page=page).evidence] for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [20, 5, 0]
    assert len({person for page in pages for person in page}) == 25


def test_history_names_who_did_what_and_what_was_taken_back(db: Database, project: Project, people: People) -> None:
    file(db, project, report("a", 1))
    new_id = numbered_ids(500)
    with db.write() as session:
        item = backlog.find_item(session, project.id, 1)
        assert item is not None
        backlog.accept(session, item, people.bob, NOW - timedelta(hours=2), new_id)
        backlog.undo(session, item, people.alice, NOW - timedelta(hours=1), new_id)
    told = [(deed.who, deed.event.verb, deed.taken_back) for deed in look(db, project).history]
    assert told == [("Alice", "undo", False), ("Bob", "accept", True)]


def test_each_report_says_why_it_is_in_the_item(db: Database, project: Project) -> None:
    file(db, project, report("a", 1, "wrong"), report("b", 2, "wrong"))
    with db.write() as session:
        of_b = select(Feedback.id).where(Feedback.person == "b")
        nearly = {"why": "nearly the same words (0.93)"}
        session.execute(update(ItemFeedback).where(ItemFeedback.feedback_id.in_(of_b)).values(nearly))
    told = {said.feedback.person: said.why for said in look(db, project).evidence}
    assert told == {"a": "the same words", "b": "nearly the same words (0.93)"}


def test_many_reports_take_as_many_statements_as_one(db: Database, project: Project) -> None:
    file(db, project, report("a", 1, "wrong", asked="?", answered="!"))
    file(db, project, *(report(f"p{n}", n, "wrong", asked="?", answered="!") for n in range(20)), number=2)

    def statements(number: int) -> int:
        seen: list[str] = []
        with db.read() as session:
            event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
            found = dossier(session, project, number, NOW)
            assert found is not None
            assert all(said.input and said.output and said.feedback.comment for said in found.evidence)
        return len(seen)

    assert statements(1) == statements(2) <= 8
