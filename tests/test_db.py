"""Transactions: nothing stays open, nothing is announced that was not committed, and times are aware."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, RoomChanged
from chatapp.db import Base, UTCDateTime, database, databases, engine_options, now, reading, snapshot, transaction
from chatapp.models import Worker


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An SQLite file with the tables."""
    url = f"sqlite:///{tmp_path}/school.db"
    made = create_engine(url, **engine_options(url))
    Base.metadata.create_all(made)
    database.bind(made)
    yield made
    made.dispose()


@pytest.fixture
def heard(engine: Engine) -> list[Hint]:
    """What was announced."""
    told: list[Hint] = []
    database.listen(told.extend)
    return told


def add(worker_id: str, *, then: type[Exception] | None = None) -> None:
    with transaction() as tx:
        tx.session.add(Worker(id=worker_id, started_at=now()))
        tx.announce(RoomChanged(worker_id))
        if then is not None:
            raise then


def workers() -> int:
    with reading() as session:
        return session.query(Worker).count()


def test_hints_go_out_after_commit_and_not_at_all_after_a_rollback(heard: list[Hint]) -> None:
    seen: list[int] = []

    def look(hints: list[Hint]) -> None:
        seen.append(workers())
        heard.extend(hints)

    database.listen(look)
    add("one")
    assert seen == [1] and heard == [RoomChanged("one")]
    with pytest.raises(ZeroDivisionError):
        add("two", then=ZeroDivisionError)
    assert seen == [1] and workers() == 1


def test_a_transaction_that_does_nothing_holds_nothing(engine: Engine) -> None:
    lane = database.lane()
    for _ in range(2):
        with lane.transaction():
            pass
        add(f"{_}")
    assert workers() == 2
    lane.close()


def test_a_transaction_that_fails_before_its_first_statement_holds_nothing(engine: Engine) -> None:
    lane = database.lane()
    for n in range(2):
        with pytest.raises(ZeroDivisionError), lane.transaction():
            raise ZeroDivisionError
        add(f"{n}")
    with lane.transaction() as tx:
        tx.session.add(Worker(id="by lane", started_at=now()))
    assert workers() == 3
    lane.close()


def test_a_busy_database_is_unavailable_and_free_again_afterwards(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "LOCK_WAIT_SECONDS", 0.1)
    with engine.connect() as outsider:
        outsider.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Refused) as caught:
            add("one")
        assert caught.value.code is Code.UNAVAILABLE and caught.value.retry_after
        outsider.exec_driver_sql("ROLLBACK")
    add("one")
    assert workers() == 1


def test_a_writer_in_the_process_waits_for_its_turn_outside_of_the_driver(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    monkeypatch.setattr(databases, "LOCK_WAIT_SECONDS", 0.05)
    with pytest.raises(Refused) as caught:
        add("late")
    assert caught.value.code is Code.UNAVAILABLE
    done.set()
    thread.join()
    add("late")
    assert workers() == 1


def test_a_snapshot_sees_one_moment_and_a_reading_each_statement_its_own(engine: Engine) -> None:
    with snapshot() as frozen, reading() as live:
        assert frozen.query(Worker).count() == live.query(Worker).count() == 0
        add("one")
        assert frozen.query(Worker).count() == 0
        assert live.query(Worker).count() == 1


def test_sqlite_keeps_the_promise_of_a_committed_message(engine: Engine) -> None:
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 100}


def test_a_time_comes_back_aware_and_in_utc(engine: Engine) -> None:
    moment = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with transaction() as tx:
        tx.session.add(Worker(id="one", started_at=moment))
    with reading() as session:
        stored = session.get_one(Worker, "one").started_at
    assert stored == moment and stored.tzinfo is UTC
    with engine.connect() as connection:
        assert connection.execute(text("SELECT started_at FROM workers")).scalar() == "2026-01-02 06:30:00.123456"


def test_a_naive_time_has_no_place(engine: Engine) -> None:
    with pytest.raises(ValueError, match="naive"):
        UTCDateTime().process_bind_param(datetime(2026, 1, 1), engine.dialect)  # noqa: DTZ001
    assert UTCDateTime().process_bind_param(None, engine.dialect) is None


def test_what_is_fleeting_does_not_wait_for_the_disk_and_what_follows_does(engine: Engine) -> None:
    def waits() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    with transaction(fleeting=True) as tx:
        tx.session.add(Worker(id="here", started_at=now()))
        assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 1
    assert workers() == 1 and waits() == 2
    with pytest.raises(LookupError), transaction(fleeting=True):
        raise LookupError
    assert waits() == 2
