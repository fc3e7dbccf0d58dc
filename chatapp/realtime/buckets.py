"""Token buckets in this process's memory, for what happens too often to ask anybody else.

The algorithm is the token bucket of RFC 3290 section 3.1.3.1: `rate` tokens a second flow in, up to `burst`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

MAX_KEYS = 50_000
"""Beyond this, or beyond twice what was kept the last time, buckets that are full again are forgotten: a full bucket
and none are the same."""


class Buckets:
    """One kind of budget, a bucket a key. `rate` is in tokens per second."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}
        self._forget_beyond = MAX_KEYS

    def take(self, key: Hashable) -> float:
        """Take a token: 0.0, or the seconds until there is one."""
        moment = self._clock()
        level, since = self._levels.get(key, (self._burst, moment))
        level = min(self._burst, level + (moment - since) * self._rate)
        if level < 1.0:
            self._levels[key] = (level, moment)
            return (1.0 - level) / self._rate
        self._levels[key] = (level - 1.0, moment)
        if len(self._levels) > self._forget_beyond:
            self._forget_full(moment)
        return 0.0

    def forget(self, key: Hashable) -> None:
        """The key is gone for good."""
        self._levels.pop(key, None)

    def _forget_full(self, moment: float) -> None:
        refill = self._burst / self._rate
        self._levels = {key: held for key, held in self._levels.items() if moment - held[1] < refill}
        self._forget_beyond = max(MAX_KEYS, 2 * len(self._levels))
