"""People say which feedback belongs together; projects learn from it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("join_at", sa.Double(), nullable=True))
    op.create_table(
        "links",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("feedback_a", sa.Uuid(), nullable=False),
        sa.Column("feedback_b", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("actor", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        *(_in_project("links", column, "feedback") for column in ("feedback_a", "feedback_b")),
        sa.PrimaryKeyConstraint("project_id", "feedback_a", "feedback_b", "event_id", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_project_id_feedback_b"), "links", ["project_id", "feedback_b"])
    op.create_index(op.f("ix_links_project_id_event_id"), "links", ["project_id", "event_id"])
    answered = sa.text("score IS NOT NULL")
    op.create_index(
        op.f("ix_links_project_id_score"),
        "links",
        ["project_id", "score"],
        sqlite_where=answered,
        postgresql_where=answered,
    )
    op.create_table(
        "moved_feedback",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("from_item", sa.Uuid(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("grouping_version", sa.Integer(), nullable=False),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        _in_project("moved_feedback", "feedback_id", "feedback"),
        _in_project("moved_feedback", "from_item", "items"),
        sa.PrimaryKeyConstraint("project_id", "event_id", "feedback_id", name=op.f("pk_moved_feedback")),
    )
    op.create_index(op.f("ix_moved_feedback_project_id_feedback_id"), "moved_feedback", ["project_id", "feedback_id"])


def _in_project(table: str, column: str, of: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_project_id_{column}")
    target = [f"{of}.project_id", f"{of}.id"]
    return sa.ForeignKeyConstraint(["project_id", column], target, name=name, ondelete="CASCADE")


def downgrade() -> None:
    op.drop_table("moved_feedback")
    op.drop_table("links")
    op.drop_column("projects", "join_at")
