"""Projects weigh what priority is made of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("weights", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("projects", "weights")
