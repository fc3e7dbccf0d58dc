"""Proves at the start that waiting blocks one greenlet, not the process. It is no health check; /readyz is."""

from __future__ import annotations

import time
from collections.abc import Callable

import eventlet
from sqlalchemy import Connection, NullPool, create_engine, text

from chatapp.serving.errors import CannotStartError

SECONDS = 0.2
TURN_SECONDS = 0.01


def prove_green(database_url: str) -> None:
    """Raises CannotStartError when sleeping, or waiting for PostgreSQL, holds up everybody else."""
    if not lets_others_run(lambda: time.sleep(SECONDS)):
        raise CannotStartError("waiting blocks the whole process: eventlet.monkey_patch() must come before all imports")
    if database_url.startswith("postgresql"):
        engine = create_engine(database_url, poolclass=NullPool)
        with engine.connect() as connection:
            if not lets_others_run(lambda: ask(connection)):
                raise CannotStartError(
                    "PostgreSQL's driver blocks the process: it must wait as serving.postgres has it, and connect with"
                    " PSYCOPG_WAIT_FUNC=wait_selector"
                )


def ask(connection: Connection) -> None:
    """A query that takes its time."""
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": SECONDS})


def lets_others_run(wait: Callable[[], object]) -> bool:
    """Whether others get a turn while `wait` waits. How long it takes says nothing: a busy machine is late by itself,
    and a worker that refuses to start for that is not started again."""
    turns: list[None] = []
    waiting: list[None] = []

    def others() -> None:
        while True:
            turns.extend(waiting)
            eventlet.sleep(TURN_SECONDS)

    someone = eventlet.spawn(others)
    eventlet.sleep(0)
    try:
        waiting.append(None)
        wait()
        return bool(turns)
    finally:
        someone.kill()
