"""A room: its settings, its log's head, and its host's absence. Its row is the mutex of everything in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id, LongText, Word, reference


class Room(Base):
    """Versions count changes: `version` of the row as its members see it, `lobby_version` of its join requests,
    `members_version` of who is in it. `host_absence` numbers the host's absences; one lasts while
    `host_absent_since` is set, and `away_told` says that `host_away` is in the log. What the log had up to `floor` is
    no longer kept; `retention_days` is how long this room keeps what was said, None as long as the school."""

    __tablename__ = "rooms"

    id: Mapped[Id] = mapped_column(primary_key=True)
    host_id: Mapped[str] = reference("users.id", index=True)
    title: Mapped[str] = mapped_column(String(480))
    description: Mapped[LongText]
    admission: Mapped[Word]
    host_grace_seconds: Mapped[int]
    join_code: Mapped[str | None] = mapped_column(String(6), unique=True)
    last_seq: Mapped[Count] = mapped_column(default=0)
    floor: Mapped[Count] = mapped_column(default=0, server_default=text("0"))
    epoch: Mapped[Id]
    version: Mapped[Count] = mapped_column(default=1)
    lobby_version: Mapped[Count] = mapped_column(default=0)
    members_version: Mapped[Count] = mapped_column(default=1)
    host_absence: Mapped[Count] = mapped_column(default=0)
    host_absent_since: Mapped[datetime | None]
    away_told: Mapped[bool] = mapped_column(default=False)
    closes_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[Word | None]
    retention_days: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("admission IN ('ask', 'open', 'closed')", name="ck_rooms_admission"),
        CheckConstraint("host_grace_seconds BETWEEN 0 AND 600", name="ck_rooms_grace"),
        Index("ix_rooms_newest", "created_at", "id"),
        Index(
            "ix_rooms_open",
            "created_at",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_rooms_absent",
            "id",
            sqlite_where=text("host_absent_since IS NOT NULL"),
            postgresql_where=text("host_absent_since IS NOT NULL"),
        ),
    )
