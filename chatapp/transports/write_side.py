"""What the socket transports' write sides share: corking, the account of what a reader has not taken, and the reaper.

How frames and packets travel is each transport's own; what is sent, and to whom, is delivery's.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from chatapp.contract.words import Bye
from chatapp.realtime.connection import Connection, Cork
from chatapp.realtime.outgoing import Bundle, Outgoing

LINGER_SECONDS = 1.0
"""Between a `bye` and the end of the connection: a polling client needs it to fetch the reason."""

HARD_FACTOR = 4
"""The reaper comes once a second; a backlog of so many times `slow_bytes` ends the connection at once."""

Spawn = Callable[..., object]
Sleep = Callable[[float], object]

_counting = threading.Lock()  # with async_mode threading several threads write to one reader


class Backlog:
    """What a reader has not taken: its bytes, and since when the oldest waits. Never its number of packets."""

    __slots__ = ("_waiting", "bytes")

    def __init__(self) -> None:
        self.bytes = 0
        self._waiting: deque[tuple[int, float]] | None = None  # an empty one has 0.7 KiB

    def put(self, size: int) -> None:
        """`size` bytes begin to wait, behind all others."""
        with _counting:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((size, time.monotonic()))
            self.bytes += size

    def drop(self, count: int) -> None:
        """The `count` oldest have left."""
        with _counting:
            waiting = self._waiting or deque()
            for _ in range(min(count, len(waiting))):
                self.bytes -= waiting.popleft()[0]
            if not waiting:
                self._waiting = None

    @property
    def since(self) -> float | None:
        """Monotonic time of the oldest, None when nothing waits."""
        waiting = self._waiting
        return waiting[0][1] if waiting else None


class WriteSide(Connection):
    """A connection that gathers while the cork is in, and writes in the order of `send`."""

    def __init__(
        self,
        id: str,  # noqa: A002 - Connection's own name
        *,
        user_id: str,
        session_id: str,
        expires_at: float,
        cork: Cork,
        spawn: Spawn,
        sleep: Sleep,
    ) -> None:
        self.id = id
        self.user_id = user_id
        self.session_id = session_id
        self.expires_at = expires_at
        self.closed = False
        self._cork = cork
        self._spawn = spawn
        self._sleep = sleep
        self._gathered: list[Outgoing | Bundle] = []

    def send(self, outgoing: Outgoing | Bundle) -> None:
        if self.closed:
            return
        gathered = self._gathered
        if not self._cork.is_in:
            self._write((*self._take_gathered(), outgoing) if gathered else (outgoing,))
            return
        if not gathered:
            self._cork.waiting.append(self)
        gathered.append(outgoing)

    def flush(self) -> None:
        gathered = self._gathered
        if gathered:
            self._gathered = []
            self._write(gathered)

    @property
    @abstractmethod
    def backlogged(self) -> bool:
        """Whether anything waits at all; cheap, for the reaper."""

    @property
    @abstractmethod
    def slow(self) -> bool:
        """Whether the reader is further behind than the settings allow."""

    @abstractmethod
    def _write(self, things: Sequence[Outgoing | Bundle]) -> None:
        """Write `things` directly, or put them behind what waits. Never yields."""

    def _take_gathered(self) -> list[Outgoing | Bundle]:
        gathered, self._gathered = self._gathered, []
        return gathered


def each(things: Iterable[Outgoing | Bundle]) -> Iterator[Outgoing]:
    """The single items of `things`, bundles opened."""
    for thing in things:
        if isinstance(thing, Bundle):
            yield from thing.items
        else:
            yield thing


def bye_data(code: str, retry_ms: int | None) -> dict[str, object]:
    """The payload of `bye`."""
    return {"code": code} if retry_ms is None else {"code": code, "retry_ms": retry_ms}


def reap(connections: Iterable[Connection]) -> int:
    """Close the connections whose readers are too slow; how many. To be called about once a second."""
    slow = [c for c in list(connections) if isinstance(c, WriteSide) and not c.closed and c.backlogged and c.slow]
    for connection in slow:
        connection.bye(Bye.SLOW)
    return len(slow)
