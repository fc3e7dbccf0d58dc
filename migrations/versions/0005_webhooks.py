"""Webhooks: who is told what happens, how far they have got, what became of each try; and tasks of one worker."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def count() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=20), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("owner_id", sa.String(length=20), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("secret", sa.String(length=60), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("ended_why", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_webhooks_owner_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_webhooks_room_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_owner_id", "webhooks", ["owner_id"])
    op.create_index("ix_webhooks_room_id", "webhooks", ["room_id"])
    op.create_table(
        "webhook_cursors",
        sa.Column("webhook_id", sa.String(length=20), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("seq", count(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_webhook_cursors_webhook_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_webhook_cursors_room_id"),
        sa.PrimaryKeyConstraint("webhook_id", "room_id", name="pk_webhook_cursors"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", count(), autoincrement=True, nullable=False),
        sa.Column("webhook_id", sa.String(length=20), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("seq", count(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("fault", sa.String(length=32), nullable=True),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_webhook_deliveries_room_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_newest", "webhook_deliveries", ["webhook_id", "id"])
    op.create_index("ix_webhook_deliveries_again", "webhook_deliveries", ["again", "id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_again", "webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_newest", "webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_cursors")
    op.drop_index("ix_webhooks_room_id", "webhooks")
    op.drop_index("ix_webhooks_owner_id", "webhooks")
    op.drop_table("webhooks")
    op.drop_table("leases")
