"""What people say: sending in batches. The order is the room's, one seq after the other. Reading back is `history`.

A batch is one transaction: lock its rooms, then read, then decide each send in the order of arrival, then write.
What is read after the lock cannot change before COMMIT, so an IntegrityError here is a bug, not a race.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import select

from chatapp.contract import ids, jsontext, texts
from chatapp.contract.errors import Code, Refused, invalid, not_found
from chatapp.contract.hints import Entry, LogGrew
from chatapp.contract.words import MemberState, MessageType, NotificationKind
from chatapp.db import Transaction, now, transaction
from chatapp.domain import history, limits, mentions, notifications, views
from chatapp.domain.actor import Actor
from chatapp.domain.send_sql import PREPARED, PostgresSendSql, SendSql, SqliteSendSql
from chatapp.models import Room, StoredFile

__all__ = ["PREPARED", "Send", "Sender", "Sent", "prepare", "send", "send_many"]


class Sender(Protocol):
    """Who sends: an actor, or a connection that belongs to one."""

    @property
    def user_id(self) -> str: ...
    @property
    def session_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Send:
    """One message on its way to the log, valid in itself. `body_hash` covers type, body and file."""

    room_id: str
    sender_id: str
    session_id: str
    client_id: str
    body: str | None
    file_id: str | None
    body_hash: bytes
    key: tuple[str, str, str]
    """(room, sender, client_id): what makes it at most one message, for ever."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that stands in the log; `payload` is its JSON. `duplicate` says that it stood there before."""

    seq: int
    payload: bytes
    duplicate: bool


@dataclass(slots=True)
class _Head:
    """A locked room in a batch."""

    last_seq: int
    epoch: str
    closed: bool


def prepare(
    sender: Sender, *, room_id: str, client_id: object, body: str | None = None, file_id: str | None = None
) -> Send:
    """Check what can be checked without the room. Raises invalid_payload, too_large, not_found."""
    caps = limits.current()
    if not ids.is_id(room_id):
        raise not_found()
    own_id = texts.client_id(client_id, max_chars=caps.client_id)
    if (body is None) == (file_id is None):
        raise invalid("body", "Send exactly one of body and file_id.")
    if file_id is not None and not ids.is_id(file_id):
        raise _no_file()
    if body is not None:
        body = texts.body(body, max_chars=caps.message_chars, max_bytes=caps.message_bytes)
    content = f"{MessageType.TEXT}\0{body}" if file_id is None else f"{MessageType.FILE}\0{file_id}"
    digest = hashlib.blake2b(content.encode(), digest_size=16).digest()
    key = (room_id, sender.user_id, own_id)
    return Send(room_id, sender.user_id, sender.session_id, own_id, body, file_id, digest, key)


def send(actor: Actor, *, room_id: str, client_id: str, body: str | None = None, file_id: str | None = None) -> Sent:
    """A batch of one, for whoever has no committer. Raises what `send_many` answers."""
    one = prepare(actor, room_id=room_id, client_id=client_id, body=body, file_id=file_id)
    with transaction() as tx:
        (result,) = send_many(tx, [one])
    if isinstance(result, Refused):
        raise result
    return result


def send_many(tx: Transaction, sends: Sequence[Send]) -> list[Sent | Refused]:
    """Decide and store a batch; the nth answer is the nth send's.

    A refusal of one is no error of the batch: not_found, unauthorized, room_closed, conflict. A known client_id gives
    the stored message, also when the room is closed by now.
    """
    batch = _Batch(tx, sends)
    results = [batch.decide(n, send) for n, send in enumerate(sends)]
    batch.store()
    return results


