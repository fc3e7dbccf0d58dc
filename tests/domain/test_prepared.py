"""What is prepared gives what SQLAlchemy's own way gives: the same values, types and errors, on each backend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from chatapp.db import database, is_outage, now, reading, transaction
from chatapp.domain.actor import Actor
from chatapp.models import Message, Room, User, Worker
from chatapp.prepared import Prepared, looking, still
from tests.domain.classroom import Classroom

COLUMNS = select(Room, User.active, Message.params, Message.seq).join(User, User.id == Room.host_id)
BY_ROOM = COLUMNS.join(Message, Message.room_id == Room.id).where(
    Room.id == bindparam("room_id"), User.role == "teacher"
)


def worker(worker_id: str) -> dict[str, Any]:
    return {"id": worker_id, "beat": 3, "dead": False, "started_at": now()}


ADD = Prepared(insert(Worker).values({name: bindparam(name) for name in ("id", "beat", "dead", "started_at")}))
FIND = Prepared(select(Worker.id, Worker.beat, Worker.dead, Worker.started_at).where(Worker.id == bindparam("id")))


@pytest.fixture
def host(classroom: Classroom) -> Actor:
    """A teacher."""
    return classroom.teacher()


def test_rows_are_what_the_session_gives(classroom: Classroom, host: Actor) -> None:
    room_id = classroom.room(host)
    with looking() as connection:
        rows = Prepared(BY_ROOM).rows(connection, room_id=room_id)
    with reading() as session:
        entities = session.execute(BY_ROOM, {"room_id": room_id}).all()
    assert len(rows) == len(entities) > 0
    for row, (room, active, params, seq) in zip(rows, entities, strict=True):
        for column in Room.__table__.columns:
            assert getattr(row, column.key) == getattr(room, column.key)
        assert (row.active, row.params, row.seq) == (active, params, seq)
        assert row.active is True and row.created_at.utcoffset() == timedelta(0)


def test_a_row_is_written_found_changed_and_taken_away(engine: Engine) -> None:
    database.bind(engine)
    made = worker("w" * 20)
    with transaction() as tx:
        assert ADD.run(tx.connection, **made) == 1
        assert tx.session.get_one(Worker, "w" * 20).beat == 3, "the session is in the same transaction"
    with looking() as connection:
        assert FIND.first(connection, id="w" * 20)._asdict() == made
        assert FIND.first(connection, id="nobody") is None
    beat = Prepared(update(Worker).where(Worker.id == bindparam("who")).values(beat=bindparam("beat")))
    drop = Prepared(delete(Worker).where(Worker.id == bindparam("who")))
    with transaction() as tx:
        assert beat.run(tx.connection, who="w" * 20, beat=9) == 1
        assert FIND.first(tx.connection, id="w" * 20).beat == 9
        assert drop.run(tx.connection, who="w" * 20) == 1
        assert drop.run(tx.connection, who="w" * 20) == 0


def test_a_column_is_what_the_driver_gives_and_no_type_that_is_more_than_that(engine: Engine) -> None:
    database.bind(engine)
    with transaction() as tx:
        for name in ("a", "b"):
            ADD.run(tx.connection, **worker(name * 20))
    with looking() as connection:
        ids = Prepared(select(Worker.id).where(Worker.beat == bindparam("beat")).order_by(Worker.id))
        assert ids.column(connection, beat=3) == ["a" * 20, "b" * 20]
        assert ids.column(connection, beat=4) == []
        if database.is_sqlite:
            with pytest.raises(TypeError):
                Prepared(select(Worker.dead)).column(connection)


def test_what_is_rolled_back_was_never_there(engine: Engine) -> None:
    database.bind(engine)

    def begun() -> None:
        with transaction() as tx:
            ADD.run(tx.connection, **worker("gone"))
            raise LookupError

    with pytest.raises(LookupError):
        begun()
    with looking() as connection:
        assert FIND.first(connection, id="gone") is None


def test_a_still_connection_sees_one_moment(engine: Engine) -> None:
    database.bind(engine)
    with still() as connection:
        assert FIND.first(connection, id="late") is None
        with transaction() as tx:
            ADD.run(tx.connection, **worker("late"))
        assert FIND.first(connection, id="late") is None
    with looking() as connection:
        assert FIND.first(connection, id="late") is not None


def test_errors_are_sqlalchemys_and_tell_no_values(engine: Engine) -> None:
    database.bind(engine)

    def twice() -> None:
        with transaction() as tx:
            ADD.run(tx.connection, **worker("secret-name"))
            ADD.run(tx.connection, **worker("secret-name"))

    with pytest.raises(IntegrityError) as caught:
        twice()
    assert caught.value.params is None
    assert not is_outage(caught.value)
    with transaction() as tx:
        ADD.run(tx.connection, **worker("the connection is good still"[:20]))


def test_a_text_that_depends_on_its_values_is_refused(engine: Engine) -> None:
    database.bind(engine)
    listed = Prepared(select(Worker.id).where(Worker.id.in_(bindparam("ids", expanding=True))))
    with looking() as connection, pytest.raises(TypeError, match="depends on its values"):
        listed.rows(connection, ids=["a"])


@pytest.mark.parametrize("engine", [pytest.param("postgresql", marks=pytest.mark.service)], indirect=True)
def test_a_connection_that_broke_is_an_outage_and_is_given_up(engine: Engine) -> None:
    database.bind(engine)
    with looking() as connection:
        FIND.first(connection, id="nobody")
        (pid,) = connection.connection.cursor().execute("SELECT pg_backend_pid()").fetchone() or (0,)
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(OperationalError) as caught:
            FIND.first(connection, id="nobody")
        assert is_outage(caught.value) and connection.invalidated
    with looking() as connection:
        assert FIND.first(connection, id="nobody") is None
