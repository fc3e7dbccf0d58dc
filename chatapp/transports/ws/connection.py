"""A plain WebSocket as delivery sees it: its own ordered, bounded queue and, while needed, a writer."""

from __future__ import annotations

import secrets
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from chatapp import meters
from chatapp.contract.names import CHAT
from chatapp.contract.names import Event as EventName
from chatapp.contract.words import Bye
from chatapp.realtime.connection import Cork
from chatapp.realtime.outgoing import Bundle, Event, Outgoing
from chatapp.transports.write_side import (
    HARD_FACTOR,
    LINGER_SECONDS,
    Backlog,
    Sleep,
    Spawn,
    WriteSide,
    bye_data,
    each,
)

CLOSE_CODES: dict[str, int] = {
    Bye.REMOVED: 4403,
    Bye.REVOKED: 4401,
    Bye.EXPIRED: 4401,
    Bye.SLOW: 4408,
    Bye.RESTART: 1012,
    Bye.TOO_MANY: 4403,
    Bye.BAD_PACKET: 1002,
}


class FrameSocket(Protocol):
    """The server's WebSocket. `last` says that a close frame is in it: nothing follows."""

    tail_since: float | None
    websocket_closed: bool
    """Nothing can be written any more."""

    @property
    def tail_bytes(self) -> int: ...

    def write_now(self, frames: bytes, *, last: bool = False) -> bool:
        """Write without waiting and without yielding; False, and nothing written, when others are before it."""

    def send_frames(self, frames: bytes, *, last: bool = False) -> None:
        """Write whole, waiting as long as it takes. Raises OSError."""

    def abort(self) -> None:
        """End the TCP connection now."""


class Text(Outgoing):
    """A text frame that is no event and no ack: why somebody is turned away."""

    def __init__(self, text: str) -> None:
        self.ws = text.encode()


def close_frame(code: int, reason: str) -> bytes:
    """A server's close frame (RFC 6455 section 5.5.1); the reason is cut to what a control frame holds."""
    payload = struct.pack("!H", code) + reason.encode()[:123].decode(errors="ignore").encode()
    return struct.pack("!BB", 0x88, len(payload)) + payload


class WsConnection(WriteSide):
    """One plain WebSocket. Its user is not known before the endpoint's `open` has set it."""

    def __init__(
        self, ws: FrameSocket, *, cork: Cork, spawn: Spawn, sleep: Sleep, slow_bytes: int, slow_seconds: float
    ) -> None:
        super().__init__(
            secrets.token_urlsafe(15), user_id="", session_id="", expires_at=0.0, cork=cork, spawn=spawn, sleep=sleep
        )
        self.ws = ws
        self.slow_bytes = slow_bytes
        self.slow_seconds = slow_seconds
        self.backlog = Backlog()
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._writing = False

    room_id: str = ""
    """The one room it is in, set by the endpoint's `open`."""

    def hears(self, namespace: str, room_id: str | None = None) -> bool:
        return namespace == CHAT and room_id in (None, self.room_id)

    def room_bye(self, room_id: str, code: str) -> None:
        self.bye(code)

    @property
    def over(self) -> bool:
        """Whether nothing that is sent arrives any more."""
        return self.closed or self.ws.websocket_closed

    @property
    def backlogged(self) -> bool:
        return self.backlog.bytes > 0 or self.ws.tail_bytes > 0

    @property
    def slow(self) -> bool:
        if self.backlog.bytes + self.ws.tail_bytes > self.slow_bytes:
            return True
        oldest = [since for since in (self.backlog.since, self.ws.tail_since) if since is not None]
        return bool(oldest) and time.monotonic() - min(oldest) > self.slow_seconds

    def send_text(self, text: str) -> None:
        """Send one text frame, in order with everything else."""
        self.send(Text(text))

    def bye(self, code: str, *, retry_ms: int | None = None) -> None:
        if self.closed:
            return
        self.closed = True
        meters.BYES.add(1, code)
        self._write([*self._take_gathered(), Event.of(CHAT, EventName.BYE, bye_data(code, retry_ms))])
        self._finish(CLOSE_CODES[code], code, 0.0 if code == Bye.SLOW else LINGER_SECONDS)

    def close(self, ws_code: int, reason: str = "") -> None:
        """Send the close frame behind everything sent before, and cut the connection a second later."""
        if self.closed:
            return
        self.closed = True
        self._write(self._take_gathered())
        self._finish(ws_code, reason, LINGER_SECONDS)

    def _finish(self, ws_code: int, reason: str, linger: float) -> None:
        frame = close_frame(ws_code, reason)
        if self._writing or not self.ws.write_now(frame, last=True):
            self._put(frame, last=True)
        self._spawn(self._end, linger)

    def _end(self, delay: float) -> None:
        if delay:
            self._sleep(delay)
        self.ws.abort()

    def _write(self, things: Sequence[Outgoing | Bundle]) -> None:
        if not things:
            return
        if not self._writing:
            frames = things[0].ws_frame if len(things) == 1 else b"".join([thing.ws_frame for thing in things])
            if self.ws.write_now(frames):
                return
        for item in each(things):
            self._put(item.ws_frame)
        if not self.closed and self.backlog.bytes > HARD_FACTOR * self.slow_bytes:
            self.bye(Bye.SLOW)

    def _put(self, frame: bytes, *, last: bool = False) -> None:
        self.backlog.put(len(frame))
        self._queue.append((frame, last))
        if not self._writing:
            self._writing = True
            self._spawn(self._drain)

    def _drain(self) -> None:
        """Write what waits. While this runs nothing goes past it; a frame leaves the account when it is written."""
        try:
            while self._queue:
                frame, last = self._queue.popleft()
                self.ws.send_frames(frame, last=last)
                self.backlog.drop(1)
        except OSError:
            self.closed = True
        finally:
            self._writing = False
