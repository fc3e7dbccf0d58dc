"""One greenlet asks all connections whether they live, each at its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from chatapp.transports.sio.heartbeat import GRAIN_SECONDS, Heartbeat

INTERVAL = 0.2


class Asked:
    """A connection that notes that it was asked."""

    def __init__(self) -> None:
        self.times = threading.Semaphore(0)

    def beat(self) -> None:
        self.times.release()


class Starter:
    """Starts threads, and counts them."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __call__(self, run: Callable[..., Any]) -> None:
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()


def test_everybody_is_asked_once_by_one_greenlet_in_the_order_of_asking() -> None:
    start, slept = Starter(), []
    done = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        done.wait(seconds)

    heartbeat = Heartbeat(INTERVAL, start, sleep)
    connections = [Asked() for _ in range(50)]
    for connection in connections:
        heartbeat.schedule(connection)
    assert all(connection.times.acquire(timeout=10) for connection in connections)
    start.threads[0].join(timeout=10)
    assert len(start.threads) == 1
    assert not any(connection.times.acquire(blocking=False) for connection in connections)
    assert all(GRAIN_SECONDS <= seconds <= INTERVAL for seconds in slept)


def test_it_ends_when_nobody_waits_and_begins_again_with_the_next() -> None:
    start = Starter()
    heartbeat = Heartbeat(0.0, start, lambda _seconds: None)
    for _ in range(3):
        one = Asked()
        heartbeat.schedule(one)
        assert one.times.acquire(timeout=10)
        start.threads[-1].join(timeout=10)
        assert not start.threads[-1].is_alive()
    assert len(start.threads) == 3
