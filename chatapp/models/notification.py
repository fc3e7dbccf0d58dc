"""Something a user should know, in the user's own order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id, JsonObject, Word, reference


class Notification(Base):
    """`seq` counts from 1 without a hole for each user."""

    __tablename__ = "notifications"

    user_id: Mapped[str] = reference("users.id", primary_key=True)
    seq: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Id] = mapped_column(unique=True)
    kind: Mapped[Word]
    room_id: Mapped[str | None] = reference("rooms.id")
    data: Mapped[dict[str, Any]] = mapped_column(JsonObject)
    read_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_notifications_room", "room_id", "id"),)
