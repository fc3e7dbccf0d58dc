"""Files in the conversation: what a picture measures, its small copy, and the client's own name of an upload."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SENT = sa.text("file_id IS NOT NULL")

# As 0001 made it: SQLite rebuilds the table, and a migration that is printed has no database to look at.
BEFORE = sa.Table(
    "stored_files",
    sa.MetaData(),
    sa.Column("id", sa.String(20), nullable=False),
    sa.Column("room_id", sa.String(20), nullable=False),
    sa.Column("uploader_id", sa.String(20), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("size", sa.BigInteger(), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("storage_key", sa.String(100), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_stored_files_room_id"),
    sa.ForeignKeyConstraint(["uploader_id"], ["users.id"], name="fk_stored_files_uploader_id"),
    sa.PrimaryKeyConstraint("id", name="pk_stored_files"),
    sa.UniqueConstraint("storage_key", name="uq_stored_files_storage_key"),
    sa.Index("ix_stored_files_room_id", "room_id"),
)


def upgrade() -> None:
    with op.batch_alter_table("stored_files", copy_from=BEFORE) as batch:
        batch.add_column(sa.Column("width", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("height", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("thumbnail_key", sa.String(100), nullable=True))
        batch.add_column(sa.Column("given_sha256", sa.String(64), nullable=True))
        batch.add_column(sa.Column("upload_key", sa.String(64), nullable=True))
        batch.create_unique_constraint("uq_stored_files_upload_key", ["room_id", "uploader_id", "upload_key"])
    op.create_index("ix_stored_files_uploader_id", "stored_files", ["uploader_id"])
    op.create_index("ix_stored_files_created_at", "stored_files", ["created_at"])
    op.create_index("ix_messages_files", "messages", ["room_id", "seq"], sqlite_where=SENT, postgresql_where=SENT)
    op.create_index("ix_messages_file_id", "messages", ["file_id"], sqlite_where=SENT, postgresql_where=SENT)


def downgrade() -> None:
    op.drop_index("ix_messages_file_id", "messages")
    op.drop_index("ix_messages_files", "messages")
    op.drop_index("ix_stored_files_created_at", "stored_files")
    op.drop_index("ix_stored_files_uploader_id", "stored_files")
    with op.batch_alter_table("stored_files") as batch:
        batch.drop_constraint("uq_stored_files_upload_key", type_="unique")
        for name in ("upload_key", "given_sha256", "thumbnail_key", "height", "width"):
            batch.drop_column(name)
