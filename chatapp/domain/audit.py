"""The audit log: acts of authority, written in the transaction of the act, and read by who runs the school. What
people said does not belong in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, ids
from chatapp.contract.words import Act
from chatapp.db import Transaction, now, reading
from chatapp.domain import access, views
from chatapp.domain.actor import Actor
from chatapp.models import AuditEntry, Room, User

AT_ONCE = 1000
"""More entries than are ever being written at one moment."""


def record(
    tx: Transaction,
    actor_id: str | None,
    act: Act,
    *,
    room_id: str | None = None,
    subject_id: str | None = None,
    **data: Any,
) -> None:
    """Add an entry: who (nobody is signed in: None or empty), what, where, to whom, and plain JSON `data`.

    A row that it refers to and that is new in this transaction must be flushed before.
    """
    tx.session.add(
        AuditEntry(
            at=now(), actor_id=actor_id or None, act=act.value, room_id=room_id, subject_id=subject_id, data=data
        )
    )


def page(
    actor: Actor,
    *,
    act: str | None = None,
    by: str | None = None,
    room_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> views.Json:
    """A page of the log, newest first, for who runs the school: `{items, next_cursor}`.

    `by` is a username; `since` and `until` are days of UTC, both included. An item is `{id, at, act, actor: User or
    None, room: {id, title} or None, subject: User or None, subject_id, data}`.
    """
    access.must_run_the_school(actor)
    query = select(AuditEntry).where(*_between(since, until))
    if act is not None:
        query = query.where(AuditEntry.act == act)
    if room_id is not None:
        query = query.where(AuditEntry.room_id == (room_id if ids.is_id(room_id) else ""))
    if cursor is not None:
        query = query.where(AuditEntry.id < cursors.decode_whole(cursor))
    with reading() as session:
        if by is not None:
            found = access.user_named(session, by)
            query = query.where(AuditEntry.actor_id == ("" if found is None else found.id))
        rows = session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit + 1)).all()
        items = _shown(session, rows[:limit])
    return {"items": items, "next_cursor": cursors.encode((rows[limit - 1].id,)) if len(rows) > limit else None}


def _between(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    """The entries of a period. Ids order the log, so the period is turned into ids, with room for entries that were
    written at once and got their id in another order than their time."""
    bounds: list[ColumnElement[bool]] = []
    if since is not None:
        start = datetime.combine(since, time(), UTC)
        first = select(AuditEntry.id).where(AuditEntry.at >= start).order_by(AuditEntry.at).limit(1).scalar_subquery()
        bounds += [AuditEntry.at >= start, AuditEntry.id >= first - AT_ONCE]
    if until is not None:
        end = datetime.combine(until, time.max, UTC)
        last = select(AuditEntry.id).where(AuditEntry.at <= end).order_by(AuditEntry.at.desc()).limit(1)
        bounds += [AuditEntry.at <= end, AuditEntry.id <= last.scalar_subquery() + AT_ONCE]
    return bounds


def _shown(session: Session, rows: Sequence[AuditEntry]) -> list[views.Json]:
    user_ids = {row.actor_id for row in rows} | {row.subject_id for row in rows}
    users = {user.id: views.user(user) for user in session.scalars(select(User).where(User.id.in_(user_ids - {None})))}
    room_ids = {row.room_id for row in rows} - {None}
    titles = dict(session.execute(select(Room.id, Room.title).where(Room.id.in_(room_ids))).all())
    return [
        {
            "id": row.id,
            "at": views.instant(row.at),
            "act": row.act,
            "actor": users.get(row.actor_id or ""),
            "room": None if row.room_id is None else {"id": row.room_id, "title": titles[row.room_id]},
            "subject": users.get(row.subject_id or ""),
            "subject_id": row.subject_id,
            "data": row.data,
        }
        for row in rows
    ]
