"""What the server that owns the plain WebSockets asks of chatapp. It knows no rules; they stand behind this."""

from __future__ import annotations

from typing import Protocol

from chatapp.transports.ws.connection import WsConnection


class Endpoint(Protocol):
    """Called in order for each connection: `open` once, `receive` for each text, `closed` once. Nothing may raise."""

    def open(self, connection: WsConnection, room_id: str, query: dict[str, str], remote_addr: str) -> None:
        """The handshake is done. Set the connection's user and send the welcome, or `connection.close(code)`."""

    def receive(self, connection: WsConnection, text: str) -> None:
        """A whole text message came, in the order of sending; not called after `connection.closed`."""

    def closed(self, connection: WsConnection) -> None:
        """The connection has ended, by whomever. Called after `open` even when that closed it."""
