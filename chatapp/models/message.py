"""A row of a room's log, immutable but for what is let go of it by `domain.retention` and `domain.erasure`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, JsonObject, Word, reference


class Message(Base):
    """`seq` counts from 1 without a hole. `body_hash` covers type, body and file: the same client_id with another
    hash is a conflict. A system message has `code` and `params`, no body and no sender. Of a text or file without hash
    nothing is kept but that it was; its client_id still stands for it."""

    __tablename__ = "messages"

    room_id: Mapped[str] = reference("rooms.id", primary_key=True)
    seq: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    sender_id: Mapped[str | None] = reference("users.id")
    client_id: Mapped[str | None] = mapped_column(String(64))
    type: Mapped[Word]
    body: Mapped[str | None] = mapped_column(Text)
    body_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    code: Mapped[Word | None]
    params: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    file_id: Mapped[str | None] = reference("stored_files.id")
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("room_id", "sender_id", "client_id", name="uq_messages_client_id"),
        CheckConstraint("seq > 0", name="ck_messages_seq"),
        CheckConstraint("type IN ('text', 'system', 'file')", name="ck_messages_type"),
        Index(
            "ix_messages_files",
            "room_id",
            "seq",
            sqlite_where=text("file_id IS NOT NULL"),
            postgresql_where=text("file_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_file_id",
            "file_id",
            sqlite_where=text("file_id IS NOT NULL"),
            postgresql_where=text("file_id IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )
