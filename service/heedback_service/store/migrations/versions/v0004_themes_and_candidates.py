"""Items have a theme and candidates"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import Json, UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "themes",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("grouping_version", sa.Integer(), nullable=False),
        _in_project("themes", "feature_id", of="features"),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_themes")),
    )
    op.create_index(op.f("ix_themes_project_id_feature_id"), "themes", ["project_id", "feature_id"])
    op.create_table(
        "theme_runs",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("looked_at", UTCDateTime(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        _in_project("theme_runs", "feature_id", of="features"),
        sa.PrimaryKeyConstraint("project_id", "feature_id", name=op.f("pk_theme_runs")),
    )
    op.create_table(
        "candidates",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("why", Json, nullable=False),
        sa.Column("grouping_version", sa.Integer(), nullable=False),
        _in_project("candidates", "item_id", of="items"),
        _in_project("candidates", "other_id", of="items"),
        sa.PrimaryKeyConstraint("project_id", "item_id", "other_id", name=op.f("pk_candidates")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_candidates_project_id_other_id"), "candidates", ["project_id", "other_id"])
    op.add_column("items", sa.Column("theme_id", sa.Uuid(), nullable=True))
    op.create_index(
        op.f("ix_items_project_id_feature_id_prioritised_at"), "items", ["project_id", "feature_id", "prioritised_at"]
    )
    op.create_index(op.f("ix_items_project_id_theme_id"), "items", ["project_id", "theme_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_items_project_id_theme_id"), "items")
    op.drop_index(op.f("ix_items_project_id_feature_id_prioritised_at"), "items")
    op.drop_column("items", "theme_id")
    for table in ("candidates", "theme_runs", "themes"):
        op.drop_table(table)


def _in_project(table: str, column: str, *, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["project_id", column],
        [f"{of}.project_id", f"{of}.id"],
        name=op.f(f"fk_{table}_project_id_{column}"),
        ondelete="CASCADE",
    )
