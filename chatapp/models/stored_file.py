"""A file of a room: what it is and where its bytes are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Id, reference


class StoredFile(Base):
    """`size` is in bytes; `storage_key` and `thumbnail_key` name bytes in the store and leave the server never.

    `sha256` is of the bytes that are kept, `given_sha256` of those that came: a picture is made anew. `upload_key` is
    the client's own name of the upload, which makes it at most one file.
    """

    __tablename__ = "stored_files"

    id: Mapped[Id] = mapped_column(primary_key=True)
    room_id: Mapped[str] = reference("rooms.id", index=True)
    uploader_id: Mapped[str] = reference("users.id", index=True)
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    width: Mapped[int | None]
    height: Mapped[int | None]
    thumbnail_key: Mapped[str | None] = mapped_column(String(100))
    given_sha256: Mapped[str | None] = mapped_column(String(64))
    upload_key: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("room_id", "uploader_id", "upload_key", name="uq_stored_files_upload_key"),)
