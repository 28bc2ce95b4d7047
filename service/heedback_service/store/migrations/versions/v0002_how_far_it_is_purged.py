"""How far each project is purged, and the indexes by which a purge finds what is due"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("purged_before", sa.Date(), nullable=True))
    op.add_column("projects", sa.Column("texts_sifted_until", UTCDateTime(), nullable=True))
    op.create_index(op.f("ix_output_text_project_id_received_at"), "output_text", ["project_id", "received_at"])
    op.create_index(op.f("ix_signals_project_id_occurred_at"), "signals", ["project_id", "occurred_at"])
