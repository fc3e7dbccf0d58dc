"""What was read: a count of the times somebody read notifications, by which every worker sees that they did."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "read_version",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        nullable=False,
        server_default=sa.text("0"),
    )
    op.add_column("users", column)


def downgrade() -> None:
    op.drop_column("users", "read_version")
