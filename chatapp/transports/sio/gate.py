"""The gate before the library's packet handler: it reads each packet itself, lets connects and disconnects through, and
hands our commands on with their ack id, which the library would keep to itself.

What is no packet of this protocol closes its connection; what is one, but wrong, is answered. Nothing a client sends
reaches a handler by its name: `connect` and `disconnect` as events are unknown commands.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import socketio

from chatapp.contract import jsontext
from chatapp.contract.errors import Code, Refused, invalid
from chatapp.contract.jsontext import BadJson, DuplicateKey
from chatapp.contract.words import Bye
from chatapp.transports.gateway import Gateway, refuse
from chatapp.transports.sio.connection import SioConnection
from chatapp.transports.sio.namespaces import GatedNamespace

CONNECT, DISCONNECT, EVENT = "0", "1", "2"
_PACKET = re.compile(r"([0-6])(?:(/[^,?]{0,100}),)?([0-9]{0,10})(.*)", re.ASCII | re.DOTALL)
MAX_ID_DIGITS = 9
MAX_ENCODED_CONNECT = 16 * 1024


class BadPacket(Exception):
    """What came is no packet of ours."""


class Gate:
    """`connections` are those with an authenticated user, by Engine.IO sid; `strangers` those without, since when.

    The commands that `namespaces` declare are dispatched, each in its own namespace; there are no others.
    `connected` is told of each namespace a connection has come into, `left` of one that ended while it did: the library
    calls no handler for it.
    """

    def __init__(
        self,
        server: socketio.Server,
        gateway: Gateway,
        namespaces: Iterable[GatedNamespace],
        connected: Callable[[SioConnection, str], None],
        left: Callable[[str, str], None],
        *,
        max_packet_bytes: int = 32 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._gateway = gateway
        self._commands = {namespace.namespace: namespace.commands for namespace in namespaces}
        self._connected = connected
        self._left = left
        self._max_packet_bytes = max_packet_bytes
        self._clock = clock
        self.connections: dict[str, SioConnection] = {}
        self.strangers: dict[str, float] = {}

    def install(self) -> None:
        """Stand before the library's handlers."""
        eio = self._server.eio
        library_connect = eio.handlers["connect"]

        def connect(eio_sid: str, environ: Any) -> Any:
            self.strangers[eio_sid] = self._clock()
            return library_connect(eio_sid, environ)

        eio.on("connect", connect)
        eio.on("message", self.receive)

    def admit(self, connection: SioConnection) -> None:
        """This connection has an authenticated user now."""
        self.connections[connection.id] = connection
        self.strangers.pop(connection.id, None)

    def forget(self, eio_sid: str) -> None:
        """This connection has left every namespace. While its socket is open it is a stranger's again."""
        self.connections.pop(eio_sid, None)
        if self._is_open(eio_sid):
            self.strangers[eio_sid] = self._clock()
        else:
            self.strangers.pop(eio_sid, None)

    def expel_strangers(self, older_than: float) -> None:
        """Close what has shown no credential for `older_than` seconds."""
        moment = self._clock()
        for eio_sid, since in list(self.strangers.items()):
            if moment - since > older_than:
                self.close(eio_sid)

    def receive(self, eio_sid: str, data: Any) -> None:
        """One Engine.IO message, in the order of arrival."""
        try:
            self._receive(eio_sid, data)
        except BadPacket:
            self.close(eio_sid)

    def close(self, eio_sid: str) -> None:
        """End a connection that does not keep to the protocol."""
        connection = self.connections.get(eio_sid)
        self.strangers.pop(eio_sid, None)
        if connection is not None:
            connection.bye(Bye.BAD_PACKET)
            return
        socket = self._server.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.close(wait=False, reason=self._server.eio.reason.SERVER_DISCONNECT)

    def _receive(self, eio_sid: str, data: Any) -> None:
        if not isinstance(data, str) or len(data.encode(errors="replace")) > self._max_packet_bytes:
            raise BadPacket
        packet = _PACKET.fullmatch(data)
        if packet is None:
            raise BadPacket
        kind, namespace, ref, payload = packet.groups()
        connection = self.connections.get(eio_sid)
        if connection is not None and connection.closed:
            return
        if kind == CONNECT:
            self._gateway.apart(lambda: self._connect(eio_sid, data, namespace or "/", ref, payload))
        elif kind == DISCONNECT and not ref and not payload:
            self._server._handle_eio_message(eio_sid, data)
        elif kind == EVENT:
            self._event(connection, namespace or "/", ref, payload)
        else:
            raise BadPacket

    def _connect(self, eio_sid: str, data: str, namespace: str, ref: str, payload: str) -> None:
        if ref or len(payload) > MAX_ENCODED_CONNECT:
            raise BadPacket
        try:
            if payload and not isinstance(_decoded(payload), dict):
                raise BadPacket
        except DuplicateKey:
            raise BadPacket from None
        if not self._is_open(eio_sid):
            return  # it went while this packet waited; the library has forgotten who it was
        before = self._is_connected(eio_sid, namespace)
        try:
            self._server._handle_eio_message(eio_sid, data)
        finally:
            if not self._is_open(eio_sid):
                self._clean_up(eio_sid, namespace)
        connection = self.connections.get(eio_sid)
        if connection is not None and not before and self._is_connected(eio_sid, namespace):
            connection.namespaces.add(namespace)
            self._connected(connection, namespace)

    def _is_open(self, eio_sid: str) -> bool:
        socket = self._server.eio.sockets.get(eio_sid)
        return socket is not None and not socket.closing and not socket.closed

    def _clean_up(self, eio_sid: str, namespace: str) -> None:
        """The socket ended while its namespace was being connected: neither the library nor we would ever forget it."""
        sid = self._server.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None:
            self._server.manager.disconnect(sid, namespace, ignore_queue=True)
        if eio_sid in self.connections:
            self._left(eio_sid, namespace)

    def _is_connected(self, eio_sid: str, namespace: str) -> bool:
        if namespace not in self._commands:
            return False
        manager = self._server.manager
        sid = manager.sid_from_eio_sid(eio_sid, namespace)
        return sid is not None and bool(manager.is_connected(sid, namespace))

    def _event(self, connection: SioConnection | None, namespace: str, digits: str, payload: str) -> None:
        if connection is None or namespace not in connection.namespaces or len(digits) > MAX_ID_DIGITS:
            raise BadPacket
        ref = int(digits) if digits else None
        try:
            arguments = _decoded(payload)
        except DuplicateKey:
            if ref is None:
                raise BadPacket from None
            refuse(connection, namespace, ref, invalid("payload", "A key is named twice."))
            return
        if not isinstance(arguments, list) or not arguments or not isinstance(arguments[0], str):
            raise BadPacket
        name = arguments[0]
        if name not in self._commands[namespace]:
            if ref is None:
                raise BadPacket
            refuse(connection, namespace, ref, Refused(Code.UNKNOWN_COMMAND, "There is no such command here."))
            return
        if len(arguments) != 2 or not isinstance(arguments[1], dict):
            raise BadPacket
        self._gateway.dispatch(connection, namespace, name, arguments[1], ref)


def _decoded(payload: str) -> Any:
    try:
        return jsontext.decode(payload)
    except DuplicateKey:
        raise
    except BadJson as fault:
        raise BadPacket from fault
