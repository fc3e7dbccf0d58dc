"""What a process does again and again until it drains."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import structlog

from chatapp import meters
from chatapp.db import vital
from chatapp.transports.sweeping import sweep

if TYPE_CHECKING:
    from chatapp.transports.uploads import Uploads

LAG_SECONDS = 0.25
"""Between looks at how late a sleeper wakes up."""

log = structlog.get_logger(__name__)


class Rounds:
    """Tasks in their times. `draining` says when there are no more; `spawn` and `sleep` are the process's own."""

    def __init__(
        self, spawn: Callable[..., Any], sleep: Callable[[float], Any], *, draining: Callable[[], bool]
    ) -> None:
        self._spawn = spawn
        self._sleep = sleep
        self._draining = draining

    def every(self, seconds: float | Callable[[], float], task: Callable[[], object]) -> None:
        """Do `task` again and again. What fails is tried again in its time."""

        def loop() -> None:
            while not self._draining():
                try:
                    task()
                except Exception as fault:  # noqa: BLE001 — the database may be away; the next round asks again
                    meters.TASK_FAILURES.add(1, task.__name__)
                    log.warning("task_failed", task=task.__name__, fault=type(fault).__name__)
                self._sleep(seconds() if callable(seconds) else seconds)

        self._spawn(loop)

    def watch_lag(self) -> None:
        """How long everybody waits for whoever holds the loop."""
        while not self._draining():
            asleep = time.monotonic()
            self._sleep(LAG_SECONDS)
            meters.LOOP_LAG_SECONDS.observe(max(0.0, time.monotonic() - asleep - LAG_SECONDS))


class Broom:
    """Sweeps bytes that belong to no file, and files that belong to no message."""

    def __init__(self, uploads: Uploads, *, seconds: float, drafts_older_than: int) -> None:
        self._uploads = uploads
        self._seconds = seconds
        self._drafts_older_than = drafts_older_than
        self._next = 0.0

    def sweep(self) -> None:
        """When it is time; it is asked often, since what sleeps for an hour does not hear of a drain."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._seconds
        swept = sweep(self._uploads, drafts_older_than=self._drafts_older_than)
        if swept.drafts or swept.orphans or swept.missing:
            log.info("swept", drafts=swept.drafts, orphans=swept.orphans, missing=len(swept.missing))


def vitally(task: Callable[[], object]) -> Callable[[], None]:
    """The same task on the connections that are kept for what must not wait."""

    @wraps(task)
    def alone() -> None:
        with vital():
            task()

    return alone
