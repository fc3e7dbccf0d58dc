"""What was told of a room: an index by which the notifications about one room are found, to let go of words in them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_notifications_room", "notifications", ["room_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_notifications_room", table_name="notifications")
