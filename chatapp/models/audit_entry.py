"""An act of authority, on record. Rows are only added; what the school no longer keeps goes by `domain.retention`, and
what an erased person wrote in them by `domain.erasure`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, event
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, JsonObject, Word, reference


class AuditEntry(Base):
    """Who did what to whom, where. `actor_id` is null where nobody is signed in."""

    __tablename__ = "audit_entries"

    id: Mapped[Count] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[str | None] = reference("users.id")
    act: Mapped[Word]
    room_id: Mapped[str | None] = reference("rooms.id")
    subject_id: Mapped[str | None] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(JsonObject)

    __table_args__ = (
        Index("ix_audit_entries_actor", "actor_id", "id"),
        Index("ix_audit_entries_room", "room_id", "id"),
        Index("ix_audit_entries_act", "act", "id"),
    )


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _only_added_to(*_: object) -> None:
    """What stands in the log stays there as it is, whatever a later hand writes."""
    raise TypeError("an audit entry is never changed or taken away")
