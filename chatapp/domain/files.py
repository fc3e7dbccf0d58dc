"""Files of a room: who may bring one and how much, who may have one, and which are nobody's any more.

Their bytes are elsewhere and came first: a row stands for bytes that are kept already. A file that was never sent, or
whose message is gone, is a draft, and drafts do not last.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, ids
from chatapp.contract.errors import Code, Refused, invalid, not_found
from chatapp.contract.inputs import MAX_SEQ
from chatapp.contract.texts import CLIENT_ID
from chatapp.db import now, reading, transaction
from chatapp.domain import access, history, limits, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import Message, Room, StoredFile

KEY_CHARS = 64


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Bytes in the store, and what was found out about them. `key` is the client's own name of the upload."""

    storage_key: str
    thumbnail_key: str | None
    name: str
    media_type: str
    size: int
    sha256: str
    given_sha256: str
    width: int | None = None
    height: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """A file as the contract shows it. `duplicate`: it stood before, and what was brought now is not needed."""

    shown: views.Json
    duplicate: bool


def upload_key(text: str) -> str:
    """A client's own name of an upload. Raises invalid_payload."""
    if len(text) > KEY_CHARS or not CLIENT_ID.fullmatch(text):
        raise invalid("Idempotency-Key", f"1 to {KEY_CHARS} of A-Z, a-z, 0-9, _ and -.")
    return text


def may_upload(actor: Actor, *, room_id: str, size: int, key: str | None = None) -> None:
    """Whether so many bytes would be taken, asked before they come. Those of an upload whose answer was lost come again
    whatever has changed since: what they are is compared with what stands. Raises not_found, room_closed, too_large."""
    with reading() as session:
        room = access.inside(session, actor, room_id).room
        if _named(session, actor, room, key) is not None:
            return
        if not policy.is_open(room):
            raise Refused(Code.ROOM_CLOSED)
        _must_fit(session, actor, room, size)


def known(actor: Actor, *, room_id: str, key: str | None, given_sha256: str) -> views.Json | None:
    """The file that an upload of this name has already become. Raises not_found; conflict for other bytes."""
    with reading() as session:
        return _known(session, actor, access.inside(session, actor, room_id).room, key, given_sha256)


def add(actor: Actor, *, room_id: str, kept: Kept) -> Added:
    """The row of kept bytes. Raises not_found, room_closed, conflict, too_large: then they are not needed."""
    with transaction() as tx:
        room = access.inside(tx.session, actor, room_id, lock=True).room
        access.lock_users(tx.session, [actor.user_id])
        stands = _known(tx.session, actor, room, kept.key, kept.given_sha256)
        if stands is not None:
            return Added(stands, duplicate=True)
        if not policy.is_open(room):
            raise Refused(Code.ROOM_CLOSED)
        _must_fit(tx.session, actor, room, kept.size)
        row = StoredFile(
            id=ids.new_id(),
            room_id=room.id,
            uploader_id=actor.user_id,
            name=kept.name,
            media_type=kept.media_type,
            size=kept.size,
            sha256=kept.sha256,
            storage_key=kept.storage_key,
            thumbnail_key=kept.thumbnail_key,
            width=kept.width,
            height=kept.height,
            given_sha256=kept.given_sha256,
            upload_key=kept.key,
            created_at=tx.moment,
        )
        tx.session.add(row)
        tx.session.flush()
        return Added(views.file(row), duplicate=False)


def opened(actor: Actor, *, file_id: str) -> StoredFile:
    """A file, for who is in its room: asked each time. Raises not_found."""
    with reading() as session:
        row = session.get(StoredFile, file_id) if ids.is_id(file_id) else None
        if row is None:
            raise not_found()
        access.inside(session, actor, row.room_id)
        return row


def take_back(actor: Actor, *, file_id: str) -> list[str]:
    """Forget a file of one's own that no message shows; the keys of its bytes, which are nobody's from now on. Raises
    not_found; forbidden for somebody else's; conflict for one that was sent."""
    room_id = opened(actor, file_id=file_id).room_id
    with transaction() as tx:
        access.inside(tx.session, actor, room_id, lock=True)
        row = tx.session.get(StoredFile, file_id)
        if row is None:
            raise not_found()
        if row.uploader_id != actor.user_id:
            raise Refused(Code.FORBIDDEN, "Somebody else brought this file.")
        if tx.session.scalar(select(_is_draft()).where(StoredFile.id == file_id)) is not True:
            raise Refused(Code.CONFLICT, "A message shows this file.")
        tx.session.execute(delete(StoredFile).where(StoredFile.id == file_id))
        return _keys(row)


