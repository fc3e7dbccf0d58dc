"""What somebody shows beside their password: an authenticator app, and the codes for the day on which it is lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, reference


class SecondFactor(Base):
    """One a user; it counts once `confirmed_at` is set. `last_step` is that of the last code taken, so that none is
    taken twice; `failures` are those since `failing_since`."""

    __tablename__ = "second_factors"

    user_id: Mapped[str] = reference("users.id", primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(String(200))
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[Count] = mapped_column(default=0)
    failures: Mapped[Count] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RecoveryCode(Base):
    """Stands in for the app once; only its hash is stored."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[str] = reference("users.id", primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None]
