"""What one person said before is indexed once triage has read it, and no more while a request waits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEX = "ix_feedback_project_id_person_first_at"
COLUMNS = ["project_id", "person", "first_at"]
READ = sa.text("triaged_at IS NOT NULL OR version > 1")


def upgrade() -> None:
    op.drop_index(INDEX, "feedback")
    op.create_index(INDEX, "feedback", COLUMNS, sqlite_where=READ, postgresql_where=READ)


def downgrade() -> None:
    op.drop_index(INDEX, "feedback")
    op.create_index(INDEX, "feedback", COLUMNS)
