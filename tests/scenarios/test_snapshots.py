"""An old snapshot and the events after it are the new snapshot: a client that listens needs never ask again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chatapp.contract.commands import EVENTS
from tests.scenarios.classroom import BOTH, admit, leaving
from tests.support.clients.member import Member
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.reducer import differences, reduce, snapshot
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = pytest.mark.service

SERVER_ENV = {"HOST_AWAY_SECONDS": "0.3", "LIMIT_HISTORY": "100000/minute"}


@dataclass
class Class:
    """A room with a participant in it, one who waits, and one who is a stranger."""

    room_id: str
    teacher: Person
    inside: Person
    waiting: Person
    stranger: Person
    host: Member

    def as_host(self, name: str, **data: Any) -> Any:
        return self.host.do(name, {"room_id": self.room_id, **data})


class Mirror:
    """What a listener knows by its first snapshot and the events since."""

    def __init__(self, person: Person, room_id: str, *, is_host: bool) -> None:
        self.person = person
        self.room_id = room_id
        self.is_host = is_host
        self.member = sio_member(person, namespaces=BOTH)
        self.before = self.fresh(self.member)

    def fresh(self, member: Member) -> dict[str, Any]:
        """A snapshot as a newcomer gets it."""
        member.connect()
        notifications = member.wait_event("notifications")
        log = member.enter(self.room_id)
        requests = self.person.rest.requests(self.room_id, status="pending") if self.is_host else []
        entered = {"room": log.room, "participants": log.participants, "messages": log.messages}
        return snapshot(entered, requests, notifications)

    def known(self) -> dict[str, Any]:
        state = self.before
        for name, data in list(self.member.events):
            state = reduce(state, name, data)
        return state

    def assert_up_to_date(self) -> None:
        """What is known becomes what a second connection is told."""
        newcomer = sio_member(self.person, namespaces=BOTH)
        with leaving([newcomer]):
            fresh = self.fresh(newcomer)
            eventually(
                lambda: not differences(self.known(), fresh),
                within=5,
                message=lambda: f"{self.person}: {differences(self.known(), fresh)[:5]} {self.member.events[-5:]}",
            )


def send(at: Class) -> None:
    at.inside.rest.send(at.room_id, "m1", "hello").ok(201)


def mention(at: Class) -> None:
    at.teacher.rest.send(at.room_id, "m1", f"@{at.inside.username}, your turn").ok(201)


def change_settings(at: Class) -> None:
    at.teacher.rest.update_room(at.room_id, title="Physics", description="Waves", admission="open").ok(200)


def renew_the_code(at: Class) -> None:
    at.teacher.rest.post(f"/api/chat/{at.room_id}/code/").ok()


def knock(at: Class) -> None:
    at.stranger.rest.knock(at.room_id, "me too").ok(201)


def join_through_an_open_door(at: Class) -> None:
    at.teacher.rest.update_room(at.room_id, admission="open").ok(200)
    at.stranger.rest.knock(at.room_id).ok(201)


def withdraw(at: Class) -> None:
    at.waiting.rest.withdraw(at.room_id).ok()


def approve(at: Class) -> None:
    at.as_host("join_request_approve", user_id=at.waiting.id)


def approve_all(at: Class) -> None:
    at.stranger.rest.knock(at.room_id).ok(201)
    at.as_host("join_request_approve", all=True)


def deny(at: Class) -> None:
    at.as_host("join_request_deny", user_id=at.waiting.id, reason="Not now")


def leave(at: Class) -> None:
    admit(at.teacher, at.room_id, [at.stranger])
    at.stranger.rest.leave(at.room_id).ok()


def remove_and_take_back(at: Class) -> None:
    at.as_host("join_request_approve", user_id=at.waiting.id)
    at.as_host("participant_remove", user_id=at.waiting.id, reason="noise", ban=True)
    at.as_host("join_request_approve", user_id=at.waiting.id)


def close(at: Class) -> None:
    at.as_host("room_close")


def close_and_reopen(at: Class) -> None:
    at.as_host("room_close")
    at.as_host("room_reopen")


def read_some(at: Class) -> None:
    at.stranger.rest.knock(at.room_id).ok(201)
    at.teacher.rest.mark_read(up_to_seq=1).ok(200)


def read_all(at: Class) -> None:
    head = at.teacher.rest.notifications()[0]["seq"]
    at.teacher.rest.mark_read(up_to_seq=head).ok(200)


OPERATIONS = [
    send, mention, change_settings, renew_the_code, knock, join_through_an_open_door, withdraw, approve, approve_all,
    deny, leave, remove_and_take_back, close, close_and_reopen, read_some, read_all,
]  # fmt: skip


@contextmanager
def lesson(server: ServerProcess) -> Iterator[Class]:
    """A class in which somebody waits. The host acts on a connection that nobody compares."""
    teacher, (inside, waiting, stranger) = server.teacher(), server.students(3)
    host = sio_member(teacher)
    with leaving([host]):
        room_id = str(teacher.rest.create_room("Class")["id"])
        admit(teacher, room_id, [inside])
        waiting.rest.knock(room_id, "hello?").ok(201)
        host.connect()
        yield Class(room_id, teacher, inside, waiting, stranger, host)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_old_snapshot_plus_events_is_the_new_snapshot(
    server: ServerProcess, operation: Callable[[Class], None]
) -> None:
    with lesson(server) as at, ExitStack() as stack:
        mirrors = [Mirror(at.teacher, at.room_id, is_host=True), Mirror(at.inside, at.room_id, is_host=False)]
        stack.enter_context(leaving([mirror.member for mirror in mirrors]))
        known = mirrors[0].known()
        operation(at)
        for mirror in mirrors:
            mirror.assert_up_to_date()
        assert mirrors[0].known() != known or operation is send, "nothing happened"


def test_the_hosts_absence_is_in_the_events_too(server: ServerProcess) -> None:
    with lesson(server) as at:
        mirror = Mirror(at.inside, at.room_id, is_host=False)
        with leaving([mirror.member]):
            at.host.enter(at.room_id)
            at.host.cut()
            mirror.member.wait_event("room_updated", lambda data: data["status"] == "unsupervised")
            mirror.assert_up_to_date()
            assert mirror.known()["room"]["status"] == "unsupervised" and mirror.known()["room"]["closes_at"]
            at.host.connect()
            mirror.member.wait_event("message", lambda data: data["code"] == "host_back")
            mirror.assert_up_to_date()


def test_every_durable_event_of_the_contract_is_reduced() -> None:
    from tests.support.reducer import _REDUCERS

    durable = {name for name, spec in EVENTS.items() if spec.durable}
    assert set(_REDUCERS) | {"notifications"} == durable
