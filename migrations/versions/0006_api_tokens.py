"""Personal API tokens: each under a session of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("session_id", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=480), nullable=False),
        sa.Column("scopes", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_api_tokens_session_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("session_id", name="uq_api_tokens_session_id"),
    )


def downgrade() -> None:
    op.drop_table("api_tokens")
