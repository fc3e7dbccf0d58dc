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

_PG_FOUR = "unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS v"
_PG_LOCK_HEADS = f"{_HEADS} = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_PG_SENDERS = _SENDERS.format(values=f"{_PG_FOUR}(n, room, sender, session)", now="%s")
_PG_KNOWN = _KNOWN.format(values=f"{_PG_FOUR}(n, room, sender, client)")
_PG_TYPES = ("text", "bigint", "text", "text", "text", "text", "bytea", "text", "timestamptz")
_PG_ARRAYS = ", ".join(f"%s::{name}[]" for name in _PG_TYPES)
_PG_INSERT = f"INSERT INTO messages ({_COLUMNS}) SELECT * FROM unnest({_PG_ARRAYS})"  # noqa: S608 — marks only
_PG_MOVED = "unnest(%s::text[], %s::bigint[]) AS v(id, seq)"
_PG_SET_HEADS = f"UPDATE rooms SET last_seq = v.seq FROM {_PG_MOVED} WHERE rooms.id = v.id"  # noqa: S608


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
    """unnest of arrays: one plan whatever the batch's size. `script` takes several statements at once: each answer that
    is waited for costs this process 130 us, and in one text they still see, each, what was committed before it.
    Messages' texts never travel so: with the statement they would reach the database's log.
    """

    def __init__(self, cursor: Any, script: Any) -> None:
        super().__init__(cursor)
        self._script = script

    def read(
        self,
        room_ids: Sequence[str],
        senders: Sequence[tuple[str, str, str]],
        keys: Sequence[tuple[str, str, str]],
        moment: datetime,
    ) -> tuple[Rows, Rows, Rows]:
        values = [list(room_ids), moment, *_columns(senders), *_columns(keys)]
        self._script.execute(f"{_PG_LOCK_HEADS}; {_PG_SENDERS}; {_PG_KNOWN}", values)
        heads = self._script.fetchall()
        self._script.nextset()
        found = self._script.fetchall()
        self._script.nextset()
        return heads, found, self._script.fetchall()

    def store(self, rows: Rows, heads: Sequence[tuple[str, int]]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        moved = [[room for room, _ in heads], [seq for _, seq in heads]]
        self.cursor.execute(f"WITH moved AS ({_PG_SET_HEADS}) {_PG_INSERT}", [*moved, *columns])

    def lock_heads(self, room_ids: Sequence[str]) -> Rows:
        return self._rows(_PG_LOCK_HEADS, [list(room_ids)])

    def senders(self, senders: Sequence[tuple[str, str, str]], moment: datetime) -> Rows:
        return self._rows(_PG_SENDERS, [moment, *_columns(senders)])

    def known(self, keys: Sequence[tuple[str, str, str]]) -> Rows:
        return self._rows(_PG_KNOWN, _columns(keys))


@cache
def _values(count: int, name: str) -> str:
    return f"{name} AS (VALUES {','.join(['(?,?,?,?)'] * count)})"


def _numbered(rows: Sequence[tuple[str, str, str]]) -> list[Any]:
    return [value for n, row in enumerate(rows) for value in (n, *row)]


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[list[Any]]:
    return [list(range(len(rows))), *([row[place] for row in rows] for place in range(3))]


def _sqlite_time(moment: datetime) -> str:
    """As SQLAlchemy stores a UTC time on SQLite."""
    return moment.isoformat(" ", "microseconds")[:26]
