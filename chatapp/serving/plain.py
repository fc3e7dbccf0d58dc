"""Serves ws/chat/<room_id>/ in front of Flask, which cannot return a WebSocket. What it says is the endpoint's."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import eventlet

from chatapp.realtime.connection import Cork
from chatapp.serving.frames import PING
from chatapp.serving.refusals import refusal
from chatapp.serving.websocket import Handshake, ServingWebSocket
from chatapp.transports.ws.connection import WsConnection
from chatapp.transports.ws.endpoint import Endpoint

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = re.compile(r"/ws/chat/([^/]+)/?")
PING_FRAME = bytes((0x80 | PING, 0))


class PlainWebSockets:
    """WSGI middleware. `connections` are the open ones.

    Every handshake from an allowed origin is accepted; a refusal is a close code, which a browser's script can read,
    as it cannot read an HTTP status.
    """

    def __init__(
        self,
        app: WSGIApplication,
        endpoint: Endpoint,
        *,
        cork: Cork,
        origins: Collection[str],
        max_message_bytes: int,
        ping_interval: float,
        ping_timeout: float,
        slow_bytes: int,
        slow_seconds: float,
    ) -> None:
        self._app = app
        self._endpoint = endpoint
        self._cork = cork
        self._origins = frozenset(origins)
        self._max_message_bytes = max_message_bytes
        self._ping_interval = ping_interval
        self._silence = ping_interval + ping_timeout
        self._slow_bytes = slow_bytes
        self._slow_seconds = slow_seconds
        self._beating = False
        self.connections: dict[WsConnection, float] = {}
        """With the monotonic time of the next ping."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if path is None:
            return self._app(environ, start_response)
        if environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            return refuse(start_response, HTTPStatus.UPGRADE_REQUIRED)
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin not in self._origins:  # none: a native client
            return refuse(start_response, HTTPStatus.FORBIDDEN)
        room_id = path[1]
        # The environ lives as long as the socket; the token need not.
        query = _query(environ.pop("QUERY_STRING", ""))
        remote_addr = environ.get("REMOTE_ADDR", "")

        def serve(ws: ServingWebSocket) -> None:
            self._serve(ws, room_id, query, remote_addr)

        refused: list[str] = []

        def note(status: str, _headers: object) -> None:
            """The handshake speaks HTTP only to refuse."""
            refused.append(status)

        answer: Iterable[bytes] = Handshake(serve, max_message_bytes=self._max_message_bytes)(environ, note)
        return refuse(start_response, int(refused[0].partition(" ")[0])) if refused else answer

    def _serve(self, ws: ServingWebSocket, room_id: str, query: dict[str, str], remote_addr: str) -> None:
        ws.socket.settimeout(self._silence)
        connection = WsConnection(
            ws,
            cork=self._cork,
            spawn=eventlet.spawn_n,
            sleep=eventlet.sleep,
            slow_bytes=self._slow_bytes,
            slow_seconds=self._slow_seconds,
        )
        self._keep_beating(connection)
        try:
            # Apart, and waited for: see chatapp.transports.apart.
            eventlet.spawn(self._endpoint.open, connection, room_id, query, remote_addr).wait()
            query.clear()
            while (message := ws.wait()) is not None:
                if isinstance(message, bytes):
                    connection.close(1003, "text only")
                elif not connection.closed:
                    self._endpoint.receive(connection, message)
        finally:
            del self.connections[connection]
            connection.closed = True
            self._endpoint.closed(connection)

    def _keep_beating(self, connection: WsConnection) -> None:
        self.connections[connection] = time.monotonic() + self._ping_interval
        if not self._beating:
            self._beating = True
            eventlet.spawn_n(self._beat)

    def _beat(self) -> None:
        """Ping each connection in its time: one greenlet for all, none when there are none.

        A ping that finds the writer busy is left out; bytes on their way do the same.
        """
        while self.connections:
            now = time.monotonic()
            for connection, due in list(self.connections.items()):
                if due <= now:
                    connection.ws.write_now(PING_FRAME)
                    self.connections[connection] = now + self._ping_interval
            eventlet.sleep(min(1.0, self._ping_interval / 4))
        self._beating = False


def refuse(start_response: Any, status: int) -> list[bytes]:
    """A problem. Who must upgrade is told to what (RFC 9110 section 15.5.22)."""
    upgrade = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    answer = refusal(status, *(upgrade if status == HTTPStatus.UPGRADE_REQUIRED else []))
    start_response(answer.status, answer.headers)
    return [answer.body]


def _query(text: str) -> dict[str, str]:
    """The parameters. One that comes twice would mean another thing to another reader: it becomes one that nobody
    takes."""
    pairs = parse_qsl(text, keep_blank_values=True)
    found = dict(pairs)
    return found if len(found) == len(pairs) else found | {"twice": ""}
