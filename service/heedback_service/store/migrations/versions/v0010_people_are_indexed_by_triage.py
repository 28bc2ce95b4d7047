"""What one person said before is indexed once triage has read it, and what waits is read in the order it came"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BY_PERSON = ("ix_feedback_project_id_person_first_at", ["project_id", "person", "first_at"])
UNREAD_BEFORE = ("ix_feedback_project_id_feature_id_changed_at", ["project_id", "feature_id", "changed_at"])
UNREAD = ("ix_feedback_project_id_feature_id_changed_at_id", ["project_id", "feature_id", "changed_at", "id"])
READ_ONCE = "triaged_at IS NOT NULL OR version > 1"
NOT_READ = "triaged_at IS NULL"


def upgrade() -> None:
    op.drop_index(BY_PERSON[0], "feedback")
    _create(*BY_PERSON, where=READ_ONCE)
    op.drop_index(UNREAD_BEFORE[0], "feedback")
    _create(*UNREAD, where=NOT_READ)


def downgrade() -> None:
    op.drop_index(UNREAD[0], "feedback")
    _create(*UNREAD_BEFORE, where=NOT_READ)
    op.drop_index(BY_PERSON[0], "feedback")
    op.create_index(BY_PERSON[0], "feedback", BY_PERSON[1])


def _create(name: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, "feedback", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
