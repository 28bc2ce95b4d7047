"""Keys say whether they may correct triage"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("corrects", sa.Boolean(), nullable=False, server_default=sa.text("(false)")))


def downgrade() -> None:
    op.drop_column("api_keys", "corrects")
