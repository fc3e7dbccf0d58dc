"""Lists of the school: indexes for the administrator's pages, each in the order in which its list is read."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_users_role", "users", ["role", "username_key"])
    op.create_index("ix_rooms_newest", "rooms", ["created_at", "id"])
    op.create_index("ix_join_requests_newest", "join_requests", ["created_at", "id"])
    op.create_index("ix_join_requests_status", "join_requests", ["status", "created_at", "id"])
    op.drop_index("ix_audit_entries_actor_id", "audit_entries")
    op.drop_index("ix_audit_entries_room_id", "audit_entries")
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "id"])
    op.create_index("ix_audit_entries_room", "audit_entries", ["room_id", "id"])
    op.create_index("ix_audit_entries_act", "audit_entries", ["act", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_entries_act", "audit_entries")
    op.drop_index("ix_audit_entries_room", "audit_entries")
    op.drop_index("ix_audit_entries_actor", "audit_entries")
    op.create_index("ix_audit_entries_room_id", "audit_entries", ["room_id"])
    op.create_index("ix_audit_entries_actor_id", "audit_entries", ["actor_id"])
    op.drop_index("ix_join_requests_status", "join_requests")
    op.drop_index("ix_join_requests_newest", "join_requests")
    op.drop_index("ix_rooms_newest", "rooms")
    op.drop_index("ix_users_role", "users")
