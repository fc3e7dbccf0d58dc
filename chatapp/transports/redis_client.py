"""Clients of Redis, or of Valkey, which speaks the same: one process, TLS, a socket, Sentinel.

All with short time-outs and no retries, for nothing here may wait for Redis.
"""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel
from socketio.redis_manager import parse_redis_sentinel_url

SENTINEL = "redis+sentinel://"
DEFAULT_SERVICE = "mymaster"


def normalised(url: str) -> str:
    """The URL as redis-py reads it: `valkey://`, `valkeys://` and `valkey+sentinel://` mean the same protocol. A
    Sentinel's names the service that is meant: the library would take the channel's name where there is none."""
    for valkey, plain in (("valkeys://", "rediss://"), ("valkey://", "redis://"), ("valkey+", "redis+")):
        if url.startswith(valkey):
            url = plain + url.removeprefix(valkey)
    if not url.startswith(SENTINEL):
        return url
    hosts, _, path = url.removeprefix(SENTINEL).partition("/")
    database, _, service = path.partition("/")
    return f"{SENTINEL}{hosts}/{database or 0}/{service or DEFAULT_SERVICE}"


def options(timeout: float) -> dict[str, Any]:
    """What every client is made with; `timeout` in seconds, for connecting and for each answer."""
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}


def client(url: str, *, timeout: float) -> Any:
    """A client of its own. It connects when it is first used."""
    plain = normalised(url)
    if not plain.startswith(SENTINEL):
        return redis.Redis.from_url(plain, **options(timeout))
    sentinels, service, credentials = parse_redis_sentinel_url(plain)
    keeper = Sentinel(sentinels, **options(timeout), **credentials)  # type: ignore[no-untyped-call]
    return keeper.master_for(service)  # type: ignore[no-untyped-call]
