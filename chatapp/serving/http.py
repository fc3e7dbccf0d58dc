"""How requests are read: within bounds of size and time, and nothing of them in a log. Answering is Flask's.

Small stream buffers, because a connection's life is mostly waiting: eventlet's own cost 24 KiB each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, ClassVar

import eventlet
from eventlet.wsgi import HeaderLineTooLong, HeadersTooLarge, HttpProtocol, Input

from chatapp.serving.refusals import refusal

HEAD_SECONDS = 8.0
"""For a whole request head: from the connection's beginning, later from the head's first byte."""

IDLE_SECONDS = 75
"""Between requests. Longer than nginx keeps an idle connection (60 s), so that we never hang up on its request."""

BODY_SECONDS = 8.0
BODY_BYTES_PER_SECOND = 4096
"""After the first `BODY_SECONDS` a body must have come at least this fast on average."""

CONNECTION = "chatapp.connection"
"""In the environ, the server's own note of the connection, for `let_go`."""

MAX_HEADERS = 100
MAX_DISCARD_BYTES = 1024 * 1024


class PacedReader:
    """A request's body, which must keep coming. Raises TimeoutError, which Werkzeug takes for a client that left."""

    def __init__(self, stream: Any, connection: Any) -> None:
        self._stream = stream
        self._connection = connection
        self._begun = time.monotonic()
        self._received = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        pieces: list[bytes] = []
        left = size
        usual = self._connection.gettimeout()
        try:
            while left != 0:
                self._connection.settimeout(self._patience())
                piece = self._stream.read1(left if 0 < left < 65536 else 65536)
                if not piece:
                    break
                pieces.append(piece)
                self._received += len(piece)
                left -= len(piece) if left > 0 else 0
        finally:
            self._connection.settimeout(usual)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int = -1) -> bytes:
        """One line, such as a chunk's size."""
        with eventlet.Timeout(self._patience(), TimeoutError("the body came too slowly")):
            line: bytes = self._stream.readline(size)
        self._received += len(line)
        return line

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _patience(self) -> float:
        earned = self._received / BODY_BYTES_PER_SECOND
        left = self._begun + BODY_SECONDS + earned - time.monotonic()
        if left <= 0:
            raise TimeoutError("the body came too slowly")
        return min(left, BODY_SECONDS)


class BoundedInput(Input):
    """eventlet's request body, which does not read on for ever when nobody wanted it."""

    def discard(self, buffer_size: int = 16384) -> None:
        """Read what the application left, so that the connection can be used again; a lot of it ends the connection."""
        left = MAX_DISCARD_BYTES
        while piece := self.read(buffer_size):  # type: ignore[no-untyped-call]
            left -= len(piece)
            if left < 0:
                raise OSError("a body that nobody read")


class SomebodyElses:
    """In place of a connection that was let go, for who would close it."""

    def shutdown(self, how: int) -> None:
        """Not ours."""

    def close(self) -> None:
        """Not ours."""


def let_go(environ: dict[str, Any]) -> None:
    """Go on with a request's connection by oneself: the server forgets it, and does not close it."""
    environ[CONNECTION][1] = SomebodyElses()


class ServingProtocol(HttpProtocol):
    """One HTTP connection."""

    rbufsize = 512
    wbufsize = 1024
    under_way: ClassVar[int] = 0
    """Requests being answered in this process, long polls among them, and open WebSockets."""

    def handle_one_request(self) -> None:
        self._deadline: eventlet.Timeout | None = None
        try:
            super().handle_one_request()  # type: ignore[no-untyped-call]
        finally:
            self._cancel_deadline()

    def _read_request_line(self) -> bytes:
        """The request line, with which the head's `HEAD_SECONDS` begin, however slowly it drips."""
        try:
            if hasattr(self, "raw_requestline"):  # not the connection's first
                eventlet.sleep(0)  # who pipelines would never wait for anything, and nobody else would have a turn
                self.connection.settimeout(self.server.keepalive)
                if not self.rfile.peek(1):
                    return b""
                self.connection.settimeout(self.server.socket_timeout)
            self._deadline = eventlet.Timeout(HEAD_SECONDS, TimeoutError("the request's head came too slowly"))
            line = bytes(self.rfile.readline(self.server.url_length_limit))
        except (ConnectionError, EOFError):
            return b""
        if len(line) >= self.server.url_length_limit:
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            return b""
        return line

    def parse_request(self) -> bool:
        try:
            if not super().parse_request():
                return False
        except (HeaderLineTooLong, HeadersTooLarge):
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        finally:
            self._cancel_deadline()
        if len(self.headers) >= MAX_HEADERS:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        if self.request_version == "HTTP/0.9" or self._is_ambiguous() or self._is_malformed():
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        return True

    def _is_ambiguous(self) -> bool:
        """Whether where the body ends depends on who reads: the ground of request smuggling."""
        lengths = self.headers.get_all("content-length", [])
        codings = self.headers.get_all("transfer-encoding", [])
        if len(lengths) > 1 or any(not (length.isascii() and length.isdigit()) for length in lengths):
            return True
        return bool(codings) and (bool(lengths) or [coding.lower() for coding in codings] != ["chunked"])

    def _is_malformed(self) -> bool:
        """Whether a proxy that reads more strictly would have refused it: a second Host, a control character."""
        if len(self.headers.get_all("host", [])) > 1:
            return True
        return any(ord(char) < 32 and char != "\t" for value in self.headers.values() for char in value)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ[CONNECTION] = self.conn_state
        plain = environ["wsgi.input"]
        if plain.chunked_input or plain.content_length:
            environ["wsgi.input"] = environ["eventlet.input"] = BoundedInput(
                PacedReader(self.rfile, self.connection),
                plain.content_length,
                self.connection,
                wfile=plain.wfile,
                wfile_line=plain.wfile_line,
                chunked_input=plain.chunked_input,
            )  # type: ignore[no-untyped-call]
        return environ

    def handle_one_response(self) -> None:
        ServingProtocol.under_way += 1
        try:
            super().handle_one_response()  # type: ignore[no-untyped-call]
        finally:
            ServingProtocol.under_way -= 1
        if isinstance(self.conn_state[1], SomebodyElses):
            self.connection = self.conn_state[1]

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that never reaches Flask is answered like those that do, without repeating any of it."""
        answer = refusal(code)
        headers = [("Connection", "close"), *answer.headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.wfile.write(f"HTTP/1.1 {answer.status}\r\n{head}\r\n".encode() + answer.body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the line would hold the query string, a plain WebSocket's token in it."""

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
