"""A user's place in a room, kept after it ended. The host is a row too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from chatapp.db import Base
from chatapp.models.columns import Word, reference


class Membership(Base):
    """One row a room and user; `changed_at` is when `state` last changed."""

    __tablename__ = "memberships"

    room_id: Mapped[str] = reference("rooms.id", primary_key=True)
    user_id: Mapped[str] = reference("users.id", primary_key=True, index=True)
    role: Mapped[Word]
    state: Mapped[Word]
    joined_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("role IN ('host', 'participant')", name="ck_memberships_role"),
        CheckConstraint("state IN ('active', 'left', 'removed', 'banned')", name="ck_memberships_state"),
        Index(
            "uq_memberships_host",
            "room_id",
            unique=True,
            sqlite_where=text("role = 'host'"),
            postgresql_where=text("role = 'host'"),
        ),
    )
