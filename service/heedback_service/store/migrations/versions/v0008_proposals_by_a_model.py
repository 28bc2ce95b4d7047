"""Items are filed by people as well, and a model may propose things about them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("items", sa.Column("category_by", sa.String(), nullable=False, server_default="rule"))
    op.create_table(
        "proposals",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("proposed_at", UTCDateTime(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        _of_item("proposals", "item_id"),
        _of_item("proposals", "other_id"),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_proposals")),
    )
    for column in ("item_id", "other_id"):
        op.create_index(op.f(f"ix_proposals_project_id_{column}"), "proposals", ["project_id", column])
    op.create_table(
        "proposal_runs",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        _of_item("proposal_runs", "item_id"),
        sa.PrimaryKeyConstraint("project_id", "item_id", name=op.f("pk_proposal_runs")),
    )
    op.create_index(op.f("ix_proposal_runs_project_id_asked_at"), "proposal_runs", ["project_id", "asked_at"])


def downgrade() -> None:
    for table in ("proposal_runs", "proposals"):
        op.drop_table(table)
    op.drop_column("items", "category_by")


def _of_item(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id", column],
        ["items.project_id", "items.id"],
        name=op.f(f"fk_{table}_project_id_{column}"),
        ondelete="CASCADE",
    )
