"""Waiting for something to be so, with a deadline; never a sleep for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    probe: Callable[[], T],
    *,
    within: float = 10.0,
    every: float = 0.02,
    message: str | Callable[[], str] = "it did not come true",
) -> T:
    """The first true value of `probe`. Raises AssertionError with `message` when `within` seconds have passed."""
    deadline = time.monotonic() + within
    while not (value := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(message if isinstance(message, str) else message())
        time.sleep(every)
    return value
