"""The send path's SQL, as text for the driver's cursor: the ORM costs four times as much here, and each database has
its own way to take many rows at once. What it means is decided in `messages`.

Every query is driven by its list of values, so that it costs what the batch costs, never what the room holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from chatapp.contract import jsontext

Rows = list[tuple[Any, ...]]

_HEADS = "SELECT id, last_seq, epoch, closed_at IS NOT NULL FROM rooms WHERE id "
_SENDERS = """
SELECT v.n, m.state, u.active, s.revoked_at IS NULL AND s.expires_at > {now}, u.username, u.display_name, u.role
FROM {values}
LEFT JOIN memberships m ON m.room_id = v.room AND m.user_id = v.sender
LEFT JOIN users u ON u.id = v.sender
LEFT JOIN sessions s ON s.id = v.session AND s.user_id = v.sender"""
_KNOWN = """
SELECT v.n, m.seq, m.body_hash FROM {values}
CROSS JOIN messages m WHERE m.room_id = v.room AND m.sender_id = v.sender AND m.client_id = v.client"""
_COLUMNS = "room_id, seq, sender_id, client_id, type, body, body_hash, file_id, created_at"


def _pg_values(mark: str, *names: str) -> str:
    """A list of values as one JSON text: psycopg takes 30 us for an array of 30, orjson one for all of them."""
    typed = ", ".join(f"{name} {_PG_TYPES[name]}" for name in names)
    return f"json_to_recordset({mark}::json) AS v({typed})"


_PG_TYPES = {"n": "int", "seq": "bigint"} | dict.fromkeys(
    ("room", "sender", "session", "client", "type", "body", "hash", "file"), "text"
)
PLACE, KEY = ("n", "room", "sender", "session"), ("n", "room", "sender", "client")
_MESSAGE = ("room", "seq", "sender", "client", "type", "body", "hash", "file")
_PG_READS = {
    "send_senders": ("timestamptz, text", _SENDERS.format(values=_pg_values("$2", *PLACE), now="$1")),
    "send_known": ("text", _KNOWN.format(values=_pg_values("$1", *KEY))),
}
PREPARED = [f"PREPARE {name}({types}) AS {sql}" for name, (types, sql) in _PG_READS.items()]
"""What a lane of PostgreSQL has ready: to plan a batch's reads anew takes longer than to read. Not the locks: EXECUTE
takes its snapshot before it waits for a table, and who waits for a backup to be restored would find no room."""

_PG_LOCK_HEADS = f"{_HEADS} = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_PG_EXECUTE = f"{_PG_LOCK_HEADS}; EXECUTE send_senders(%s, %s); EXECUTE send_known(%s)"
_PG_SENDERS = _SENDERS.format(values=_pg_values("%s", *PLACE), now="%s")
_PG_KNOWN = _KNOWN.format(values=_pg_values("%s", *KEY))
_PG_SET_HEADS = f"UPDATE rooms SET last_seq = v.seq FROM {_pg_values('%s', 'room', 'seq')} WHERE rooms.id = v.room"  # noqa: S608
_PG_STORE = f"""
WITH moved AS ({_PG_SET_HEADS}) INSERT INTO messages ({_COLUMNS})
SELECT room, seq, sender, client, type, body, decode(hash, 'hex'), file, %s
FROM {_pg_values("%s", *_MESSAGE)}"""  # noqa: S608 — marks only


class SendSql(ABC):
    """The statements of a batch. Each takes the batch's values column by column or row by row, as rows."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def _rows(self, sql: str, values: Sequence[Any]) -> Rows:
        rows: Rows = self.cursor.execute(sql, values).fetchall()
        return rows

    def read(
        self,
        room_ids: Sequence[str],
        senders: Sequence[tuple[str, str, str]],
        keys: Sequence[tuple[str, str, str]],
        moment: datetime,
    ) -> tuple[Rows, Rows, Rows]:
        """All that a batch has to know, the locks first: what is read after them cannot change before COMMIT."""
        return self.lock_heads(room_ids), self.senders(senders, moment), self.known(keys)

    @abstractmethod
    def lock_heads(self, room_ids: Sequence[str]) -> Rows:
        """Lock the rooms in ascending id: (id, last_seq, epoch, is_closed)."""

    @abstractmethod
    def senders(self, senders: Sequence[tuple[str, str, str]], moment: datetime) -> Rows:
        """For the nth (room, sender, session): (n, state, active, session is good, username, display_name, role)."""

    @abstractmethod
    def known(self, keys: Sequence[tuple[str, str, str]]) -> Rows:
        """For the nth (room, sender, client_id) that stands already: (n, seq, body_hash)."""

    @abstractmethod
    def store(self, rows: Rows, heads: Sequence[tuple[str, int]]) -> None:
        """Store messages, their columns as in `_COLUMNS`, and move their rooms' heads: (room, last_seq)."""


