"""Each hot statement uses its index, by both databases' own word: what it costs is its answer, never the school.

The statements are not copied here: they are caught while the operation runs, and explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, event, insert

from chatapp import prepared
from chatapp.contract import ids
from chatapp.contract.errors import Refused
from chatapp.contract.words import Role
from chatapp.db import Transaction, begin, database, engine_options, now
from chatapp.domain import (
    entering,
    files,
    history,
    lobby,
    messages,
    notifications,
    participants,
    rooms,
    send_sql,
    sessions,
    visits,
    workers,
)
from chatapp.domain.actor import Actor
from chatapp.domain.send_sql import PostgresSendSql, SendSql
from chatapp.models import JoinRequest, Membership, Message, Notification, Presence, Room, SignIn, User, Worker
from chatapp.schema import migrations
from tests.support.postgres import Postgres

ROOMS, USERS, MEMBERS, MESSAGES, NOTES = 100, 300, 12, 40, 10
WORKER = ids.new_id()

Caught = list[tuple[str, Any]]


class BigSchool:
    """A school with some hundred people, and one of its rooms."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.users = [ids.new_id() for _ in range(USERS)]
        self.sessions = [ids.new_id() for _ in range(USERS)]
        self.rooms = [ids.new_id() for _ in range(ROOMS)]
        with engine.connect() as connection:
            begin(connection)
            self._fill(connection)
            connection.commit()
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE messages")
        self.room = self.rooms[7]
        self.host = self.actor(7, Role.TEACHER)
        self.pupil = self.actor(8, Role.STUDENT)

    def actor(self, number: int, role: Role) -> Actor:
        """The nth user."""
        return Actor(self.users[number], self.sessions[number], role, f"u{number}", f"U{number}")

    def members(self, room: int) -> list[int]:
        """The users in the nth room, its host first."""
        return [(room + step) % USERS for step in range(MEMBERS)]

    def _fill(self, connection: Connection) -> None:
        moment = now()
        later = moment + timedelta(days=1)

        def add(model: type, rows: list[dict[str, Any]]) -> None:
            connection.execute(insert(model), rows)

        add(Worker, [{"id": WORKER, "beat": 0, "dead": False, "started_at": moment}])
        add(
            User,
            [
                {
                    "id": user,
                    "username": f"u{n}",
                    "username_key": f"u{n}",
                    "display_name": f"U{n}",
                    "password_hash": "",
                    "role": "teacher" if n < ROOMS else "student",
                    "active": True,
                    "last_notification_seq": NOTES,
                    "created_at": moment,
                }
                for n, user in enumerate(self.users)
            ],
        )
        add(
            SignIn,
            [
                {
                    "id": session,
                    "user_id": user,
                    "refresh_id": session,
                    "device": "",
                    "created_at": moment,
                    "last_seen_at": moment,
                    "expires_at": later,
                    "revoked_at": moment - timedelta(days=n) if n % 3 == 2 else None,
                }
                for n, (user, session) in enumerate(zip(self.users, self.sessions, strict=True))
            ],
        )
        add(
            Room,
            [
                {
                    "id": room,
                    "host_id": self.users[n],
                    "title": f"Room {n}",
                    "description": "",
                    "admission": "ask",
                    "host_grace_seconds": 60,
                    "join_code": ids.new_join_code(),
                    "last_seq": MESSAGES,
                    "epoch": ids.new_id(),
                    "created_at": moment + timedelta(seconds=n),
                    "host_absent_since": moment if n % 50 == 0 else None,
                    "closed_at": moment if n % 2 == 0 else None,
                }
                for n, room in enumerate(self.rooms)
            ],
        )
        places = [(n, place, user) for n in range(ROOMS) for place, user in enumerate(self.members(n))]
        add(
            Membership,
            [
                {
                    "room_id": self.rooms[n],
                    "user_id": self.users[user],
                    "role": "participant" if place else "host",
                    "state": "active",
                    "joined_at": moment,
                    "changed_at": moment,
                }
                for n, place, user in places
            ],
        )
        add(
            JoinRequest,
            [
                {
                    "id": ids.new_id(),
                    "room_id": self.rooms[n],
                    "user_id": self.users[user],
                    "status": "approved" if place < MEMBERS - 2 else "pending",
                    "note": "",
                    "reason": "",
                    "version": place,
                    "created_at": moment,
                }
                for n, place, user in places
            ],
        )
        add(
            Presence,
            [
                {
                    "connection_id": f"{n}-{place}",
                    "room_id": self.rooms[n],
                    "user_id": self.users[user],
                    "worker_id": WORKER,
                    "notified": False,
                    "opened_at": moment,
                }
                for n, place, user in places
            ],
        )
        add(
            Message,
            [
                {
                    "room_id": room,
                    "seq": seq,
                    "sender_id": self.users[self.members(n)[seq % MEMBERS]],
                    "client_id": f"c{seq}",
                    "type": "text",
                    "body": "hello",
                    "body_hash": b"0" * 16,
                    "created_at": moment,
                }
                for n, room in enumerate(self.rooms)
                for seq in range(1, MESSAGES + 1)
            ],
        )
        add(
            Notification,
            [
                {
                    "user_id": user,
                    "seq": seq,
                    "id": ids.new_id(),
                    "kind": "mention",
                    "room_id": self.rooms[0],
                    "data": {},
                    "created_at": moment,
                }
                for user in self.users
                for seq in range(1, NOTES + 1)
            ],
        )


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def big(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigSchool]:
    """One big school a backend; these tests change nothing that matters to them."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('big')}/school.db"
    engine = create_engine(url, **engine_options(url))
    command.upgrade(migrations(engine), "head")
    yield BigSchool(engine)
    engine.dispose()


@pytest.fixture
def caught(big: BigSchool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caught]:
    """Every statement that the domain gives to SQLAlchemy, or has prepared, with its parameters."""
    database.bind(big.engine)
    statements: Caught = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        statements.append((statement, parameters[0] if many and isinstance(parameters, list) else parameters))

    monkeypatch.setattr(
        prepared, "cursor_of", lambda connection: WatchedCursor(prepared_cursor(connection), statements)
    )
    event.listen(big.engine, "before_cursor_execute", note)
    yield statements
    event.remove(big.engine, "before_cursor_execute", note)


prepared_cursor = prepared.cursor_of


class WatchedCursor:
    """The driver's cursor, whose statements are noted."""

    def __init__(self, cursor: Any, caught: Caught) -> None:
        self._cursor = cursor
        self._caught = caught

    def execute(self, sql: str, values: Any = ()) -> Any:
        self._caught.append((sql, values))
        return self._cursor.execute(sql, values)

    def executemany(self, sql: str, rows: Any) -> Any:
        self._caught.append((sql, rows[0]))
        return self._cursor.executemany(sql, rows)


