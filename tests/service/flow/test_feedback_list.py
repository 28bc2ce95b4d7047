"""All feedback: nothing that arrived is missing, and pages do not repeat or skip."""

from __future__ import annotations

import pytest
from sqlalchemy import event, update

from furniture import bring_in, make_item, report
from heedback_service.flow.feedback_list import KINDS, Cursor, feature_names, feedback_list, one_feedback
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Project
from support import NOW, make_id

PRAISE = {"down": False, "up": True, "reasons": None}


@pytest.fixture
def said(db: Database, project: Project) -> None:
    with db.write() as session:
        summaries = [
            report("down", 1, "wrong", asked="?", answered="long " * 500),
            report("up", 2, **PRAISE),
            report("middling", 3, down=False, rating={"value": 3, "scale": "stars"}, reasons=None),
            report("flags", 4, down=False, flag=True, reasons=None),
            report("corrects", 5, correction="better"),
            report("retracts", 6, down=False, reasons=None, retracted=True),
        ]
        filed = bring_in(session, project, "summary", summaries, 1000)
        bring_in(session, project, "chat", [report("chats", 7)], 2000)
        make_item(session, project, 1, "A problem", [each for each in filed if each.person == "down"])


def people(db: Database, project: Project, **chosen: str) -> list[str | None]:
    with db.read() as session:
        return [each.feedback.person for each in feedback_list(session, project.id, **chosen).said]  # type: ignore[arg-type]


def test_everything_is_there_newest_first(db: Database, project: Project, said: None) -> None:
    assert people(db, project) == ["down", "up", "middling", "flags", "corrects", "retracts", "chats"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("up", ["up"]),
        ("neutral", ["middling"]),
        ("down", ["down", "corrects", "chats"]),
        ("unrated", ["flags", "retracts"]),
        ("flagged", ["flags"]),
        ("corrected", ["corrects"]),
        ("retracted", ["retracts"]),
    ],
)
def test_a_kind_can_be_chosen(db: Database, project: Project, said: None, kind: str, expected: list[str]) -> None:
    assert kind in KINDS
    assert people(db, project, kind=kind) == expected


def test_a_feature_can_be_chosen(db: Database, project: Project, said: None) -> None:
    assert people(db, project, feature="chat") == ["chats"]
    assert people(db, project, feature="chat", kind="up") == []
    with db.read() as session:
        assert feature_names(session, project.id) == ["chat", "summary"]


def test_feedback_knows_its_item_and_its_output(db: Database, project: Project, said: None) -> None:
    with db.read() as session:
        first, second, *_ = feedback_list(session, project.id).said
        whole = one_feedback(session, project.id, first.feedback.id)
    assert first.item is not None
    assert (first.item.number, second.item) == (1, None)
    assert whole is not None
    assert (len(first.output or ""), len(whole.output or "")) == (601, 2500)


def test_pages_hold_each_piece_once_even_where_times_tie(db: Database, project: Project) -> None:
    with db.write() as session:
        bring_in(session, project, "summary", [report(f"p{n}", n) for n in range(120)], 1000)
        session.execute(update(Feedback).values(last_at=NOW).where(Feedback.person < "p7"))
    seen, sizes, after = [], [], None
    with db.read() as session:
        while True:
            slip = feedback_list(session, project.id, after=after)
            sizes.append(len(slip.said))
            seen += [each.feedback.id for each in slip.said]
            if slip.older is None:
                break
            after = Cursor.read(str(slip.older))
    assert sizes == [50, 50, 20]
    assert len(set(seen)) == 120


@pytest.mark.parametrize("written", ["", "x", "1.2", "1", "." + "0" * 32, "9" * 40 + "." + "0" * 32])
def test_a_cursor_that_is_none_of_ours_is_none(written: str) -> None:
    assert Cursor.read(written) is None


def test_another_project_s_feedback_is_not_found(db: Database, project: Project, said: None) -> None:
    with db.read() as session:
        mine = feedback_list(session, project.id).said[0].feedback.id
        assert one_feedback(session, project.id + 1, mine) is None
        assert one_feedback(session, project.id, make_id(1)) is None
        assert feedback_list(session, project.id + 1).said == ()


def test_a_page_is_one_statement(db: Database, project: Project, said: None) -> None:
    seen: list[str] = []
    with db.read() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
        feedback_list(session, project.id)
    assert len(seen) == 1
