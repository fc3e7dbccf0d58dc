"""An address that is told what happens in a room or in the school, how far it has got, and what became of each try."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id, Word, reference


class Webhook(Base):
    """Without a room it is the school's. `secret` signs, hence it is kept as it is. `ended_why` says who or what
    switched it off."""

    __tablename__ = "webhooks"

    id: Mapped[Id] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = reference("users.id", index=True)
    room_id: Mapped[str | None] = reference("rooms.id", index=True)
    url: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str] = mapped_column(String(60))
    enabled: Mapped[bool] = mapped_column(default=True)
    ended_why: Mapped[Word | None]
    created_at: Mapped[datetime]


class WebhookCursor(Base):
    """How far a webhook has got in one room: `seq` is delivered, the next is to be tried at `next_at`."""

    __tablename__ = "webhook_cursors"

    webhook_id: Mapped[str] = reference("webhooks.id", primary_key=True)
    room_id: Mapped[str] = reference("rooms.id", primary_key=True)
    seq: Mapped[Count]
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]


class Delivery(Base):
    """One try. `status` is HTTP's, `fault` says why there is none. `again` asks for this one to be sent once more."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[Count] = mapped_column(primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = reference("webhooks.id")
    room_id: Mapped[str] = reference("rooms.id")
    seq: Mapped[Count]
    tried_at: Mapped[datetime]
    status: Mapped[int | None]
    fault: Mapped[Word | None]
    ms: Mapped[int]
    again: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("ix_webhook_deliveries_newest", "webhook_id", "id"),
        Index("ix_webhook_deliveries_again", "again", "id"),
    )