class WatchedTransaction(Transaction):
    """A transaction whose driver's cursor is watched, too."""

    def __init__(self, connection: Connection, caught: Caught) -> None:
        super().__init__(connection)
        self._caught = caught

    @property
    def cursor(self) -> Any:
        return WatchedCursor(super().cursor, self._caught)


def plans(big: BigSchool, caught: Caught, *, avoid: tuple[str, ...] = ()) -> list[str]:
    """What the database would do for each statement: on SQLite a line a step, on PostgreSQL a line a node.

    PostgreSQL is told to avoid what pays in small tables alone: the question is which way is there, not which is taken.
    """
    told: list[str] = []
    with big.engine.connect() as connection:
        cursor = connection.connection.cursor()
        if connection.dialect.name == "postgresql":
            for way in ("seqscan", "hashjoin", "mergejoin", "material", *avoid):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        for statement, parameters in caught:
            if not statement.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
                continue
            if connection.dialect.name == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                told += [row[3] for row in cursor.fetchall()]
            else:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
                ((answer,),) = cursor.fetchall()
                told += nodes(answer[0]["Plan"])
        connection.rollback()
    return told


def nodes(plan: dict[str, Any]) -> Iterator[str]:
    """A PostgreSQL plan, node by node: kind, table, index, condition."""
    names = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter")
    yield " | ".join(f"{plan.get(name, '')}" for name in names)
    for child in plan.get("Plans", []):
        yield from nodes(child)


SMALL = {"workers"}
"""Tables with a row a process."""

IN_ORDER = ("ix_rooms_open", "ix_rooms_absent")
"""Indexes that are rightly walked instead of searched: the list of open rooms has a limit, absences are few."""


def walks(steps: list[str]) -> list[str]:
    """The steps that read a whole table, or a whole index."""
    found = []
    for step in steps:
        if step.startswith("SCAN "):  # SQLite
            walked = step.split()[1]
            is_list = walked in ("v", "CONSTANT", "(subquery-1)") or "VALUES" in step or "ROW" in step
            if not is_list and walked not in SMALL and not any(index in step for index in IN_ORDER):
                found.append(step)
        elif step.startswith("Seq Scan"):
            if step.split(" | ")[1] not in SMALL:
                found.append(step)
        elif step.startswith(("Index Scan", "Index Only Scan", "Bitmap Index Scan")):
            _, _, index, condition, _ = step.split(" | ", 4)
            if not condition and index not in IN_ORDER:
                found.append(step)
    return found


