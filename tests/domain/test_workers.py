"""What a worker asks of the database about itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from chatapp.db import database, now, transaction
from chatapp.domain import visits, workers
from tests.domain.classroom import Classroom


def test_a_wrong_clock_shows_beside_the_databases(classroom: Classroom) -> None:
    """An SQLite file has no other clock than its one process's."""
    assert abs(workers.clock_error()) < 5
    with time_machine.travel(now() + timedelta(hours=1)):
        assert abs(workers.clock_error() - (0 if database.is_sqlite else 3600)) < 5
    with time_machine.travel(now() - timedelta(hours=1)):
        assert abs(workers.clock_error() + (0 if database.is_sqlite else 3600)) < 5


class Entering:
    """Somebody who enters a room under `lease`, and has not committed before the block ends."""

    def __init__(self, lease: str) -> None:
        self.lease = lease
        self.has_lease, self.may_end = threading.Event(), threading.Event()
        self.pool = ThreadPoolExecutor(2)

    def __enter__(self) -> Entering:
        self.done = self.pool.submit(self.enter)
        assert self.has_lease.wait(10)
        return self

    def enter(self) -> None:
        with transaction() as tx:
            visits._hold_lease(tx, self.lease)
            self.has_lease.set()
            assert self.may_end.wait(10)

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self.done.result(10)
        self.pool.shutdown()


ON_POSTGRESQL = pytest.mark.parametrize(
    "engine", [pytest.param("postgresql", marks=pytest.mark.service)], indirect=True
)
"""An SQLite file has one writer anyway."""


@ON_POSTGRESQL
def test_those_who_enter_hold_up_no_beat(classroom: Classroom) -> None:
    """A whole class may be entering all the time: the worker would never get to beat, and fence itself."""
    lease = workers.begin()
    with Entering(lease), Entering(lease) as entering:
        assert entering.pool.submit(workers.beat, lease).result(1)
    assert workers.beats()[lease] == 1


@ON_POSTGRESQL
def test_a_lease_is_not_taken_while_somebody_enters_under_it(classroom: Classroom) -> None:
    """Their visit would be written behind the end of all visits, and never end."""
    lease = workers.begin()
    with Entering(lease) as entering:
        taking = entering.pool.submit(workers.bury, lease)
        with pytest.raises(TimeoutError):
            taking.result(0.5)
    assert taking.result(5)
    assert not workers.beat(lease)
