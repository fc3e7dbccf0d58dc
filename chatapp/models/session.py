"""A sign-in on one device, and the one-time tickets it hands out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Id, reference


class SignIn(Base):
    """A session. `refresh_id` is the id of the one refresh token that is good now; an older one is a theft."""

    __tablename__ = "sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[str] = reference("users.id", index=True)
    refresh_id: Mapped[Id]
    device: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)


class Ticket(Base):
    """A one-time way in; only its hash is stored."""

    __tablename__ = "tickets"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = reference("sessions.id")
    expires_at: Mapped[datetime] = mapped_column(index=True)
