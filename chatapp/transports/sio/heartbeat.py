"""When which connection is asked whether it lives: one greenlet for all. The library has one for each, 9 KiB asleep.

Every interval is the same, so whoever was put in first is due first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

GRAIN_SECONDS = 0.05
"""Those who are due so close to each other are asked in one go."""


class Beating(Protocol):
    """Who is asked."""

    def beat(self) -> None:
        """Send the question. Never raises."""
        ...


class Heartbeat:
    """`interval` is in seconds; `start` runs a function in a greenlet or thread of its own, `sleep` waits in it."""

    def __init__(self, interval: float, start: Callable[..., Any], sleep: Callable[[float], Any]) -> None:
        self._interval = interval
        self._start = start
        self._sleep = sleep
        self._waiting: deque[tuple[float, Beating]] = deque()
        self._changing = threading.Lock()
        self._running = False

    def schedule(self, connection: Beating) -> None:
        """Ask `connection` an interval from now."""
        with self._changing:
            self._waiting.append((time.monotonic() + self._interval, connection))
            if self._running:
                return
            self._running = True
        self._start(self._run)

    def _run(self) -> None:
        """Until nobody waits; the next one starts it again."""
        while (due := self._next_due()) is not None:
            self._sleep(max(GRAIN_SECONDS, due - time.monotonic()))
            for connection in self._take_due():
                connection.beat()

    def _next_due(self) -> float | None:
        with self._changing:
            self._running = bool(self._waiting)
            return self._waiting[0][0] if self._waiting else None

    def _take_due(self) -> list[Beating]:
        moment = time.monotonic()
        with self._changing:
            taken = []
            while self._waiting and self._waiting[0][0] <= moment:
                taken.append(self._waiting.popleft()[1])
            return taken
