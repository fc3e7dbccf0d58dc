"""Work that goes deep, done in a greenlet of its own while its caller waits.

CPython gives each greenlet's frames pages of memory and takes none back while it lives. A connection's reader, which
mostly waits, keeps 4 KiB; one that had looked into the database by itself, for a connect or an entering, kept 16.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

Apart = Callable[[Callable[[], None]], None]
"""Runs what it is given, and returns when that is done. Raises what it raises."""


def here(act: Callable[[], None]) -> None:
    """Do it in the caller's own greenlet."""
    act()


def apart(spawn: Callable[..., Any]) -> Apart:
    """`spawn` starts a function in a greenlet or thread. What it gives to join is not waited for: the library's, which
    has not begun to run, counts as done."""

    def run(act: Callable[[], None]) -> None:
        faults: list[BaseException] = []
        under_way = threading.Lock()
        under_way.acquire()

        def caught() -> None:
            try:
                act()
            except BaseException as fault:  # noqa: BLE001 — it is the caller's
                faults.append(fault)
            finally:
                under_way.release()

        spawn(copy_context().run, caught)
        under_way.acquire()
        if faults:
            raise faults.pop()

    return run