def batch(big: BigSchool, caught: Caught, body: str = "hi @u9 @u12") -> list[Any]:
    """Sends to three rooms, one of them known already, as the committer makes them; rolled back."""
    sends = []
    for n in (7, 9, 11):
        for place in (0, 1):
            user = big.members(n)[place]
            actor = big.actor(user, Role.STUDENT)
            sends.append(messages.prepare(actor, room_id=big.rooms[n], client_id=ids.new_id(), body=body))
    sends.append(messages.prepare(big.pupil, room_id=big.room, client_id="c1", body="hello"))
    with big.engine.connect() as connection:
        begin(connection)
        tx = WatchedTransaction(connection, caught)
        results = messages.send_many(tx, sends)
        tx.session.flush()
        tx.rollback()
        tx.close()
    return results


def test_every_statement_of_a_batch_of_sends_uses_its_index(
    big: BigSchool, caught: Caught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresSendSql, "read", SendSql.read)  # one after the other, so that each has a plan
    results = batch(big, caught)
    assert sum(isinstance(result, messages.Sent) for result in results) >= 4
    assert len(caught) >= 6
    steps = plans(big, caught)
    assert walks(steps) == []
    if big.engine.dialect.name == "sqlite":
        searched = [step for step in steps if step.startswith("SEARCH m ")]
        assert any("sqlite_autoindex_messages" in step or "uq_messages_client_id" in step for step in searched)
    else:
        assert any("uq_messages_client_id" in step for step in steps)
        assert any("pk_rooms" in step for step in steps) and any("pk_memberships" in step for step in steps)


@pytest.mark.service
def test_a_plan_that_was_made_when_the_tables_were_empty_reads_by_index_when_they_are_full(postgres: Postgres) -> None:
    engine = create_engine(url := postgres.database(), **engine_options(url))
    command.upgrade(migrations(engine), "head")
    database.bind(engine)
    who = [(ids.new_id(), ids.new_id(), ids.new_id())]
    lane = database.lane(messages.PREPARED)
    with lane.transaction() as tx:
        cursor = tx.script
        asked = {
            "send_senders(%s, %s)": [now(), send_sql.listed(send_sql.PLACE, who)],
            "send_known(%s)": [send_sql.listed(send_sql.KEY, who)],
        }
        steps = "\n".join(
            row[0] for call, values in asked.items() for row in cursor.execute(f"EXPLAIN EXECUTE {call}", values)
        )
    lane.close()
    engine.dispose()
    assert "Seq Scan" not in steps
    assert all(index in steps for index in ("pk_users", "uq_messages_client_id"))


@pytest.mark.parametrize(("body", "titles"), [("hi", 0), ("hi @nobody", 0), ("hi @u9 @u12", 3)])
def test_a_send_reads_a_title_only_for_who_is_called(big: BigSchool, caught: Caught, body: str, titles: int) -> None:
    batch(big, caught, body)
    assert sum("rooms.title" in statement for statement, _ in caught) == titles


def test_no_text_of_a_message_is_part_of_a_statement(big: BigSchool) -> None:
    """PostgreSQL writes a statement that fails into its log, but none of its parameters."""
    watched: Caught = []
    actor = big.actor(big.members(7)[0], Role.STUDENT)
    send = messages.prepare(actor, room_id=big.rooms[7], client_id=ids.new_id(), body="between us")
    with big.engine.connect() as connection:
        begin(connection)
        tx = WatchedTransaction(connection, watched)
        (sent,) = messages.send_many(tx, [send])
        tx.rollback()
        tx.close()
    assert isinstance(sent, messages.Sent)
    ((statement, values),) = [one for one in watched if "INSERT INTO messages" in one[0]]
    assert "between us" not in statement and "between us" in repr(values)


def test_a_page_of_the_log_is_read_along_its_primary_key_without_sorting(big: BigSchool, caught: Caught) -> None:
    for where in ({}, {"after": 30}, {"before": 30}):
        history.read(big.pupil, room_id=big.room, limit=10, **where)
    entering.entries_after(room_id=big.room, after=30, limit=10)
    caught[:] = [one for one in caught if "FROM messages" in one[0]]
    assert len(caught) == 4
    steps = plans(big, caught, avoid=("sort", "bitmapscan"))
    assert walks(steps) == []
    assert not [step for step in steps if step.startswith(("USE TEMP B-TREE", "Sort"))]
    if big.engine.dialect.name == "sqlite":
        assert len([step for step in steps if "SEARCH messages USING PRIMARY KEY" in step]) == 4
    else:
        assert len([step for step in steps if "pk_messages" in step]) == 4


