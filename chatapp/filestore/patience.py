"""How long a file may still be worked on before whoever brought it gets an answer: one clock for all who look at it."""

from __future__ import annotations

import time
from collections.abc import Callable

from chatapp.contract.errors import Code, Refused

ANSWER_SECONDS = 9.0
"""From a file's last byte to the answer. Whatever takes longer is refused, and the client brings it again."""


class Patience:
    """Runs from `begin` on; before, all of it is left."""

    def __init__(self, seconds: float = ANSWER_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end: float | None = None

    def begin(self) -> None:
        """The last byte has come."""
        self._end = self._clock() + self._seconds

    def left(self, *, keep: float = 0.0) -> float:
        """Seconds, 0.0 or more; `keep` are for what comes after."""
        left = self._seconds if self._end is None else self._end - self._clock()
        return max(0.0, left - keep)


def too_late() -> Refused:
    """What there was no time for, through no fault of the file."""
    return Refused(Code.UNAVAILABLE, "Files take longer than usual at the moment.", retry_after=3)
