"""Direct statements say and find the same as SQLAlchemy's, and fail as they do."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from heedback_service.core.uuids import read_uuid
from heedback_service.store.base import to_json
from heedback_service.store.db import Database, insert_for
from heedback_service.store.direct import Direct, Line, among, among_rows
from heedback_service.store.tables import Feedback, Project, Signal
from support import NOW, make_id

INSERT = Direct(lambda dialect: insert_for(dialect, Feedback))
ALL = Direct(
    lambda _: select(Feedback.__table__).where(Feedback.project_id == bindparam("project")).order_by(Feedback.id)
)
WITH_IDS = Direct(lambda dialect: select(Feedback.id).where(among(dialect, Feedback.id, "ids")).order_by(Feedback.id))
KEY = (Feedback.subject, Feedback.person_key, Feedback.source)
WITH_KEYS = Direct(lambda dialect: select(Feedback.id).where(among_rows(dialect, KEY, "keys")).order_by(Feedback.id))
ODD = ["😀", 'a"b', "c\\d", "e'f", "g,h", "%s %(x)s ?", "\n", "ß" * 200]


def a_row(project: Project, n: int, **fields: Any) -> dict[str, Any]:
    row = {column.name: None for column in Feedback.__table__.columns}
    times = dict.fromkeys(("first_at", "last_at", "changed_at"), NOW)
    said = {"feature_id": make_id(1), "slice_id": make_id(2), "day": date(2026, 11, 18), "flag": False, "stamps": {}}
    state = {"retracted": False, "spam": False, "counts": True, "version": 1}
    named = {"id": make_id(n), "subject": f"o:{n}", "person_key": "u", "source": "end_user"}
    return row | times | said | state | named | {"project_id": project.id} | fields


ROWS: list[dict[str, Any]] = [
    {"rating_value": 0.5, "polarity": 1, "flag": True, "asked": False, "triaged_at": NOW},
    {"first_at": datetime(2026, 3, 29, 1, 59, 59, 999_999, timezone(timedelta(hours=-9, minutes=-30)))},
    {"last_at": datetime(1999, 12, 31, tzinfo=UTC), "day": date(2000, 2, 29), "output_id": make_id(7)},
    {"reasons": ["a", "ß"], "extra": {"k": "😀"}, "context": {}, "stamps": {"rating": [2**53, "00ff"]}},
    {"comment": "".join(ODD), "correction": "", "locale": "nb-NO", "reasons_version": 3},
]


def test_what_is_written_directly_sqlalchemy_reads_and_the_other_way_round(db: Database, project: Project) -> None:
    rows = [a_row(project, n, **fields) for n, fields in enumerate(ROWS)]
    with db.write() as session:
        INSERT.many(Line(session.connection()), rows[:3])
        session.connection().execute(insert_for(db.engine.dialect.name, Feedback), rows[3:])
    with db.read() as session:
        plain = [tuple(row) for row in session.execute(select(Feedback.__table__).order_by(Feedback.id))]
        assert ALL.rows(Line(session.connection()), project=project.id) == plain
    assert [dict(zip(rows[0], row, strict=True)) for row in plain] == rows


def test_both_write_the_very_same_into_the_file(db: Database, project: Project) -> None:
    """SQLite keeps times, days and ids as text: one that is written otherwise would be sorted otherwise."""
    fields = ROWS[0] | ROWS[1]
    with db.write() as session:
        INSERT.many(Line(session.connection()), [a_row(project, 1, **fields)])
        session.connection().execute(
            insert_for(db.engine.dialect.name, Feedback), [a_row(project, 1, **fields, id=make_id(9), subject="o:9")]
        )
        one, other = (
            [value for name, value in row.items() if name not in ("id", "subject")]
            for row in session.connection().exec_driver_sql("SELECT * FROM feedback").mappings()
        )
    assert one == other


@pytest.mark.parametrize("many", [0, 1, 3000])
def test_a_list_of_any_length_is_one_value(db: Database, project: Project, many: int) -> None:
    wanted = [make_id(n) for n in range(many)]
    with db.write() as session:
        line = Line(session.connection())
        INSERT.many(line, [a_row(project, n) for n in range(2, 5)])
        assert WITH_IDS.rows(line, ids=wanted) == [(make_id(n),) for n in range(2, min(many, 5))]


def test_keys_of_several_columns_are_found_whatever_is_in_them(db: Database, project: Project) -> None:
    with db.write() as session:
        line = Line(session.connection())
        INSERT.many(line, [a_row(project, n, person_key=odd) for n, odd in enumerate(ODD)])
        for n, odd in enumerate(ODD):
            assert WITH_KEYS.rows(line, keys=[(f"o:{n}", odd, "end_user"), ("o:99", odd, "code")]) == [(make_id(n),)]


def test_an_update_changes_its_rows_and_no_others(db: Database, project: Project) -> None:
    spam = Direct(
        lambda _: update(Feedback.__table__).where(Feedback.id == bindparam("its")).values(spam=bindparam("so"))
    )
    with db.write() as session:
        line = Line(session.connection())
        INSERT.many(line, [a_row(project, n) for n in range(3)])
        spam.many(line, [{"its": make_id(0), "so": True}, {"its": make_id(2), "so": True}])
        assert list(session.scalars(select(Feedback.spam).order_by(Feedback.id))) == [True, False, True]


def test_what_the_driver_refuses_is_sqlalchemy_s_error_without_what_people_said(db: Database, project: Project) -> None:
    rows = [a_row(project, 1, comment="a secret")] * 2
    with pytest.raises(IntegrityError) as refused, db.write() as session:
        INSERT.many(Line(session.connection()), rows)
    assert "a secret" not in repr(refused.value.params)
    with db.write() as session:
        assert session.scalars(select(Feedback.id)).all() == []
        INSERT.many(Line(session.connection()), [a_row(project, 1)])


def test_a_value_that_is_missing_or_no_instant_is_a_mistake_of_ours(db: Database, project: Project) -> None:
    with db.write() as session:
        line = Line(session.connection())
        with pytest.raises(KeyError, match="ids"):
            WITH_IDS.rows(line)
        naive = a_row(project, 1, first_at=datetime(2026, 11, 18))  # noqa: DTZ001
        if db.is_sqlite:
            with pytest.raises(ValueError, match="naive"):
                INSERT.many(line, [naive])


def test_a_writer_goes_on_after_a_transaction_that_failed(db: Database, project: Project) -> None:
    writer = db.writer()
    with pytest.raises(IntegrityError), writer.transaction() as line:
        INSERT.many(line, [a_row(project, n) for n in (1, 1)])
    with writer.transaction() as line:
        INSERT.many(line, [a_row(project, 2)])
    with db.read() as session:
        assert session.scalars(select(Feedback.id)).all() == [make_id(2)]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # the only one that keeps a connection
def test_a_writer_waits_for_another_process_s_turn_and_says_so_when_it_has_waited_enough(
    db: Database, project: Project
) -> None:
    impatient = Database(f"{db.address}?timeout=0.05")
    writer = impatient.writer()
    with db.write(), pytest.raises(OperationalError, match="locked"), writer.transaction():
        pass
    with writer.transaction() as line:
        INSERT.many(line, [a_row(project, 1)])
    impatient.dispose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is inherited where nothing forks")
def test_a_forked_child_writes_on_a_connection_of_its_own(db: Database, project: Project) -> None:
    writer = db.writer()
    with writer.transaction() as line:
        INSERT.many(line, [a_row(project, 1)])
    child = os.fork()
    if child == 0:
        try:
            with writer.transaction() as line:
                INSERT.many(line, [a_row(project, 2)])
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with writer.transaction() as line:
        INSERT.many(line, [a_row(project, 3)])
        assert ALL.rows(line, project=project.id)
    with db.read() as session:
        assert sorted(session.scalars(select(Feedback.id))) == [make_id(n) for n in (1, 2, 3)]


def test_ids_come_back_as_ids_also_from_the_memory_of_the_reader(db: Database, project: Project) -> None:
    ids = Direct(lambda _: select(Signal.output_id, Signal.value).where(Signal.project_id == bindparam("project")))
    with db.write() as session:
        for n in (1, 2):
            session.add(
                Signal(project_id=project.id, id=make_id(n), output_id=make_id(5), name="shown", occurred_at=NOW)
            )
        session.flush()
        assert ids.rows(Line(session.connection()), project=project.id) == [(UUID(int=make_id(5).int), None)] * 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_is_written_so_that_it_is_read_the_same(value: Any) -> None:
    assert json.loads(to_json(value)) == value


def test_an_id_that_keeps_its_digits_is_an_id_to_sqlalchemy_and_the_driver(db: Database, project: Project) -> None:
    ours = read_uuid(str(make_id(1)))
    with db.write() as session:
        session.execute(insert_for(session.get_bind().dialect.name, Feedback), [a_row(project, 1, id=ours)])
        assert session.scalars(select(Feedback.id).where(Feedback.id == ours)).all() == [make_id(1)]
        assert session.scalars(select(Feedback.id).where(Feedback.id.in_([ours]))).all() == [make_id(1)]
        assert WITH_IDS.rows(Line(session.connection()), ids=[ours]) == [(make_id(1),)]
