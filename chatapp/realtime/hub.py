"""Who is connected to this worker, which rooms they are in, and what each hint means for them.

Hints come from this process's own commits, from other processes by the queue, and from the poll, in any order and any
number of times. Taking one never reads the database: what must be read is put on the courier's list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from chatapp.contract import hints
from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint
from chatapp.contract.names import CHAT
from chatapp.contract.names import Event as EventName
from chatapp.contract.words import Bye
from chatapp.realtime.connection import Connection
from chatapp.realtime.errands import Errands
from chatapp.realtime.log_pump import LogPump, Reader
from chatapp.realtime.outgoing import Event, Outgoing

log = structlog.get_logger(__name__)

BLIND_SECONDS = 5.0
"""A worker that has not seen the database for so long delivers nothing until it has: it may have missed a removal."""


class Hub:
    """One per process. Its lock is its pumps', too: evictions run from them into here."""

    def __init__(self, errands: Errands, clock: Callable[[], float] = time.monotonic) -> None:
        self.connections: dict[str, Connection] = {}
        self.pumps: dict[str, LogPump] = {}
        self.errands = errands
        self.seen_database = clock()
        self._clock = clock
        self._by_user: dict[str, set[str]] = {}
        self._by_session: dict[str, set[str]] = {}
        self._hosts: set[str] = set()
        self._visits: dict[str, set[str]] = {}
        self._lock = threading.RLock()
        self.presence: dict[str, dict[str, tuple[dict[str, Any], bool]]] = {}
        self._takers: dict[type, Callable[[Any], None]] = {
            hints.LogGrew: self._log_grew,
            hints.LogUncertain: self._log_uncertain,
            hints.Evicted: self._someone_left,
            hints.RoomChanged: self._room_changed,
            hints.LobbyChanged: self._lobby_changed,
            hints.NotificationsGrew: self._notifications_grew,
            hints.NotificationsWereRead: self._notifications_read,
            hints.SessionsEnded: self._sessions_ended,
            hints.ConnectionsEnded: self._connections_ended,
            hints.PresenceChanged: self._presence_changed,
            hints.Typed: self._typed,
        }

    # Connections

    def add(self, connection: Connection) -> None:
        """A connection with an authenticated user."""
        with self._lock:
            self.connections[connection.id] = connection
            self._by_user.setdefault(connection.user_id, set()).add(connection.id)
            self._by_session.setdefault(connection.session_id, set()).add(connection.id)
            self._visits[connection.id] = set()

    def remove(self, connection_id: str) -> Connection | None:
        """A connection that is gone: it receives nothing more. None when it was not here."""
        with self._lock:
            connection = self.connections.pop(connection_id, None)
            if connection is None:
                return None
            for room_id in self._visits.pop(connection_id, set()):
                self._leave(connection_id, room_id)
            _discard(self._by_user, connection.user_id, connection_id)
            _discard(self._by_session, connection.session_id, connection_id)
            if connection.user_id not in self._by_user:
                self._hosts.discard(connection.user_id)
            return connection

    def note_host(self, user_id: str) -> None:
        """Somebody who is connected hosts rooms, or may: from now on their doors are looked after."""
        with self._lock:
            if user_id in self._by_user and user_id not in self._hosts:
                self._hosts.add(user_id)
                self.errands.note_lobbies(user_id)

    def rename_session(self, connection: Connection, session_id: str) -> None:
        """A connection goes on under another session of the same user."""
        with self._lock:
            if not self.has(connection):
                return
            _discard(self._by_session, connection.session_id, connection.id)
            connection.session_id = session_id
            self._by_session.setdefault(session_id, set()).add(connection.id)

    def has(self, connection: Connection) -> bool:
        """Whether a connection is still here."""
        return self.connections.get(connection.id) is connection

    def of_user(self, user_id: str) -> list[Connection]:
        """A user's connections to this worker."""
        with self._lock:
            return [self.connections[each] for each in self._by_user.get(user_id, ())]

    def users(self) -> list[str]:
        """Everybody who is connected to this worker."""
        with self._lock:
            return list(self._by_user)

    def hosts(self) -> set[str]:
        """Those of them who host rooms, or may."""
        with self._lock:
            return set(self._hosts)

    def listeners(self) -> list[str]:
        """Those of them who listen to their notifications."""
        with self._lock:
            return list({each.user_id for each in self.connections.values() if each.notified_seq >= 0})

    def sessions(self) -> list[str]:
        """The sessions of everybody who is connected to this worker."""
        with self._lock:
            return list(self._by_session)

    # Rooms

    def begin(self, connection: Connection, room_id: str) -> tuple[LogPump, Reader]:
        """A connection begins to enter: the room's pump, and its place in it. The pump ends with its last reader.

        Raises unavailable for a connection that has ended: nobody would ever take it out again.
        """
        with self._lock:
            if not self.has(connection):
                raise Refused(Code.UNAVAILABLE, "This connection has ended.", retry_after=1)
            self._visits[connection.id].add(room_id)
            pump = self.pumps.get(room_id)
            if pump is None:
                pump = self.pumps[room_id] = LogPump(room_id, self._evicted, self._lock)
            return pump, pump.begin(connection)

    def abandon(self, reader: Reader, room_id: str) -> None:
        """An entering came to nothing. Another one of the same connection, begun since, goes on."""
        with self._lock:
            pump = self.pumps.get(room_id)
            current = None if pump is None else pump.readers.get(reader.connection.id)
            if current is None or current is reader:
                self.leave(reader.connection.id, room_id)

    def leave(self, connection_id: str, room_id: str) -> bool:
        """A connection is in a room no more. Whether it was."""
        with self._lock:
            self._visits.get(connection_id, set()).discard(room_id)
            return self._leave(connection_id, room_id)

    def rooms_of(self, connection_id: str) -> list[str]:
        """The rooms a connection is in or enters."""
        with self._lock:
            return list(self._visits.get(connection_id, ()))

    def is_in(self, connection_id: str, room_id: str) -> bool:
        """Whether a connection has entered a room."""
        pump = self.pumps.get(room_id)
        reader = pump.readers.get(connection_id) if pump is not None else None
        return reader is not None and not reader.entering

    def _leave(self, connection_id: str, room_id: str) -> bool:
        pump = self.pumps.get(room_id)
        if pump is None:
            return False
        was_here = pump.leave(connection_id)
        if not pump.readers:
            del self.pumps[room_id]
        return was_here

    def _evicted(self, connection: Connection, room_id: str) -> None:
        connection.room_bye(room_id, Bye.REMOVED)
        with self._lock:
            self._visits.get(connection.id, set()).discard(room_id)
            pump = self.pumps.get(room_id)
            if pump is not None and not pump.readers:
                del self.pumps[room_id]

    # Hints

    @property
    def blind(self) -> bool:
        """Whether the database has been out of sight for too long to deliver anything."""
        return self._clock() - self.seen_database > BLIND_SECONDS

    def take(self, news: Iterable[Hint]) -> None:
        """What has happened, told in any order and any number of times."""
        for hint in news:
            try:
                self._takers[type(hint)](hint)
            except Exception:
                # What was committed stays committed, whoever told us of it must not fail; the poll finds it again.
                log.exception("hint_failed", hint=type(hint).__name__)

    def _log_grew(self, hint: hints.LogGrew) -> None:
        pump = self.pumps.get(hint.room_id)
        if pump is None:
            return
        if self.blind or not hint.entries:
            self.errands.read_log(hint.room_id)
            return
        pump.take(hint.epoch, hint.entries)
        if pump.has_hole:
            self.errands.fill_hole(hint.room_id)

    def _log_uncertain(self, hint: hints.LogUncertain) -> None:
        if hint.room_id in self.pumps:
            self.errands.read_log(hint.room_id)

    def _someone_left(self, hint: hints.Evicted) -> None:
        if hint.room_id in self.pumps:
            self.errands.check_members(hint.room_id)

    def _room_changed(self, hint: hints.RoomChanged) -> None:
        if hint.room_id in self.pumps:
            self.errands.show_room(hint.room_id)

    def _lobby_changed(self, hint: hints.LobbyChanged) -> None:
        if hint.host_id not in self._by_user:
            return
        if hint.version:
            self.errands.read_lobby(hint.room_id, since=hint.version - 1)
        else:
            self.errands.show_requests(hint.room_id, hint.host_id, hint.request_ids)

    def _notifications_grew(self, hint: hints.NotificationsGrew) -> None:
        if hint.user_id in self._by_user:
            self.errands.notify(hint.user_id)

    def _notifications_read(self, hint: hints.NotificationsWereRead) -> None:
        # Not at once: a count must not overtake the notifications it counts, nor fall behind others.
        if hint.user_id in self._by_user:
            self.errands.tell_read(hint.user_id)

    def _sessions_ended(self, hint: hints.SessionsEnded) -> None:
        self.end_sessions(hint.session_ids)

    def _connections_ended(self, hint: hints.ConnectionsEnded) -> None:
        self.end_connections(hint.connection_ids, hint.code)

    def _presence_changed(self, hint: hints.PresenceChanged) -> None:
        if hint.room_id in self.pumps:
            self.presence.setdefault(hint.room_id, {})[hint.user["id"]] = (hint.user, hint.online)

    def _typed(self, hint: hints.Typed) -> None:
        pump = self.pumps.get(hint.room_id)
        if pump is not None and not self.blind:
            data = {"room_id": hint.room_id, "user": hint.user, "typing": hint.typing}
            pump.send_all(Event.of(CHAT, EventName.TYPING, data), but=hint.connection_id)

    # Telling

    def tell_host(self, host_id: str, room_id: str, outgoing: Outgoing) -> None:
        """Send an event about a room to all of its host's connections, in the room or not."""
        for connection in self.of_user(host_id):
            if connection.hears(CHAT, room_id):
                connection.send(outgoing)

    def end_sessions(self, session_ids: Iterable[str]) -> None:
        """Close the connections that came by these sessions."""
        with self._lock:
            gone = [each for session_id in session_ids for each in self._by_session.get(session_id, ())]
        self.end_connections(gone, Bye.REVOKED)

    def end_connections(self, connection_ids: Iterable[str], code: str) -> None:
        """Close these connections, those of them that are here. They receive nothing from now on."""
        for connection_id in connection_ids:
            connection = self.connections.get(connection_id)
            if connection is not None:
                connection.bye(code)
                with self._lock:
                    for room_id in list(self._visits.get(connection_id, ())):
                        self.leave(connection_id, room_id)


def _discard(index: dict[str, set[str]], key: str, value: str) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(value)
        if not members:
            del index[key]
