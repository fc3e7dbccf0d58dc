"""The server's side of a WebSocket: one owner for all that is written to it, and the handshake that makes it.

Who is at its end, and what is said, is above. Socket.IO and the plain WebSocket share it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
from engineio.server import Server
from eventlet.greenio import shutdown_safe
from eventlet.queue import LightQueue
from eventlet.websocket import ConnectionClosedError, FailedConnectionError, RFC6455WebSocket, WebSocketWSGI
from eventlet.wsgi import WSGI_LOCAL

from chatapp.serving.frames import CLOSE, CONTROL, FrameError, FrameReader
from chatapp.serving.http import ServingProtocol, let_go
from chatapp.serving.reading import Reading

SEND_BUFFER_BYTES = 128 * 1024
"""The kernel's own choice grows to 4 MiB, and would hide a slow reader for minutes."""

MAX_WEBSOCKETS = 20_000
"""And requests under way; more are refused."""

LINGER_SECONDS = 1.0
LINGER_BYTES = 256 * 1024

TURN_MESSAGES, TURN_SECONDS = 16, 0.005
"""Who sends without end never waits for the kernel: after so many messages, or so much work, the others have a turn."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)

log = logging.getLogger(__name__)


class ServingWebSocket(RFC6455WebSocket):
    """A client's WebSocket. Everything written goes through `_send` or `write_now`, whole frames in order.

    `_writers` counts who is inside `_send`, waiting included: it rises before the lock is taken, because the library's
    writer holds packets in a list of its own while it waits, and a direct write would overtake them.
    """

    def __init__(self, sock: Any, environ: dict[str, Any], version: int, *, max_message_bytes: int) -> None:
        super().__init__(sock, environ, version)  # type: ignore[no-untyped-call]
        self.iterator = None  # `_frames` reads
        self._msgs = None  # type: ignore[assignment]  # the old protocol's
        self.environ = {}  # the request's would live as long as this
        self.tail_since: float | None = None
        self._tail = memoryview(b"")
        self._writers = 0
        self._turn_messages, self._turn_seconds, self._handed_out = 0, 0.0, time.monotonic()
        self._reading = Reading(sock)
        self._frames = FrameReader(self._reading.receive, max_bytes=max_message_bytes)
        self._send_directly = sock.fd.send  # the non-blocking socket under eventlet's
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    # Writing

    @property
    def tail_bytes(self) -> int:
        """What the kernel has not taken of a direct write."""
        return len(self._tail)

    def write_now(self, frames: bytes, *, last: bool = False) -> bool:
        """Write whole frames without yielding. False, and nothing is written, when somebody is before them.

        What the kernel does not take at once is flushed by a greenlet that has the send lock from this moment on. A
        connection that has ended takes everything, silently.
        """
        if self._writers:
            return False
        if self.websocket_closed:
            return True
        try:
            sent = self._send_directly(frames)
        except BlockingIOError:
            return False
        except OSError:
            self.abort()
            return True
        if last:
            self.websocket_closed = True
        if sent != len(frames):
            self._flush_later(memoryview(frames)[sent:])
        return True

    def _flush_later(self, tail: memoryview) -> None:
        # Nobody holds the lock or waits for it, or `_writers` were not 0; so this neither fails nor yields.
        self._writers += 1
        self._sendlock.acquire(blocking=False)
        self._tail, self.tail_since = tail, time.monotonic()
        eventlet.spawn_n(self._flush)

    def _flush(self) -> None:
        try:
            while self._tail:
                self._tail = self._tail[self.socket.send(self._tail) :]
        except OSError:
            self.abort()
        finally:
            self._tail, self.tail_since = memoryview(b""), None
            self._sendlock.release()
            self._writers -= 1

    def send_frames(self, frames: bytes, *, last: bool = False) -> None:
        """Write whole frames behind everything before them, waiting as long as it takes. Raises OSError."""
        if last:
            already, self.websocket_closed = self.websocket_closed, True
            if not already:
                self._send_locked(frames)
        else:
            self._send(frames)

    def _send(self, frame: bytes) -> None:
        if self.websocket_closed:
            raise BrokenPipeError("the WebSocket is closed")
        self._send_locked(frame)

    def _send_locked(self, frame: bytes) -> None:
        self._writers += 1
        try:
            with self._sendlock:
                try:
                    self.socket.sendall(frame)
                except BaseException:
                    # Part of the frame may be out. Whatever followed would be read as the rest of it.
                    self.abort()
                    raise
        finally:
            self._writers -= 1

    # Reading

    def wait(self) -> bytes | str | None:
        """The next message; None when the connection is over. Raises OSError, TimeoutError among them."""
        self._let_others()
        while not self._has_said_goodbye():
            try:
                opcode, data = self._frames.read()
                if not opcode & CONTROL:
                    if self._has_said_goodbye():
                        break
                    self._handed_out = time.monotonic()
                    return data
                self._handle_control_frame(opcode, data)  # type: ignore[no-untyped-call]
            except (EOFError, ConnectionClosedError):
                return None
            except FrameError as error:
                self.close((error.code, error.reason))
            except FailedConnectionError as error:
                self.close((error.status, error.message))
        self._linger()
        return None

    def _let_others(self) -> None:
        """Yield when this connection has had its turn."""
        self._turn_messages += 1
        self._turn_seconds += time.monotonic() - self._handed_out
        if self._turn_messages >= TURN_MESSAGES or self._turn_seconds > TURN_SECONDS:
            self._turn_messages, self._turn_seconds = 0, 0.0
            eventlet.sleep(0)

    def _has_said_goodbye(self) -> bool:
        """Whether our close frame is out or on its way; changes while one waits for the client."""
        return self.websocket_closed

    def _linger(self) -> None:
        """After our close frame, drop what still comes: closing on unread bytes would reset the frame away."""
        with contextlib.suppress(OSError, EOFError), eventlet.Timeout(LINGER_SECONDS, False):
            left = LINGER_BYTES
            while left > 0 and (data := self._reading.receive(left)):
                left -= len(data)

    # Ending

    def _send_closing_frame(self, ignore_send_errors: bool = False, close_data: tuple[int, str] | None = None) -> None:
        """Send the close frame once. It is marked before it waits for its turn: nothing may come after it."""
        if self.websocket_closed:
            return
        payload = b"" if close_data is None else struct.pack("!H", close_data[0]) + close_data[1].encode()
        frame = self._pack_message(payload, control_code=CLOSE)  # type: ignore[no-untyped-call]
        try:
            self.send_frames(frame, last=True)
        except OSError:
            if not ignore_send_errors:
                raise

    def close(self, close_data: tuple[int, str] | None = None) -> None:
        """Send the close frame and end our half. The server closes the socket when the handler returns."""
        self._send_closing_frame(True, close_data)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """End the connection now, with a reset; wakes whoever reads or writes. What the kernel holds is dropped."""
        self.websocket_closed = True
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Leave no greenlet waiting to write, and nothing registered to read, when the server closes the file: its
        number is the next client's."""
        self._reading.stop()
        while self._writers:
            self.abort()
            eventlet.sleep(0)


