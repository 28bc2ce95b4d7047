"""Of an output's two texts each tells which event it is of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INDEX = "ix_output_text_project_id_received_at"


def upgrade() -> None:
    for name in ("input_event", "output_event"):
        op.add_column("output_text", sa.Column(name, sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE output_text SET input_event = CASE WHEN input IS NOT NULL THEN event_id END,"
        " output_event = CASE WHEN output IS NOT NULL THEN event_id END"
    )
    op.drop_column("output_text", "event_id")


def downgrade() -> None:
    """Texts of two events are then both the input's."""
    op.drop_index(_INDEX, "output_text")
    op.rename_table("output_text", "output_text_before")
    if op.get_context().dialect.name == "postgresql":  # where the name of a key is one of the schema's
        op.execute("ALTER TABLE output_text_before RENAME CONSTRAINT pk_output_text TO pk_output_text_before")
    op.create_table(
        "output_text",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("input", sa.String(), nullable=True),
        sa.Column("output", sa.String(), nullable=True),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "output_id", name=op.f("pk_output_text")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO output_text (project_id, output_id, event_id, input, output, received_at)"
        " SELECT project_id, output_id, coalesce(input_event, output_event), input, output, received_at"
        " FROM output_text_before"
    )
    op.drop_table("output_text_before")
    op.create_index(_INDEX, "output_text", ["project_id", "received_at"])
