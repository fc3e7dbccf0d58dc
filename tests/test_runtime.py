"""A whole process's inside, with threads and without a network: a lesson in it, its lease lost, its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from chatapp import create_app
from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused
from chatapp.db import database, reading, vital
from chatapp.domain import visits, workers
from chatapp.domain.passwords import Passwords
from chatapp.models import Presence
from chatapp.runtime import Runtime
from chatapp.transports.sio.connection import SioConnection
from config import Settings
from tests.support.school import CHEAP, School, Signed
from tests.support.wait import eventually
from tests.transports.ws.test_room_endpoint import Client, Wire, a_connection

pytestmark = pytest.mark.settings(
    LEASE_BEAT_SECONDS="0.1",
    FENCE_SECONDS="20",  # nothing here waits for a lease to end, and a busy machine must not end one
    LEASE_TIMEOUT_SECONDS="25",
    JANITOR_SECONDS="0.1",
    POLL_SECONDS="0.1",
    HEAD_SECONDS="0.2",
    LIMIT_SENDS_BURST="100",
)


class Process:
    """A started runtime with a class in it."""

    def __init__(self, app: Flask) -> None:
        self.runtime: Runtime = app.extensions["chatapp"]
        self.school = School(app)
        self.host, self.ada = self.school.teacher(), self.school.student()
        self.runtime.start()
        self.room_id: str = self.school.room(self.host, self.ada)["id"]

    def enter(self, person: Signed) -> Client:
        """A plain WebSocket that has entered the room."""
        wire = Wire()
        client = Client(a_connection(wire), wire)
        token = person.tokens["access_token"]
        self.runtime.endpoint.open(client.connection, self.room_id, {"token": token}, "192.0.2.1")
        return client

    def leave(self, client: Client) -> None:
        """Its end, as the server tells of it."""
        client.connection.closed = True
        self.runtime.endpoint.closed(client.connection)

    def say(self) -> int:
        sent = self.runtime.sends.submit_and_wait(
            self.host.actor, room_id=self.room_id, client_id=ids.new_id(), body="hello"
        )
        assert sent.duplicate is False
        return int(sent.message.split(b'"seq":')[1].split(b",")[0])


@pytest.fixture
def process(settings: Settings) -> Iterator[Process]:
    before = set(threading.enumerate())
    app = create_app(settings, passwords=Passwords(CHEAP))
    engine = database.engine
    process = Process(app)
    yield process
    process.runtime.stop()
    eventually(lambda: set(threading.enumerate()) <= before, within=5, message="something still runs")
    engine.dispose()
    database.release()


def rows() -> list[tuple[str | None, str]]:
    with reading() as session:
        return [(row.room_id, row.worker_id) for row in session.scalars(select(Presence).order_by(Presence.id))]


def events(client: Client, name: str) -> list[Any]:
    return [each["data"] for each in client.wire.texts if each.get("event") == name]


def test_what_is_said_reaches_the_class_once_and_who_goes_leaves_nothing(process: Process) -> None:
    clients = [process.enter(process.ada), process.enter(process.host)]
    seqs = [process.say() for _ in range(20)]
    for client in clients:
        eventually(lambda client=client: events(client, "room_head"), within=5)  # type: ignore[misc]
        assert [each["seq"] for each in events(client, "message")] == seqs
    assert len(rows()) == 4
    for client in clients:
        process.leave(client)
    eventually(lambda: rows() == [], within=5)
    hub = process.runtime.hub
    eventually(lambda: hub.connections == {} and hub.pumps == {} and hub.presence == {}, within=5)
    assert [each.room_id for each in workers.absences()] == [process.room_id]


def test_a_worker_whose_lease_was_taken_sends_everybody_away_and_begins_anew(process: Process) -> None:
    client = process.enter(process.host)
    first = process.runtime.leases.worker_id
    assert workers.bury(first)
    eventually(lambda: client.wire.code == 1012, within=5)
    assert events(client, "bye")[0]["code"] == "restart"
    eventually(lambda: process.runtime.leases.serving, within=5)
    assert process.runtime.leases.worker_id != first
    process.leave(client)
    again = process.enter(process.host)
    assert events(again, "welcome")
    assert rows() == [(None, process.runtime.leases.worker_id), (process.room_id, process.runtime.leases.worker_id)]
    process.say()
    assert len(events(again, "message")) >= 1


def test_a_worker_beats_and_polls_on_while_all_its_other_connections_are_taken(process: Process) -> None:
    """As when a school comes back at once. It would fence itself and send everybody away again."""
    taken = []
    with contextlib.suppress(PoolTimeoutError):
        while True:
            taken.append(database.engine.connect())
    looked, lease = process.runtime.hub.seen_database, process.runtime.leases.worker_id
    with vital():
        beat = workers.beats()[lease]
        eventually(lambda: workers.beats()[lease] > beat + 3, within=5)
    eventually(lambda: process.runtime.hub.seen_database > looked, within=5)
    for connection in taken:
        connection.close()
    assert process.runtime.leases.worker_id == lease


def test_a_draining_process_takes_nothing_new_and_leaves_its_hosts_to_its_lease(process: Process) -> None:
    client = process.enter(process.host)
    assert process.runtime.readiness() == ("ready", [])
    process.runtime.drain()
    assert process.runtime.readiness() == ("not_ready", ["draining"])
    with pytest.raises(Refused) as caught:
        process.say()
    assert caught.value.code is Code.UNAVAILABLE
    assert process.enter(process.ada).wire.code == 1012
    process.leave(client)
    process.runtime.stop()
    eventually(lambda: process.runtime.hub.connections == {}, within=5)
    assert len(rows()) == 2
    assert workers.absences() == []


def test_a_draining_process_does_not_wait_for_sockets_that_never_said_who_they_are(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says goodbye to them; they held a drain until its deadline."""
    closed: list[str] = []
    monkeypatch.setattr(process.runtime.gate, "close", closed.append)
    process.runtime.gate.strangers["e1"] = process.runtime.gate._clock()
    process.runtime.drain()
    assert closed == ["e1"]


def test_hints_go_between_processes_from_the_start(process: Process) -> None:
    """With a Redis the library would begin to listen when the first Socket.IO client comes; REST cannot wait."""
    assert process.runtime.server.manager_initialized


@pytest.mark.parametrize(("ended", "code"), [(True, "revoked"), (False, "restart")])
def test_who_cannot_be_greeted_is_sent_to_come_back(
    process: Process, monkeypatch: pytest.MonkeyPatch, ended: bool, code: str
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise Refused(Code.UNAUTHORIZED) if ended else ConnectionError

    class Socket:
        sid = "s1"

    said: list[str] = []
    socket: Any = Socket()
    connection = SioConnection(
        socket,
        user_id=process.ada.id,
        session_id=process.ada.actor.session_id,
        expires_at=0.0,
        cork=process.runtime.cork,
        spawn=lambda *args: None,
        sleep=lambda seconds: None,
    )
    monkeypatch.setattr(connection, "bye", lambda code, retry_ms=None: said.append(str(code)))
    monkeypatch.setattr(visits, "listen", away)
    process.runtime.arrivals.connected(connection, "/chat")
    assert said == []
    process.runtime.arrivals.connected(connection, "/notifications")
    assert said == [code]