def shared(actor: Actor, *, room_id: str, limit: int = 50, cursor: str | None = None) -> views.Json:
    """A page of what was sent into a room, newest first, each as its message: `{items, next_cursor}`."""
    before = MAX_SEQ if cursor is None else cursors.decode_whole(cursor)
    with reading() as session:
        room = access.inside(session, actor, room_id).room
        query = history.LOG_ROWS.where(Message.room_id == room.id, Message.file_id.is_not(None), Message.seq < before)
        rows = session.execute(query.order_by(Message.seq.desc()).limit(limit + 1)).all()
        items = history.shown(session.connection(), rows[:limit])
    more = len(rows) > limit
    return {"items": items, "next_cursor": cursors.encode((items[-1]["seq"],)) if more else None}


def drop_drafts(*, older_than: float, limit: int = 500) -> list[str]:
    """Forget files that no message shows and that are older than so many seconds; the keys of their bytes."""
    old = StoredFile.created_at < now() - timedelta(seconds=older_than)
    with reading() as session:
        found = session.execute(select(StoredFile.id, StoredFile.room_id).where(old, _is_draft()).limit(limit)).all()
    keys: list[str] = []
    for file_id, room_id in found:
        with transaction() as tx:
            access.lock_room(tx.session, room_id)
            row = tx.session.scalar(select(StoredFile).where(StoredFile.id == file_id, _is_draft()))
            if row is None:
                continue
            tx.session.execute(delete(StoredFile).where(StoredFile.id == file_id))
            dropped = _keys(row)
        keys += dropped
    return keys


def without_row(keys: Collection[str]) -> set[str]:
    """Which of these keys stand for no file."""
    with reading() as session:
        rows = session.execute(
            select(StoredFile.storage_key, StoredFile.thumbnail_key).where(
                StoredFile.storage_key.in_([key.partition(".")[0] for key in keys])
            )
        )
        return set(keys) - {key for row in rows for key in row if key is not None}


def all_keys(*, after: str = "", limit: int = 1000) -> list[str]:
    """The keys of files, in their order: a page behind `after`."""
    query = select(StoredFile.storage_key).where(StoredFile.storage_key > after)
    with reading() as session:
        return list(session.scalars(query.order_by(StoredFile.storage_key).limit(limit)))


def _keys(row: StoredFile) -> list[str]:
    return [key for key in (row.storage_key, row.thumbnail_key) if key is not None]


def _is_draft() -> ColumnElement[bool]:
    return ~exists().where(Message.file_id == StoredFile.id)


def _named(session: Session, actor: Actor, room: Room, key: str | None) -> StoredFile | None:
    """The file that the actor's upload of this name has become."""
    if key is None:
        return None
    query = select(StoredFile).where(
        StoredFile.room_id == room.id, StoredFile.uploader_id == actor.user_id, StoredFile.upload_key == key
    )
    return session.scalar(query)


def _known(session: Session, actor: Actor, room: Room, key: str | None, given_sha256: str) -> views.Json | None:
    row = _named(session, actor, room, key)
    if row is None:
        return None
    if row.given_sha256 != given_sha256:
        raise Refused(Code.CONFLICT, "This key stands for another upload.")
    return views.file(row)


def _must_fit(session: Session, actor: Actor, room: Room, size: int) -> None:
    caps = limits.current()
    if size > caps.file_bytes:
        raise Refused(Code.TOO_LARGE, f"A file has at most {caps.file_bytes} bytes.")
    total = select(func.coalesce(func.sum(StoredFile.size), 0))
    own = session.scalar(total.where(StoredFile.uploader_id == actor.user_id)) or 0
    if own + size > caps.user_bytes:
        raise Refused(Code.TOO_LARGE, f"Your files have at most {caps.user_bytes} bytes together.")
    rooms = session.scalar(total.where(StoredFile.room_id == room.id)) or 0
    if rooms + size > caps.room_bytes:
        raise Refused(Code.TOO_LARGE, f"The files of a room have at most {caps.room_bytes} bytes together.")
