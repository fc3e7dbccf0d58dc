"""Who writes and who reads: transactions and their hints, and snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chatapp.db.databases import database
from chatapp.db.tables import now
from chatapp.db.transactions import Transaction


@contextmanager
def transaction(*, fleeting: bool = False) -> Iterator[Transaction]:
    """A write transaction: COMMIT at the end of the block, ROLLBACK when it raises; hints go out after COMMIT.

    Lock the room's row first (`access.lock_rooms`), then read. On SQLite nothing may yield inside the block.
    `fleeting` is for what ends with this process anyway: on SQLite it does not wait for the disk.
    Raises Refused(unavailable) when the database keeps it waiting too long.
    """
    with database.turn(), database.connection(fleeting=fleeting) as connection, database.writing(connection) as tx:
        yield tx
    database.announce(tx.hints)


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reads: each statement sees what is committed by then. It holds no lock."""
    with Session(database.engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def snapshot() -> Iterator[Session]:
    """A session whose statements all see the same moment. End it before anything waits."""
    with Session(database.engine, expire_on_commit=False) as session:
        if database.is_sqlite:
            session.connection().exec_driver_sql("BEGIN")
        else:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session
        session.rollback()


def database_now(session: Session) -> datetime:
    """The time by the database's clock, which all workers share."""
    if database.is_sqlite:
        return now()
    return session.execute(select(func.now())).scalar_one().astimezone(UTC)
