"""Where sockets come in and go out: who they are is asked of `auth`, what they hold is noted in the database.

Going is noted first and written later, by a greenlet of its own: the news may come in the middle of an emit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from chatapp import worklog
from chatapp.contract.errors import Code, Refused
from chatapp.contract.names import CHAT, NOTIFICATIONS, Event
from chatapp.domain import notifications, sessions, visits
from chatapp.domain.actor import Actor
from chatapp.realtime.connection import Connection
from chatapp.realtime.hub import Hub
from chatapp.transports.auth import Auth
from chatapp.transports.limits import Attempts

RETRY_SECONDS = 0.5
"""Before a departure that could not be written is tried again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Departure:
    """What a connection has left: one namespace, or all there is."""

    connection_id: str
    namespace: str
    entirely: bool


class Door:
    """`worker_id` names the lease; an empty one means that nobody is let in right now."""

    def __init__(self, hub: Hub, auth: Auth, attempts: Attempts, worker_id: Callable[[], str]) -> None:
        self._hub = hub
        self._auth = auth
        self._attempts = attempts
        self._worker_id = worker_id
        self._gone: deque[Departure] = deque()
        self._changed = threading.Condition()
        self._departing = threading.Lock()
        self._writing = ""
        self._stopped = False
        self._leases: dict[str, str] = {}

    def authenticate(self, auth: object, address: str) -> tuple[Actor, float]:
        """Who this is, and until when. Raises unauthorized, rate_limited, unavailable."""
        if not self._worker_id():
            raise Refused(Code.UNAVAILABLE, "The server restarts.", retry_after=1)
        self._attempts.connect_from(address)
        identity = self._auth.authenticate_connect(auth)
        self._attempts.connect(identity.actor.user_id)
        return identity.actor, identity.expires_at

    def admit(self, connection: Connection, actor: Actor) -> None:
        """Note a connection whose user is known. Raises unavailable when the lease has gone since."""
        lease = self._worker_id()
        if not lease:
            raise Refused(Code.UNAVAILABLE, "The server restarts.", retry_after=1)
        self._leases[connection.id] = lease
        self._hub.add(connection)
        try:
            hosts = visits.connect(actor, connection_id=connection.id, worker_id=lease)
        except BaseException:
            self._hub.remove(connection.id)
            del self._leases[connection.id]
            raise
        if hosts:
            self._hub.note_host(actor.user_id)
        worklog.note("connected", connection_id=connection.id, actor_id=actor.user_id)

    def greet(self, connection: Connection) -> None:
        """A connection begins to listen to /notifications: it gets the newest page, then what follows."""
        actor = sessions.actor_of(connection.session_id)
        visits.listen(actor, connection_id=connection.id)
        # Before the page: what is read between the two is told once more, and none is missed.
        connection.read_version = notifications.heads([actor.user_id])[actor.user_id].read_version
        newest = notifications.newest(actor)
        connection.notify(Event.NOTIFICATIONS, newest)
        # Not the head: one more notification may have come between the page and it.
        connection.notified_seq = max((item["seq"] for item in newest["items"]), default=0)
        self._hub.errands.notify(connection.user_id)

    def refresh(self, connection: Connection, token: str) -> dict[str, Any]:
        """Put a new access token under a connection. Raises unauthorized, PermissionError for somebody else's."""
        identity = self._auth.authenticate(token)
        if identity.actor.user_id != connection.user_id:
            raise PermissionError
        self._hub.rename_session(connection, identity.actor.session_id)
        connection.expires_at = identity.expires_at
        return {"expires_at": identity.expires_at}

    def note_gone(self, connection_id: str, namespace: str = "", *, entirely: bool = False) -> None:
        """A connection has left a namespace, or altogether. Never blocks."""
        with self._changed:
            self._gone.append(Departure(connection_id, namespace, entirely))
            self._changed.notify()

    def settle(self, connection_id: str) -> None:
        """Write down now what this connection has left: it comes back, and must not be taken for gone afterwards.
        Raises unavailable."""
        with self._changed:
            if self._writing != connection_id and all(each.connection_id != connection_id for each in self._gone):
                return
        with self._departing:
            with self._changed:
                mine = [each for each in self._gone if each.connection_id == connection_id]
            for departure in mine:
                if not self._depart(departure):
                    raise Refused(Code.UNAVAILABLE, "Come back in a moment.", retry_after=1)
                with self._changed:
                    self._gone.remove(departure)

    def run(self) -> None:
        """Write departures until `stop`. What fails is tried again: a visit that nobody ends keeps its host present."""
        while True:
            with self._changed:
                while not self._gone and not self._stopped:
                    self._changed.wait()
                if self._stopped and not self._gone:
                    return
            if not self._write_next():
                with self._changed:
                    self._changed.wait(RETRY_SECONDS)

    def _write_next(self) -> bool:
        """Write one departure, or put it behind the others. Whether it was written."""
        with self._departing:
            with self._changed:
                if not self._gone:
                    return True
                departure = self._gone.popleft()
                self._writing = departure.connection_id
            written = self._depart(departure)
            with self._changed:
                self._writing = ""
                if not written and not self._stopped:
                    self._gone.append(departure)
            return written

    def stop(self) -> None:
        """Let `run` return when all is written."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _depart(self, departure: Departure) -> bool:
        """Take a connection out of what it left, here and in the database. False: that did not answer."""
        try:
            if departure.entirely:
                self._hub.remove(departure.connection_id)
                if self._holds(departure.connection_id):
                    visits.disconnect(connection_id=departure.connection_id)
                self._leases.pop(departure.connection_id, None)
                worklog.note("disconnected", connection_id=departure.connection_id)
            elif departure.namespace == NOTIFICATIONS:
                self._stop_listening(departure.connection_id)
            elif departure.namespace == CHAT:
                self._leave_rooms(departure.connection_id)
        except Exception as fault:  # noqa: BLE001 — the database may be away
            log.warning("departure_failed", fault=type(fault).__name__)
            return isinstance(fault, Refused) and fault.code is not Code.UNAVAILABLE
        return True

    def _stop_listening(self, connection_id: str) -> None:
        connection = self._hub.connections.get(connection_id)
        if connection is not None:
            connection.notified_seq = -1
            if self._holds(connection_id):
                visits.listen(sessions.actor_of(connection.session_id), connection_id=connection_id, on=False)

    def _leave_rooms(self, connection_id: str) -> None:
        for room_id in self._hub.rooms_of(connection_id):
            self._hub.leave(connection_id, room_id)
        if self._holds(connection_id):
            visits.leave_all(connection_id=connection_id)

    def _holds(self, connection_id: str) -> bool:
        """Whether the lease of this connection is this worker's still. What was held by one that is gone, or is going,
        is left to that lease: a host who comes back before it dies was never away."""
        return self._leases.get(connection_id, "") == self._worker_id() != ""
