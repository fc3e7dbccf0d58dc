"""Sockets that come and go: Socket.IO's and plain ones, from the door to the hub and out again.

Who they are and what they hold is the door's; what they say is the gateway's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from chatapp.contract.errors import Code, Refused
from chatapp.contract.names import NOTIFICATIONS
from chatapp.contract.words import Bye
from chatapp.domain import sessions
from chatapp.transports.sio.connection import SioConnection

if TYPE_CHECKING:
    import socketio

    from chatapp.domain.actor import Actor
    from chatapp.realtime.connection import Cork
    from chatapp.realtime.hub import Hub
    from chatapp.transports.door import Door
    from chatapp.transports.gateway import Gateway
    from chatapp.transports.sio.gate import Gate
    from chatapp.transports.ws.connection import WsConnection

log = structlog.get_logger(__name__)


class Arrivals:
    """`gate` is set once it stands: it calls these functions, and they ask it who has passed."""

    gate: Gate

    def __init__(
        self,
        hub: Hub,
        door: Door,
        gateway: Gateway,
        server: socketio.Server,
        *,
        cork: Cork,
        spawn: Callable[..., Any],
        sleep: Callable[[float], Any],
    ) -> None:
        self._hub = hub
        self._door = door
        self._gateway = gateway
        self._server = server
        self._cork = cork
        self._spawn = spawn
        self._sleep = sleep

    def admit_sio(self, eio_sid: str, namespace: str, auth: object, address: str) -> None:
        """Let a Socket.IO connection into a namespace. Raises what the door raises."""
        actor, expires_at = self._door.authenticate(auth, address)
        self._door.settle(eio_sid)
        connection = self.gate.connections.get(eio_sid)
        if connection is not None:
            if connection.user_id != actor.user_id:
                raise sessions.unauthorized()
            return
        connection = SioConnection(
            self._server.eio.sockets[eio_sid],
            user_id=actor.user_id,
            session_id=actor.session_id,
            expires_at=expires_at,
            cork=self._cork,
            spawn=self._spawn,
            sleep=self._sleep,
        )
        self._door.admit(connection, actor)
        self.gate.admit(connection)

    def connected(self, connection: SioConnection, namespace: str) -> None:
        """The client knows by now that it is connected to the namespace. Who cannot be greeted would hear nothing for
        ever, and not know it: they come back."""
        if namespace != NOTIFICATIONS:
            return
        try:
            self._door.greet(connection)
        except Exception as fault:  # noqa: BLE001 — whatever it is, the answer is to come back
            log.warning("greeting_failed", fault=type(fault).__name__)
            revoked = isinstance(fault, Refused) and fault.code is Code.UNAUTHORIZED
            connection.bye(Bye.REVOKED if revoked else Bye.RESTART, retry_ms=None if revoked else 1000)

    def left_sio(self, eio_sid: str, namespace: str) -> None:
        """A namespace has ended for a Socket.IO connection, and with its last one the connection."""
        connection = self.gate.connections.get(eio_sid)
        if connection is None:
            return
        connection.namespaces.discard(namespace)
        entirely = not connection.namespaces or connection.socket.closing or connection.socket.closed
        if entirely:
            self.gate.forget(eio_sid)
            self._gateway.gone(connection)
        self._door.note_gone(eio_sid, namespace, entirely=entirely)

    def admit_plain(self, connection: WsConnection, auth: dict[str, Any], address: str) -> Actor:
        """Let a plain WebSocket in. Raises what the door raises."""
        actor, expires_at = self._door.authenticate(auth, address)
        connection.user_id, connection.session_id = actor.user_id, actor.session_id
        connection.expires_at = expires_at
        self._door.admit(connection, actor)
        return actor

    def left_plain(self, connection: WsConnection) -> None:
        """A plain WebSocket has ended."""
        self._gateway.gone(connection)
        self._door.note_gone(connection.id, entirely=True)

    def end_expired(self, *, strangers_after: float) -> None:
        """End whose token ran out, and sockets that have not said who they are for so many seconds."""
        moment = time.time()
        for connection in list(self._hub.connections.values()):
            if connection.expires_at <= moment and not connection.closed:
                self._hub.end_connections([connection.id], Bye.EXPIRED)
        self.gate.expel_strangers(strangers_after)
