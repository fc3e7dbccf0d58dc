"""The product on PostgreSQL, and as several workers with Redis between them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial

from bench.contenders import Chatapp, Contender, can_connect, free_port, is_ready, wait_for
from bench.fanout import Row, Work, side_by_side
from bench.loader import Load
from bench.settings import LOAD_CORE, Pace
from tests.support.postgres import Postgres, find_binaries


class OnPostgres(Chatapp):
    """One worker; PostgreSQL has the load generator's core, and its CPU is not counted."""

    name = "chatapp on PostgreSQL"


class Workers(Chatapp):
    """Several, all on the one core: what they cost is CPU per delivery, not what more cores would give."""

    def __init__(self, count: int, database_url: str, redis_url: str) -> None:
        super().__init__(database_url, REDIS_URL=redis_url)
        self.name = f"chatapp, {count} worker{'s' if count > 1 else ''}"
        self.ports = [free_port() for _ in range(count)]

    def start(self) -> None:
        self.prepare()
        for port in self.ports:
            self.spawn(self.command(), {**self.environment(), "PORT": str(port)})
        for port in self.ports:
            wait_for(partial(is_ready, port), self.name)

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        """Neighbours in a room are on different workers, senders and readers alike."""
        seats = []
        for _ in range(rooms):
            people = self.school.students(members)
            room_id = self.school.room(people)
            for n, who in enumerate(people):
                self.port = self.ports[n % len(self.ports)]
                seats.append(self.seat(self.school.token(who), room_id, n < senders))
        return Load(self.pids, self.dialect, seats)


def postgres(pace: Pace) -> list[Row]:
    """The same works on both databases, in turns."""
    with running_postgres() as cluster:
        works = [Work(300, 30, 1), Work(30, 30, 1), Work(30, 1, 4), Work(2, 1, 1)]
        return [
            row
            for work in works
            for row in side_by_side(work, [Chatapp, partial(OnPostgres, cluster.database())], pace)
        ]


def workers(pace: Pace) -> list[Row]:
    """One room over one, two and four workers."""
    rows: list[Row] = []
    with running_postgres() as cluster, running_redis() as redis_url:
        for count in (1, 2, 4):
            makers = [partial(Workers, count, cluster.database(), redis_url)]
            rows += side_by_side(Work(300, 30, 1), makers, pace)
    return rows


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that syncs, on the load generator's core."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: make services")
    cluster = Postgres(binaries)
    usual = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {LOAD_CORE})
        cluster.start(fsync="on", full_page_writes="on")
        os.sched_setaffinity(0, usual)
        yield cluster
    finally:
        os.sched_setaffinity(0, usual)
        cluster.remove()


class Redis(Contender):
    """A Redis that stores nothing."""

    name = "redis"
    core = LOAD_CORE

    def command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]

    def start(self) -> None:
        self.spawn(self.command(), {})
        wait_for(lambda: can_connect(self.port), self.name)


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Its URL."""
    with Redis() as server:
        yield f"redis://127.0.0.1:{server.port}/0"
