"""Signals as flags that a loop polls: a greenlet spawned by a handler does not wake an idle hub."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """`received` once asked to stop. Asked again, the process ends on the spot."""

    def __init__(self) -> None:
        self.received = False

    def listen(self) -> None:
        """From now on the signals mean this."""
        for number in STOPPING:
            signal.signal(number, self._receive)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = True

    def leave_within(self, seconds: float) -> None:
        """End the process after `seconds`, whatever it still waits for. What is committed is committed."""
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def leave_in_peace(self) -> None:
        """Nothing is waited for any more. The interpreter's own ending, which a busy machine draws out, has lost
        our handler: the alarm would make a clean end look like a crash."""
        signal.setitimer(signal.ITIMER_REAL, 0)


class LevelSignal:
    """SIGUSR1 turns details on in the log, and at the next time off again, without a restart."""

    def __init__(self, usual: str, use: Callable[[str], object]) -> None:
        self._levels = (usual, "DEBUG")
        self._use = use
        self._asked = self._obeyed = 0

    def listen(self) -> None:
        """From now on the signal means this."""
        signal.signal(signal.SIGUSR1, self._receive)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1

    def obey(self) -> str | None:
        """Do what was asked for since the last time: the new level, or None."""
        if self._asked == self._obeyed:
            return None
        self._obeyed = self._asked
        level = self._levels[self._asked % 2]
        self._use(level)
        return level