class WentOn(Exception):
    """The handshake is done, and the WebSocket goes on without the request."""


class Handshake(WebSocketWSGI):
    """eventlet's WSGI handler, making our WebSockets and refusing what we do not want to speak.

    What is said goes on in a greenlet of its own: the one that the request came by, with all that an HTTP request is
    made of and the frames of everything between the server and here, ends with the handshake. It held 15 KiB.
    """

    def __init__(self, handler: Callable[[ServingWebSocket], object], *, max_message_bytes: int) -> None:
        super().__init__(self._go_on)  # type: ignore[no-untyped-call]
        self._handle = handler
        self._max_message_bytes = max_message_bytes
        self.support_legacy_versions = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if ServingProtocol.under_way >= MAX_WEBSOCKETS:
            start_response("503 Service Unavailable", [("Retry-After", "1"), ("Connection", "close")])
            return []
        try:
            answer: Iterable[bytes] = super().__call__(environ, start_response)  # type: ignore[no-untyped-call]
        except WentOn:
            let_go(environ)
            WSGI_LOCAL.already_handled = True
            return []
        return answer

    def _go_on(self, ws: ServingWebSocket) -> None:
        ServingProtocol.under_way += 1
        eventlet.spawn_n(_converse, ws, self._handle)
        raise WentOn

    def _negotiate_permessage_deflate(self, extensions: Any) -> None:
        """Never: 176 KiB a connection instead of 72, and it would compress for each reader."""

    def _handle_hybi_request(self, environ: dict[str, Any]) -> ServingWebSocket:
        shaken = super()._handle_hybi_request(environ)  # type: ignore[no-untyped-call]
        return ServingWebSocket(shaken.socket, environ, shaken.version, max_message_bytes=self._max_message_bytes)


def _converse(ws: ServingWebSocket, handle: Callable[[ServingWebSocket], object]) -> None:
    """A WebSocket's life. Nothing may leave here: nobody is above."""
    try:
        handle(ws)
        ws.close()
    except OSError:
        ws.abort()
    except Exception:
        log.exception("a WebSocket's handler failed")
        ws.close((1011, "internal error"))
    finally:
        ws.release()
        shutdown_safe(ws.socket)
        ws.socket.close()
        ServingProtocol.under_way -= 1


def install(eio: Server, *, max_message_bytes: int) -> None:
    """Let `eio` make our WebSockets, and queues that nobody joins. Its table of drivers is a module's, hence a copy."""

    def driver(handler: Callable[[ServingWebSocket], object], _server: Server) -> Handshake:
        return Handshake(handler, max_message_bytes=max_message_bytes)

    eio._async = {**(eio._async or {}), "websocket": driver, "queue": LightQueue}
