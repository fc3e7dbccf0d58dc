"""The school: everything that the first class needs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text  # what a JSONB variant is rendered with
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("username", sa.String(length=40), nullable=False),
        sa.Column("username_key", sa.String(length=120), nullable=False),
        sa.Column("display_name", sa.String(length=400), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("last_notification_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('student', 'teacher', 'admin')", name="ck_users_role"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
    )
    op.create_index("ix_users_deactivated_at", "users", ["deactivated_at"])

    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("beat", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "rooms",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("host_id", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=480), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("admission", sa.String(length=32), nullable=False),
        sa.Column("host_grace_seconds", sa.Integer(), nullable=False),
        sa.Column("join_code", sa.String(length=6), nullable=True),
        sa.Column("last_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch", sa.String(length=20), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lobby_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("members_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("host_absence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("host_absent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("away_told", sa.Boolean(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(length=32), nullable=True),
        sa.CheckConstraint("admission IN ('ask', 'open', 'closed')", name="ck_rooms_admission"),
        sa.CheckConstraint("host_grace_seconds BETWEEN 0 AND 600", name="ck_rooms_grace"),
        sa.ForeignKeyConstraint(["host_id"], ["users.id"], name="fk_rooms_host_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
        sa.UniqueConstraint("join_code", name="uq_rooms_join_code"),
    )
    op.create_index(
        "ix_rooms_absent",
        "rooms",
        ["id"],
        sqlite_where=sa.text("host_absent_since IS NOT NULL"),
        postgresql_where=sa.text("host_absent_since IS NOT NULL"),
    )
    op.create_index("ix_rooms_host_id", "rooms", ["host_id"])
    op.create_index(
        "ix_rooms_open",
        "rooms",
        ["created_at", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )

    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=20), nullable=False),
        sa.Column("refresh_id", sa.String(length=20), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_revoked_at", "sessions", ["revoked_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])

    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(length=20), nullable=True),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=True),
        sa.Column("subject_id", sa.String(length=64), nullable=True),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_audit_entries_actor_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_audit_entries_room_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_actor_id", "audit_entries", ["actor_id"])
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    op.create_index("ix_audit_entries_room_id", "audit_entries", ["room_id"])

    op.create_table(
        "join_requests",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.String(length=20), nullable=True),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'denied', 'withdrawn', 'expired')", name="ck_join_requests_status"
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name="fk_join_requests_decided_by_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_join_requests_room_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_join_requests_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_join_requests"),
    )
    op.create_index("ix_join_requests_knocks", "join_requests", ["room_id", "user_id", "created_at"])
    op.create_index("ix_join_requests_lobby", "join_requests", ["room_id", "version"])
    op.create_index("ix_join_requests_user_id", "join_requests", ["user_id"])
    op.create_index(
        "uq_join_requests_pending",
        "join_requests",
        ["room_id", "user_id"],
        unique=True,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )

    op.create_table(
        "memberships",
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('host', 'participant')", name="ck_memberships_role"),
        sa.CheckConstraint("state IN ('active', 'left', 'removed', 'banned')", name="ck_memberships_state"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_memberships_room_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
        sa.PrimaryKeyConstraint("room_id", "user_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"])
    op.create_index(
        "uq_memberships_host",
        "memberships",
        ["room_id"],
        unique=True,
        sqlite_where=sa.text("role = 'host'"),
        postgresql_where=sa.text("role = 'host'"),
    )

    op.create_table(
        "notifications",
        sa.Column("user_id", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=True),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_notifications_room_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notifications_user_id"),
        sa.PrimaryKeyConstraint("user_id", "seq", name="pk_notifications"),
        sa.UniqueConstraint("id", name="uq_notifications_id"),
    )
    op.create_table(
        "presence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=True),
        sa.Column("user_id", sa.String(length=20), nullable=False),
        sa.Column("worker_id", sa.String(length=20), nullable=False),
        sa.Column("notified", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_presence_room_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_presence_user_id"),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name="fk_presence_worker_id"),
        sa.PrimaryKeyConstraint("id", name="pk_presence"),
    )
    op.create_index("ix_presence_connection_id", "presence", ["connection_id"])
    op.create_index("ix_presence_room", "presence", ["room_id", "user_id"])
    op.create_index("ix_presence_user", "presence", ["user_id", "room_id"])
    op.create_index("ix_presence_worker_id", "presence", ["worker_id"])
    op.create_index("uq_presence_visit", "presence", ["connection_id", "room_id"], unique=True)

    op.create_table(
        "stored_files",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("uploader_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("storage_key", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_stored_files_room_id"),
        sa.ForeignKeyConstraint(["uploader_id"], ["users.id"], name="fk_stored_files_uploader_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stored_files"),
        sa.UniqueConstraint("storage_key", name="uq_stored_files_storage_key"),
    )
    op.create_index("ix_stored_files_room_id", "stored_files", ["room_id"])

    op.create_table(
        "tickets",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=20), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_tickets_session_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_tickets"),
    )
    op.create_index("ix_tickets_expires_at", "tickets", ["expires_at"])

    op.create_table(
        "messages",
        sa.Column("room_id", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("sender_id", sa.String(length=20), nullable=True),
        sa.Column("client_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("params", sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql"), nullable=True),
        sa.Column("file_id", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("type IN ('text', 'system', 'file')", name="ck_messages_type"),
        sa.CheckConstraint("seq > 0", name="ck_messages_seq"),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name="fk_messages_file_id"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_messages_room_id"),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name="fk_messages_sender_id"),
        sa.PrimaryKeyConstraint("room_id", "seq", name="pk_messages"),
        sa.UniqueConstraint("room_id", "sender_id", "client_id", name="uq_messages_client_id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("tickets")
    op.drop_table("stored_files")
    op.drop_table("presence")
    op.drop_table("notifications")
    op.drop_table("memberships")
    op.drop_table("join_requests")
    op.drop_table("audit_entries")
    op.drop_table("sessions")
    op.drop_table("rooms")
    op.drop_table("workers")
    op.drop_table("users")
