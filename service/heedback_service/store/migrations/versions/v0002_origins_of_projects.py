"""Projects name the origins whose pages may post straight to the service"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("origins", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("projects", "origins")
