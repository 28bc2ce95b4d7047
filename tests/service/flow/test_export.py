"""The export is whole, and holds no more than a chunk at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from builders import Feed, rated
from heedback_service.flow import export
from heedback_service.store.db import Database
from heedback_service.store.tables import FeedbackEvent, Project
from support import listening


def test_feedback_is_exported_with_the_ids_of_its_events_a_chunk_at_a_time(
    db: Database, project: Project, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_CHUNK", 2)
    for n in range(1, 6):
        feed(*rated(n, 11, f"p{n}", comment=f"Number {n} is wrong"))
    asked: list[str] = []
    with (
        listening(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2])),
        db.read() as session,
    ):
        lines = [line for line in export.exported(session, project.id) if line["type"] == "feedback"]
        ledger = session.execute(select(FeedbackEvent.feedback_id, FeedbackEvent.id)).all()
    assert sum("FROM feedback_events" in each for each in asked) - 1 == 3
    assert len(lines) == 5
    told = {(line["id"], id_) for line in lines for id_ in line["events"]}
    assert told == {(str(feedback_id), str(id_)) for feedback_id, id_ in ledger}