READS: dict[str, Callable[[BigSchool], Any]] = {
    "entering": lambda big: entering.enter(big.pupil, room_id=big.room, after=20).answer,
    "the poll of rooms": lambda big: entering.heads(big.rooms[:40]),
    "the poll of rooms and hosts": lambda big: entering.heads(big.rooms[:40], big.users[:40]),
    "the poll of notifications": lambda big: notifications.heads(big.users[:40]),
    "the poll of sessions": lambda big: sessions.ended_lately(),
    "the poll of connections": lambda big: visits.surplus(big.users[:40]),
    "the poll of absences": lambda big: workers.absences(),
    "the poll of who waits": lambda big: lobby.waiting(big.users[:40]),
    "notifications behind a seq": lambda big: notifications.after(big.pupil.user_id, 5),
    "a page of notifications": lambda big: notifications.page(big.pupil, limit=10),
    "lobby changes": lambda big: lobby.changed(room_id=big.room, since=9),
    "a page of the lobby": lambda big: lobby.requests(big.host, room_id=big.room, status="pending"),
    "who is in the room": lambda big: participants.list_all(big.pupil, room_id=big.room),
    "the members for delivery": lambda big: participants.actives(room_id=big.room),
    "the room for delivery": lambda big: rooms.shown_by_role(room_id=big.room),
    "who is online": lambda big: visits.online_count(room_id=big.room),
    "a room by its code": lambda big: rooms.by_code(big.pupil, join_code="AAAAAA"),
    "the list of rooms": lambda big: rooms.list_cards(big.pupil, limit=10),
    "the files of a room": lambda big: files.shared(big.pupil, room_id=big.room, limit=10),
    "what is left of the quotas": lambda big: files.may_upload(big.pupil, room_id=big.room, size=1),
    "an upload that may stand": lambda big: files.known(big.pupil, room_id=big.room, key="k", given_sha256=""),
    "files that no message shows": lambda big: files.drop_drafts(older_than=0.0),
    "bytes that no row names": lambda big: files.without_row(["0" * 40, "1" * 40]),
    "who asks": lambda big: sessions.actor_of(big.pupil.session_id),
}

WRITES: dict[str, Callable[[BigSchool], Any]] = {
    "visiting": lambda big: visits.enter(big.pupil, connection_id="x", room_id=big.room, worker_id=WORKER),
    "the host visiting": lambda big: visits.enter(big.host, connection_id="h", room_id=big.room, worker_id=WORKER),
    "connecting": lambda big: visits.connect(big.pupil, connection_id="y", worker_id=WORKER),
    "listening": lambda big: visits.listen(big.pupil, connection_id="y"),
    "leaving": lambda big: visits.leave(big.pupil, connection_id="x", room_id=big.room),
    "disconnecting": lambda big: visits.disconnect(connection_id="y"),
    "knocking": lambda big: lobby.knock(big.actor(290, Role.STUDENT), room_id=big.room),
    "withdrawing": lambda big: lobby.withdraw(big.actor(290, Role.STUDENT), room_id=big.room),
    "letting everybody in": lambda big: lobby.approve(big.host, room_id=big.room, selector={"all": True}),
    "removing": lambda big: participants.remove(big.host, room_id=big.room, user_id=big.users[12]),
    "marking as read": lambda big: notifications.mark_read(big.pupil, up_to_seq=3),
}


def run(act: Callable[[BigSchool], Any], big: BigSchool) -> None:
    """Do it; a refusal is fine here, what it asked the database before counts all the same."""
    with suppress(Refused):
        act(big)


@pytest.mark.parametrize("operation", READS)
def test_reading_costs_what_is_read(big: BigSchool, caught: Caught, operation: str) -> None:
    run(READS[operation], big)
    assert caught
    assert walks(plans(big, caught)) == []


def test_writing_costs_what_is_written(big: BigSchool, caught: Caught) -> None:
    for name, act in WRITES.items():
        caught.clear()
        run(act, big)
        assert caught, name
        assert walks(plans(big, caught)) == [], name


def test_the_check_would_see_a_walk(big: BigSchool, caught: Caught) -> None:
    for statement in ("SELECT * FROM messages WHERE body = 'x'", "SELECT count(*) FROM memberships"):
        assert walks(plans(big, [(statement, ())]))
    assert not walks(plans(big, [("SELECT * FROM messages WHERE room_id = 'x' AND seq > 3", ())]))
    assert caught == []
