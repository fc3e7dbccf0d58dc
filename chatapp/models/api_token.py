"""A personal API token: a program's way in, under a session of its own."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Id, reference


class ApiToken(Base):
    """Only a hash of it is stored. Its session says whose it is, when it was used, until when it is good, and ends
    it. `scopes` are words between spaces."""

    __tablename__ = "api_tokens"

    id: Mapped[Id] = mapped_column(primary_key=True)
    session_id: Mapped[str] = reference("sessions.id", unique=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(480))
    scopes: Mapped[str] = mapped_column(String(500))
