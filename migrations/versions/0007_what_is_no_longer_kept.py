"""What is no longer kept: up to where a room's log was let go, and how long a room keeps what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    count = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("rooms", sa.Column("floor", count, nullable=False, server_default=sa.text("0")))
    op.add_column("rooms", sa.Column("retention_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("rooms", "retention_days")
    op.drop_column("rooms", "floor")