class _Batch:
    """One transaction's sends, with everything they need read at once after the lock."""

    def __init__(self, tx: Transaction, sends: Sequence[Send]) -> None:
        self.tx = tx
        self.moment = now()
        self.shown_moment = views.instant(self.moment)
        self.sql = _sql(tx)
        room_ids = sorted({send.room_id for send in sends})
        places = list(dict.fromkeys((send.room_id, send.sender_id, send.session_id) for send in sends))
        keys = list(dict.fromkeys(send.key for send in sends))
        heads, senders, known = self.sql.read(room_ids, places, keys, self.moment)
        self.heads = {row[0]: _Head(row[1], row[2], bool(row[3])) for row in heads}
        self.senders = {places[row[0]]: row[1:] for row in senders}
        self.known = {keys[row[0]]: (row[1], row[2]) for row in known}
        self.shown: dict[str, dict[str, Any]] = {}
        self.files = self._files({send.file_id for send in sends if send.file_id is not None})
        self.fresh: dict[tuple[str, str, str], tuple[Send, Sent]] = {}
        self.rows: list[tuple[Any, ...]] = []
        self.entries: dict[str, list[Entry]] = {}

    def decide(self, n: int, send: Send) -> Sent | Refused:
        """The answer to one send, in its turn."""
        head = self.heads.get(send.room_id)
        state, active, session_is_good, *who = self.senders[send.room_id, send.sender_id, send.session_id]
        if not active or not session_is_good:
            return Refused(Code.UNAUTHORIZED)
        if head is None or state != MemberState.ACTIVE:
            return not_found()
        if send.key in self.fresh:
            first, sent = self.fresh[send.key]
            return Sent(sent.seq, sent.payload, duplicate=True) if first.body_hash == send.body_hash else _conflict()
        if send.key in self.known:
            seq, body_hash = self.known[send.key]
            # Without a hash it is no longer kept what it was: once is what was promised, and once it was.
            is_same = body_hash is None or bytes(body_hash) == send.body_hash
            return self._stored(send.room_id, seq) if is_same else _conflict()
        if head.closed:
            return Refused(Code.ROOM_CLOSED)
        if send.file_id is not None and (send.file_id, send.room_id) not in self.files:
            return _no_file()
        return self._append(send, head, who)

    def store(self) -> None:
        """Write what was accepted: one INSERT, one UPDATE of the heads, and the mentions."""
        if not self.rows:
            return
        self.sql.store(self.rows, [(room_id, self.heads[room_id].last_seq) for room_id in self.entries])
        for room_id, entries in self.entries.items():
            self.tx.announce(LogGrew(room_id, self.heads[room_id].epoch, tuple(entries)))
        self._mention()

    def _append(self, send: Send, head: _Head, who: Sequence[Any]) -> Sent:
        head.last_seq += 1
        shown = self.shown.get(send.sender_id)
        if shown is None:
            shown = {"id": send.sender_id, "username": who[0], "display_name": who[1], "role": who[2]}
            self.shown[send.sender_id] = shown
        kind = MessageType.TEXT if send.file_id is None else MessageType.FILE
        stored_file = None if send.file_id is None else self.files[send.file_id, send.room_id]
        payload = jsontext.encode(
            {
                "id": ids.message_id(send.room_id, head.last_seq),
                "room_id": send.room_id,
                "seq": head.last_seq,
                "type": kind.value,
                "sender": shown,
                "client_id": send.client_id,
                "body": send.body,
                "code": None,
                "params": {},
                "file": stored_file,
                "created_at": self.shown_moment,
            }
        )
        self.rows.append(
            (
                send.room_id,
                head.last_seq,
                send.sender_id,
                send.client_id,
                kind.value,
                send.body,
                send.body_hash,
                send.file_id,
                self.moment,
            )
        )
        self.entries.setdefault(send.room_id, []).append(Entry(head.last_seq, payload))
        sent = Sent(head.last_seq, payload, duplicate=False)
        self.fresh[send.key] = (send, sent)
        return sent

    def _stored(self, room_id: str, seq: int) -> Sent:
        return Sent(seq, jsontext.encode(history.one(self.tx.connection, room_id, seq)), duplicate=True)

    def _files(self, file_ids: set[str]) -> dict[tuple[str, str], views.Json]:
        if not file_ids:
            return {}
        rows = self.tx.session.scalars(select(StoredFile).where(StoredFile.id.in_(file_ids)))
        return {(row.id, row.room_id): views.file(row) for row in rows}

    def _mention(self) -> None:
        """Tell the participants whose `@username` stands in an accepted text."""
        notes = []
        for send, sent in self.fresh.values():
            if send.body is None or "@" not in send.body:
                continue
            named = mentions.of(self.tx.session, send.body, room_id=send.room_id, by=send.sender_id)
            if not named:
                continue  # most texts with an @ call nobody, and need no title
            title = self.tx.session.get_one(Room, send.room_id).title
            data = {"seq": sent.seq, "by": self.shown[send.sender_id], "title": title}
            notes += [notifications.Note(user_id, NotificationKind.MENTION, send.room_id, data) for user_id in named]
        notifications.notify(self.tx, notes)


def _sql(tx: Transaction) -> SendSql:
    return (
        SqliteSendSql(tx.cursor) if tx.is_sqlite else PostgresSendSql(tx.cursor, tx.script, is_prepared=tx.is_prepared)
    )


def _no_file() -> Refused:
    return not_found("There is no such file in this room.")


def _conflict() -> Refused:
    return Refused(Code.CONFLICT, "This client_id stands for another message.")
