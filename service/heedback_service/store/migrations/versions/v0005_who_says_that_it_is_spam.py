"""Feedback that is set aside says why, and by whom"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEX = "ix_feedback_project_id_person_first_at"


def upgrade() -> None:
    op.add_column("feedback", sa.Column("spam_by", sa.String(), nullable=True))
    op.add_column("feedback", sa.Column("spam_why", sa.String(), nullable=True))
    op.create_index(INDEX, "feedback", ["project_id", "person", "first_at"])


def downgrade() -> None:
    op.drop_index(INDEX, "feedback")
    op.drop_column("feedback", "spam_why")
    op.drop_column("feedback", "spam_by")
