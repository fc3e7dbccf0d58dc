"""Counting tries: in Redis, so that all workers count together, and in this process's own memory while Redis is away.

Falling back counts less than it should and never waits: a guesser gets a worker's budget more, a school gets in.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

import structlog
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from chatapp.transports import redis_client

TIMEOUT_SECONDS = 0.2
PAUSE_SECONDS = 1.0
"""After a failure Redis is not asked for so long, so that a Redis that hangs delays one try a second."""

PREFIX = "chatapp-limits"

Count = Callable[[MovingWindowRateLimiter, RateLimitItem, tuple[str, ...]], float]

log = structlog.get_logger(__name__)


class Windows(MemoryStorage):
    """The library's memory with moving windows of our own: at every try its own start a thread, which walks over every
    key there is, and they keep a key for ever. Here each try looks at two others, and forgets those that are over."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._time = clock
        self._tries: dict[str, tuple[int, deque[float]]] = {}
        self._counting = threading.Lock()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take `amount` of `limit` in `expiry` seconds; whether there were so many."""
        moment = self._time()
        with self._counting:
            self._forget_some(moment)
            _, tries = self._tries.setdefault(key, (expiry, deque()))
            _drop(tries, moment - expiry)
            if len(tries) + amount > limit:
                return False
            tries.extend([moment] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The window's first moment, and how many are in it."""
        moment = self._time()
        with self._counting:
            _, tries = self._tries.get(key, (expiry, deque()))
            _drop(tries, moment - expiry)
            return (tries[0], len(tries)) if tries else (moment, 0)

    def __len__(self) -> int:
        return len(self._tries)

    def _forget_some(self, moment: float) -> None:
        """Look at the two that were not looked at for longest."""
        for key in list(islice(self._tries, 2)):
            expiry, tries = self._tries.pop(key)
            if tries and tries[-1] > moment - expiry:
                self._tries[key] = expiry, tries


def _drop(tries: deque[float], until: float) -> None:
    while tries and tries[0] <= until:
        tries.popleft()


class Budgets:
    """`redis_url` empty: this process's memory alone. `channel` keeps deployments that share a Redis apart."""

    def __init__(self, redis_url: str = "", channel: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._own = MovingWindowRateLimiter(Windows())
        self._shared = _shared(redis_url, f"{PREFIX}:{channel}") if redis_url else None
        self._clock = clock
        self._ask_again = 0.0

    def is_spent(self, item: RateLimitItem, *key: str) -> float:
        """Take nothing: 0.0 while there is one of `item` for `key`, or the seconds until there is. Never raises."""
        return self._counted(_look, item, key)

    def spend(self, item: RateLimitItem, *key: str) -> float:
        """Take one of `item` for `key`: 0.0, or the seconds until there is one. Never raises."""
        return self._counted(_spend, item, key)

    def _counted(self, count: Count, item: RateLimitItem, key: tuple[str, ...]) -> float:
        if self._shared is not None and self._clock() >= self._ask_again:
            try:
                return count(self._shared, item, key)
            except Exception as fault:  # noqa: BLE001 — whatever Redis says, the answer is to count here
                self._ask_again = self._clock() + PAUSE_SECONDS
                log.warning("budgets_alone", fault=type(fault).__name__)
        return count(self._own, item, key)


def _spend(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> float:
    return 0.0 if limiter.hit(item, *key) else _wait(limiter, item, key)


def _look(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> float:
    return 0.0 if limiter.test(item, *key) else _wait(limiter, item, key)


def _wait(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> float:
    return max(1.0, limiter.get_window_stats(item, *key).reset_time - time.time())


def _shared(url: str, prefix: str) -> MovingWindowRateLimiter:
    pool = redis_client.client(url, timeout=TIMEOUT_SECONDS).connection_pool
    return MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix=prefix))
