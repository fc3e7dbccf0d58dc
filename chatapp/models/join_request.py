"""A knock at a room's door, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id, LongText, Word, reference


class JoinRequest(Base):
    """At most one is pending for a user and room. `version` is the room's lobby_version of its last change."""

    __tablename__ = "join_requests"

    id: Mapped[Id] = mapped_column(primary_key=True)
    room_id: Mapped[str] = reference("rooms.id")
    user_id: Mapped[str] = reference("users.id", index=True)
    status: Mapped[Word]
    note: Mapped[LongText]
    reason: Mapped[LongText] = mapped_column(default="")
    decided_by_id: Mapped[str | None] = reference("users.id")
    version: Mapped[Count]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'approved', 'denied', 'withdrawn', 'expired')", name="ck_join_requests_status"
        ),
        Index(
            "uq_join_requests_pending",
            "room_id",
            "user_id",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_join_requests_lobby", "room_id", "version"),
        Index("ix_join_requests_knocks", "room_id", "user_id", "created_at"),
        Index("ix_join_requests_newest", "created_at", "id"),
        Index("ix_join_requests_status", "status", "created_at", "id"),
    )
