"""Live connections, and the rooms each is in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, reference


class Presence(Base):
    """A row without a room is the connection itself, `notified` when it listens to /notifications; a row with a room
    is a visit. Rows go with their worker's lease."""

    __tablename__ = "presence"

    id: Mapped[Count] = mapped_column(primary_key=True, autoincrement=True)
    connection_id: Mapped[str] = mapped_column(String(64), index=True)
    room_id: Mapped[str | None] = reference("rooms.id")
    user_id: Mapped[str] = reference("users.id")
    worker_id: Mapped[str] = reference("workers.id", index=True)
    notified: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_presence_visit", "connection_id", "room_id", unique=True),
        Index("ix_presence_room", "room_id", "user_id"),
        Index("ix_presence_user", "user_id", "room_id"),
    )
