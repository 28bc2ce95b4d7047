"""Items are filed by people as well"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("items", sa.Column("category_by", sa.String(), nullable=False, server_default="rule"))


def downgrade() -> None:
    op.drop_column("items", "category_by")
