"""What finds an item is a number with the feedback it is of; the item is where the feedback is"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_A_TIME = 5000


def upgrade() -> None:
    _move_away("item_keys", "pk_item_keys")
    op.create_table(
        "item_keys",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "feedback_id"],
            ["item_feedback.project_id", "item_feedback.feedback_id"],
            name=op.f("fk_item_keys_project_id_feedback_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "key", "feedback_id", name=op.f("pk_item_keys")),
        sqlite_with_rowid=False,
    )
    _number_all(op.get_bind())
    op.drop_table("item_keys_before")
    op.create_index(op.f("ix_item_keys_project_id_feedback_id"), "item_keys", ["project_id", "feedback_id"])


def downgrade() -> None:
    """What was a text cannot be told from its number: `heedback replay` finds the keys of all items anew."""
    op.drop_table("item_keys")
    op.create_table(
        "item_keys",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"],
            ["items.project_id", "items.id"],
            name=op.f("fk_item_keys_project_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "feature_id", "key", "feedback_id", name=op.f("pk_item_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_item_keys_project_id_feedback_id"), "item_keys", ["project_id", "feedback_id"])
    op.create_index(op.f("ix_item_keys_project_id_item_id"), "item_keys", ["project_id", "item_id"])


def _move_away(table: str, key: str) -> None:
    for column in ("feedback_id", "item_id"):
        op.drop_index(op.f(f"ix_{table}_project_id_{column}"), table)
    op.rename_table(table, f"{table}_before")
    if op.get_context().dialect.name == "postgresql":  # where the name of a key is one of the schema's
        op.execute(f"ALTER TABLE {table}_before RENAME CONSTRAINT {key} TO {key}_before")


def _number_all(connection: sa.Connection) -> None:
    """As `flow.finding.number` makes them. Keys of feedback that is in no item are left behind."""
    new, old, held = map(_table, ("item_keys", "item_keys_before", "item_feedback"))
    query: Any = sa.select(old.c.project_id, old.c.key, old.c.feedback_id, old.c.feature_id).join(
        held, (held.c.project_id == old.c.project_id) & (held.c.feedback_id == old.c.feedback_id)
    )
    for rows in connection.execute(query.execution_options(yield_per=_AT_A_TIME)).partitions():
        numbered = [
            {"project_id": project_id, "key": _number(feature_id, key), "feedback_id": feedback_id}
            for project_id, key, feedback_id, feature_id in rows
        ]
        connection.execute(sa.insert(new), numbered)


def _table(name: str) -> sa.TableClause:
    ids = (sa.column(each, sa.Uuid()) for each in ("feedback_id", "feature_id"))
    return sa.table(name, sa.column("project_id"), sa.column("key"), *ids)


def _number(feature_id: UUID, key: str) -> int:
    return (int(key[:16], 16) ^ (feature_id.int & 0xFFFF_FFFF_FFFF_FFFF)) - (1 << 63)
