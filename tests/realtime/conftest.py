"""Delivery's outside: a Redis of our own, for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.redis_server import RedisServer


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A running redis-server."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