class SqliteSendSql(SendSql):
    """VALUES lists. `(a, b) IN (VALUES …)` would scan the room."""

    def lock_heads(self, room_ids: Sequence[str]) -> Rows:
        """The transaction is the lock already."""
        marks = ",".join("?" * len(room_ids))
        return self._rows(f"{_HEADS} IN ({marks})", list(room_ids))

    def senders(self, senders: Sequence[tuple[str, str, str]], moment: datetime) -> Rows:
        values = _values(len(senders), "v(n, room, sender, session)")
        sql = f"WITH {values} {_SENDERS.format(values='v', now='?')}"
        return self._rows(sql, [*_numbered(senders), _sqlite_time(moment)])

    def known(self, keys: Sequence[tuple[str, str, str]]) -> Rows:
        values = _values(len(keys), "v(n, room, sender, client)")
        return self._rows(f"WITH {values} {_KNOWN.format(values='v')}", _numbered(keys))

    def store(self, rows: Rows, heads: Sequence[tuple[str, int]]) -> None:
        moment = _sqlite_time(rows[0][-1])  # a batch has one
        stored = [(*row[:-1], moment) for row in rows]
        self.cursor.executemany(f"INSERT INTO messages ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", stored)  # noqa: S608
        self.cursor.executemany("UPDATE rooms SET last_seq = ? WHERE id = ?", [(seq, room) for room, seq in heads])


class PostgresSendSql(SendSql):
    """Lists as JSON: one plan whatever the batch's size. `script` takes several statements at once: each answer that
    is waited for costs this process 130 us, and in one text they still see, each, what was committed before it.
    Messages' texts never travel so: with the statement they would reach the database's log. `is_prepared` says
    that the connection has `PREPARED`.
    """

    def __init__(self, cursor: Any, script: Any, *, is_prepared: bool) -> None:
        super().__init__(cursor)
        self._script = script
        self._is_prepared = is_prepared

    def read(
        self,
        room_ids: Sequence[str],
        senders: Sequence[tuple[str, str, str]],
        keys: Sequence[tuple[str, str, str]],
        moment: datetime,
    ) -> tuple[Rows, Rows, Rows]:
        planned_anew = f"{_PG_LOCK_HEADS}; {_PG_SENDERS}; {_PG_KNOWN}"
        values = [list(room_ids), moment, listed(PLACE, senders), listed(KEY, keys)]
        self._script.execute(_PG_EXECUTE if self._is_prepared else planned_anew, values)
        heads = self._script.fetchall()
        self._script.nextset()
        found = self._script.fetchall()
        self._script.nextset()
        return heads, found, self._script.fetchall()

    def store(self, rows: Rows, heads: Sequence[tuple[str, int]]) -> None:
        moved = [{"room": room, "seq": seq} for room, seq in heads]
        said = [dict(zip(_MESSAGE, row, strict=False)) | {"hash": row[6].hex()} for row in rows]
        moment = rows[0][-1]  # a batch has one
        self.cursor.execute(_PG_STORE, [jsontext.encode(moved).decode(), moment, jsontext.encode(said).decode()])

    def lock_heads(self, room_ids: Sequence[str]) -> Rows:
        return self._rows(_PG_LOCK_HEADS, [list(room_ids)])

    def senders(self, senders: Sequence[tuple[str, str, str]], moment: datetime) -> Rows:
        return self._rows(_PG_SENDERS, [moment, listed(PLACE, senders)])

    def known(self, keys: Sequence[tuple[str, str, str]]) -> Rows:
        return self._rows(_PG_KNOWN, [listed(KEY, keys)])


def listed(names: Sequence[str], rows: Sequence[tuple[str, str, str]]) -> str:
    """Rows as JSON, each with its place."""
    return jsontext.encode([dict(zip(names, (n, *row), strict=True)) for n, row in enumerate(rows)]).decode()


@cache
def _values(count: int, name: str) -> str:
    return f"{name} AS (VALUES {','.join(['(?,?,?,?)'] * count)})"


def _numbered(rows: Sequence[tuple[str, str, str]]) -> list[Any]:
    return [value for n, row in enumerate(rows) for value in (n, *row)]


def _sqlite_time(moment: datetime) -> str:
    """As SQLAlchemy stores a UTC time on SQLite."""
    return moment.isoformat(" ", "microseconds")[:26]
