"""A person of the school."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id, Word


class User(Base):
    """`username_key` is the username folded (NFKC, casefold): two that look the same are the same. `password_until` is
    the end of a password that the school made; one's own has none. `read_version` counts how often notifications were
    read."""

    __tablename__ = "users"

    id: Mapped[Id] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(40))
    username_key: Mapped[str] = mapped_column(String(120), unique=True)
    display_name: Mapped[str] = mapped_column(String(400))
    password_hash: Mapped[str] = mapped_column(String(200))
    password_until: Mapped[datetime | None]
    role: Mapped[Word]
    active: Mapped[bool] = mapped_column(default=True)
    last_notification_seq: Mapped[Count] = mapped_column(default=0)
    read_version: Mapped[Count] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None] = mapped_column(index=True)

    __table_args__ = (
        CheckConstraint("role IN ('student', 'teacher', 'admin')", name="ck_users_role"),
        Index("ix_users_role", "role", "username_key"),
    )
