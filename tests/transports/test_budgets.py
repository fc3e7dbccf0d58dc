"""Tries are counted together by all workers, and by each alone while Redis is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import RateLimitItemPerMinute

from chatapp.transports import redis_client
from chatapp.transports.budgets import PAUSE_SECONDS, Budgets, Windows
from tests.faults.redis_server import RedisServer
from tests.support.wait import eventually

TWO = RateLimitItemPerMinute(2)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


def test_without_redis_a_worker_counts_alone() -> None:
    budgets = Budgets()
    assert [budgets.spend(TWO, "login", "ada") for _ in range(2)] == [0.0, 0.0]
    assert 1 <= budgets.spend(TWO, "login", "ada") <= 60
    assert budgets.spend(TWO, "login", "bob") == 0.0


@pytest.mark.service
def test_workers_count_together(redis: RedisServer) -> None:
    one, other = (Budgets(f"redis://127.0.0.1:{redis.port}/0", "school") for _ in range(2))
    assert one.spend(TWO, "login", "ada") == other.spend(TWO, "login", "ada") == 0.0
    assert 1 <= one.spend(TWO, "login", "ada") <= 60
    assert 1 <= other.spend(TWO, "login", "ada") <= 60


@pytest.mark.service
def test_deployments_that_share_a_redis_count_apart(redis: RedisServer) -> None:
    url = f"redis://127.0.0.1:{redis.port}/0"
    one, other = Budgets(url, "one"), Budgets(url, "other")
    for _ in range(2):
        one.spend(TWO, "login", "ada")
    assert one.spend(TWO, "login", "ada") > 0
    assert other.spend(TWO, "login", "ada") == 0.0


@pytest.mark.service
@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_a_redis_that_is_away_costs_one_short_wait_a_pause(redis: RedisServer, how: str) -> None:
    moment = [100.0]
    budgets = Budgets(f"redis://127.0.0.1:{redis.port}/0", "school", clock=lambda: moment[0])
    assert budgets.spend(TWO, "login", "ada") == 0.0
    getattr(redis, how)()
    begun = time.monotonic()
    assert [budgets.spend(TWO, "login", "ada") for _ in range(2)] == [0.0, 0.0]
    assert budgets.spend(TWO, "login", "ada") > 0  # counted here now
    for number in range(100):
        budgets.spend(TWO, "login", f"student{number}")
    assert time.monotonic() - begun < 1.5
    if how == "freeze":
        redis.thaw()
    else:
        redis.start()
    moment[0] += PAUSE_SECONDS
    assert budgets.spend(TWO, "code", "ada") == 0.0
    assert b":1" in redis.call("DBSIZE") or b":2" in redis.call("DBSIZE")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("redis://a/0", "redis://a/0"),
        ("rediss://a/0", "rediss://a/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("valkey://a/0", "redis://a/0"),
        ("valkeys://a/0", "rediss://a/0"),
        ("valkey+sentinel://a:1,b:2/0/school", "redis+sentinel://a:1,b:2/0/school"),
        ("redis+sentinel://me:secret@a:1/3", "redis+sentinel://me:secret@a:1/3/mymaster"),
        ("redis+sentinel://a:1", "redis+sentinel://a:1/0/mymaster"),
        ("redis+sentinel://a:1//school", "redis+sentinel://a:1/0/school"),
    ],
)
def test_valkey_is_spoken_to_as_redis_is(url: str, plain: str) -> None:
    assert redis_client.normalised(url) == plain
    assert redis_client.client(url, timeout=0.2) is not None


def test_a_window_moves_with_the_time_and_is_forgotten_when_it_is_over() -> None:
    moment = [100.0]
    windows = Windows(lambda: moment[0])
    for at in (100.0, 130.0):
        moment[0] = at
        assert windows.acquire_entry("ada", 2, 60)
    assert windows.get_moving_window("ada", 2, 60) == (100.0, 2)
    assert not windows.acquire_entry("ada", 2, 60)
    moment[0] = 160.0
    assert windows.acquire_entry("ada", 2, 60), "the first try is a minute old"
    assert not windows.acquire_entry("ada", 2, 60)
    assert windows.get_moving_window("nobody", 2, 60) == (160.0, 0)


def test_a_guesser_of_names_leaves_nothing_behind() -> None:
    moment = [0.0]
    windows = Windows(lambda: moment[0])
    for n in range(1000):
        windows.acquire_entry(f"name {n}", 5, 60)
    assert len(windows) == 1000
    moment[0] = 61.0
    for _ in range(501):
        windows.acquire_entry("ada", 1000, 60)
    assert len(windows) == 1


def test_a_try_starts_no_thread() -> None:
    budgets = Budgets()
    eventually(lambda: not [each for each in threading.enumerate() if isinstance(each, threading.Timer)])
    for n in range(50):
        budgets.spend(TWO, "login", str(n))
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
