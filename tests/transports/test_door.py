"""Coming and going by sockets: what is noted, what is left to the lease, and that nothing noted is ever lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import ConnectionsEnded, Hint
from chatapp.contract.words import Role
from chatapp.db import database, reading
from chatapp.domain import accounts, notifications, sessions, visits, workers
from chatapp.models import Presence
from chatapp.realtime.errands import Errands, List
from chatapp.realtime.hub import Hub
from chatapp.transports import door as module
from chatapp.transports.door import Door
from tests.realtime.doubles import Ears, answer
from tests.support.school import School, Signed
from tests.support.wait import eventually

Row = tuple[str, str | None, bool]


class House:
    """A worker's door in front of a real school."""

    def __init__(self, app: Flask, school: School) -> None:
        self.school = school
        self.ada = school.student()
        self.host = school.teacher()
        self.room_id: str = school.room(self.host, self.ada)["id"]
        self.hub = Hub(Errands())
        self.hints: list[Hint] = []
        database.listen(self.hints.extend)
        self.lease = workers.begin()
        extensions: dict[str, Any] = app.extensions
        self.door = Door(self.hub, extensions["chatapp.auth"], extensions["chatapp.limits"], lambda: self.lease)

    def come(self, person: Signed, *, enters: bool = False, listens: bool = False) -> Ears:
        """A new connection that is admitted."""
        ears = Ears(person.id, session_id=person.actor.session_id)
        self.door.admit(ears, person.actor)
        if listens:
            self.door.greet(ears)
        if enters:
            pump, reader = self.hub.begin(ears, self.room_id)
            visits.enter(person.actor, connection_id=ears.id, room_id=self.room_id, worker_id=self.lease)
            pump.finish(reader, epoch="one", head=1, answer=answer(1))
        return ears

    def write_all(self) -> None:
        """Write what was noted, and return."""
        self.door.stop()
        self.door.run()

    def rows(self) -> list[Row]:
        """Who is here, by the database: connection, room, listening."""
        with reading() as session:
            return [
                (row.connection_id, row.room_id, row.notified)
                for row in session.scalars(select(Presence).order_by(Presence.id))
            ]


@pytest.fixture
def house(app: Flask, school: School) -> Iterator[House]:
    house = House(app, school)
    yield house
    house.door.stop()


def refused(code: Code, ask: Callable[[], object]) -> None:
    with pytest.raises(Refused) as caught:
        ask()
    assert caught.value.code is code


# Who comes


def test_a_token_and_a_ticket_open_the_door_and_nothing_else_does(house: House) -> None:
    token = house.ada.tokens["access_token"]
    actor, expires_at = house.door.authenticate({"token": token}, "127.0.0.1")
    assert actor == house.ada.actor
    assert expires_at > 0
    for auth in (None, {}, {"token": "x"}, {"token": house.ada.tokens["refresh_token"]}, token):
        refused(Code.UNAUTHORIZED, lambda auth=auth: house.door.authenticate(auth, "127.0.0.1"))  # type: ignore[misc]


def test_without_a_lease_nobody_is_let_in(house: House) -> None:
    house.lease = ""
    token = house.ada.tokens["access_token"]
    refused(Code.UNAVAILABLE, lambda: house.door.authenticate({"token": token}, "127.0.0.1"))


@pytest.mark.settings(LIMIT_CONNECTS="2/minute")
def test_connects_are_counted_by_account(house: House) -> None:
    auth = {"token": house.ada.tokens["access_token"]}
    for _ in range(2):
        house.door.authenticate(auth, "127.0.0.1")
    refused(Code.RATE_LIMITED, lambda: house.door.authenticate(auth, "127.0.0.1"))
    house.door.authenticate({"token": house.host.tokens["access_token"]}, "127.0.0.1")


def test_one_who_is_admitted_is_noted(house: House) -> None:
    ears = house.come(house.ada)
    assert house.hub.has(ears)
    assert house.rows() == [(ears.id, None, False)]


def test_who_hosts_or_may_is_noted_and_whoever_they_became_since(house: House) -> None:
    house.come(house.ada)
    assert house.hub.hosts() == set()
    host, head = house.come(house.host), house.school.admin()
    assert house.hub.hosts() == {host.user_id}
    accounts.set_role(head.actor, user_id=house.host.id, role=Role.STUDENT)
    house.hub.remove(host.id)
    again = Ears(house.host.id, session_id=house.host.actor.session_id)
    house.door.admit(again, replace(house.host.actor, role=Role.STUDENT))
    assert house.hub.hosts() == {again.user_id}, "a room is theirs still"


@pytest.mark.parametrize("trouble", ["no lease", "a lease that was taken"])
def test_one_who_cannot_be_noted_is_not_admitted(house: House, trouble: str) -> None:
    if trouble == "no lease":
        house.lease = ""
    else:
        workers.bury(house.lease)
    refused(Code.UNAVAILABLE, lambda: house.come(house.ada))
    assert house.hub.connections == {}
    assert house.hub.users() == []
    assert house.door._leases == {}
    assert house.rows() == []


@pytest.mark.settings(LIMIT_CONNECTIONS="2")
def test_beyond_the_limit_the_oldest_of_the_user_is_told_to_go(house: House) -> None:
    first, second = house.come(house.ada), house.come(house.ada)
    house.come(house.host)
    assert [each for each in house.hints if isinstance(each, ConnectionsEnded)] == []
    house.come(house.ada)
    assert [each for each in house.hints if isinstance(each, ConnectionsEnded)] == [
        ConnectionsEnded((first.id,), "too_many")
    ]
    assert second.id in {row[0] for row in house.rows()}


# Listening


def test_one_who_listens_gets_the_newest_page_and_what_follows(house: House) -> None:
    ears = house.come(house.host)
    assert ears.notified_seq == -1
    house.door.greet(ears)
    newest = notifications.newest(house.host.actor)
    assert ears.heard == [("notifications", newest)]
    assert newest["head"] == 1
    assert ears.notified_seq == 1
    assert house.hub.errands._list.users == {house.host.id}
    assert house.rows() == [(ears.id, None, True)]


def test_a_notification_between_the_page_and_the_head_is_not_skipped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = notifications.newest(house.host.actor)
    monkeypatch.setattr(notifications, "newest", lambda actor: page | {"head": page["head"] + 1})
    ears = house.come(house.host, listens=True)
    assert ears.notified_seq == page["head"]
    monkeypatch.setattr(notifications, "newest", lambda actor: page | {"items": [], "head": 1})
    assert house.come(house.host, listens=True).notified_seq == 0


# New tokens


def test_a_new_token_of_the_same_user_goes_under_the_connection(house: House) -> None:
    ears = house.come(house.ada)
    again = house.school.sign_in(house.ada.user["username"])
    answered = house.door.refresh(ears, again.tokens["access_token"])
    assert ears.session_id == again.actor.session_id
    assert ears.expires_at == answered["expires_at"]
    assert house.hub.sessions() == [again.actor.session_id]


def test_a_token_of_somebody_else_is_no_token_for_this_connection(house: House) -> None:
    ears = house.come(house.ada)
    with pytest.raises(PermissionError):
        house.door.refresh(ears, house.host.tokens["access_token"])
    refused(Code.UNAUTHORIZED, lambda: house.door.refresh(ears, "x"))
    assert ears.session_id == house.ada.actor.session_id


# Who goes


def test_one_who_is_gone_leaves_nothing_behind(house: House) -> None:
    ears = house.come(house.host, enters=True, listens=True)
    other = house.come(house.ada, enters=True)
    house.door.note_gone(ears.id, "/chat", entirely=True)
    assert house.hub.has(ears)  # it may be in the middle of an emit
    house.write_all()
    assert not house.hub.has(ears)
    assert [row[0] for row in house.rows()] == [other.id, other.id]
    assert [each.room_id for each in workers.absences()] == [house.room_id]
    assert house.door._leases == {other.id: house.lease}


def test_who_leaves_chat_only_is_in_no_room_and_goes_on_listening(house: House) -> None:
    ears = house.come(house.host, enters=True, listens=True)
    house.door.note_gone(ears.id, "/chat")
    house.write_all()
    assert house.rows() == [(ears.id, None, True)]
    assert house.hub.has(ears)
    assert house.hub.pumps == {}
    assert workers.absences()


def test_who_leaves_notifications_only_stays_in_the_rooms(house: House) -> None:
    ears = house.come(house.host, enters=True, listens=True)
    house.door.note_gone(ears.id, "/notifications")
    house.write_all()
    assert house.rows() == [(ears.id, None, False), (ears.id, house.room_id, False)]
    assert ears.notified_seq == -1
    assert house.hub.is_in(ears.id, house.room_id)
    assert workers.absences() == []


def test_a_departure_of_nobody_known_is_nothing(house: House) -> None:
    house.door.note_gone("nobody", entirely=True)
    house.door.note_gone("nobody", "/chat")
    house.door.note_gone("nobody", "/notifications")
    house.write_all()
    assert house.hub.errands._list == List()


@pytest.mark.parametrize("lease", ["", "another"])
@pytest.mark.parametrize(("namespace", "entirely"), [("/chat", True), ("/chat", False), ("/notifications", False)])
def test_what_a_lost_lease_held_is_left_to_it(house: House, lease: str, namespace: str, entirely: bool) -> None:
    """The host may be on another worker already, before the lease dies: then they were never away."""
    ears = house.come(house.host, enters=True, listens=True)
    before = house.rows()
    house.lease = lease
    house.door.note_gone(ears.id, namespace, entirely=entirely)
    house.write_all()
    assert house.rows() == before
    assert workers.absences() == []
    assert house.hub.has(ears) is not entirely


# Going and coming back


@pytest.mark.parametrize("namespace", ["/chat", "/notifications"])
def test_one_who_comes_back_at_once_is_not_taken_for_gone_afterwards(house: House, namespace: str) -> None:
    ears = house.come(house.host, enters=True, listens=True)
    house.door.note_gone(ears.id, namespace)
    house.door.settle(ears.id)
    if namespace == "/chat":
        assert house.rows() == [(ears.id, None, True)]
        pump, reader = house.hub.begin(ears, house.room_id)
        visits.enter(house.host.actor, connection_id=ears.id, room_id=house.room_id, worker_id=house.lease)
        pump.finish(reader, epoch="one", head=1, answer=answer(1))
    else:
        assert house.rows() == [(ears.id, None, False), (ears.id, house.room_id, False)]
        house.door.greet(ears)
    house.write_all()
    assert house.rows() == [(ears.id, None, True), (ears.id, house.room_id, False)]
    assert house.hub.is_in(ears.id, house.room_id)
    assert ears.notified_seq >= 0


def test_a_socket_that_left_every_namespace_and_connects_again_is_a_new_connection(house: House) -> None:
    old = house.come(house.ada, enters=True)
    house.door.note_gone(old.id, "/chat", entirely=True)
    house.door.settle(old.id)
    new = Ears(house.ada.id, session_id=house.ada.actor.session_id)
    new.id = old.id
    house.door.admit(new, house.ada.actor)
    house.write_all()
    assert house.hub.has(new)
    assert house.rows() == [(new.id, None, False)]


def test_to_settle_waits_for_the_departure_that_is_being_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, leave, settled = threading.Event(), threading.Event(), threading.Event()
    disconnect = visits.disconnect

    def slow(*, connection_id: str) -> None:
        inside.set()
        leave.wait(5)
        disconnect(connection_id=connection_id)

    monkeypatch.setattr(visits, "disconnect", slow)
    ears, other = house.come(house.ada), house.come(house.host)
    house.door.note_gone(ears.id, entirely=True)
    writer = threading.Thread(target=house.door.run, daemon=True)
    writer.start()
    assert inside.wait(5)
    house.door.settle(other.id)  # somebody else does not wait

    def settle() -> None:
        house.door.settle(ears.id)
        settled.set()

    comer = threading.Thread(target=settle, daemon=True)
    comer.start()
    assert not settled.wait(0.05)
    leave.set()
    assert settled.wait(5)
    assert house.rows() == [(other.id, None, False)]
    house.door.stop()
    writer.join(5)
    assert not writer.is_alive()


def test_one_whose_departure_cannot_be_written_may_not_come_back_yet(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = house.come(house.ada)
    house.door.note_gone(ears.id, entirely=True)
    with monkeypatch.context() as patch:
        patch.setattr(visits, "disconnect", away)
        refused(Code.UNAVAILABLE, lambda: house.door.settle(ears.id))
    house.door.settle(ears.id)
    assert house.rows() == []


# What fails


def away(**_: object) -> None:
    raise ConnectionError


def busy(**_: object) -> None:
    raise Refused(Code.UNAVAILABLE)


@pytest.mark.parametrize("trouble", [away, busy])
def test_a_departure_that_could_not_be_written_is_written_later(
    house: House, monkeypatch: pytest.MonkeyPatch, trouble: Callable[..., None]
) -> None:
    """Its lease lives as long as this process: the host would be there until the next restart."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    tried: list[str] = []

    def fail(*, connection_id: str) -> None:
        tried.append(connection_id)
        trouble()

    ears, other = house.come(house.host, enters=True), house.come(house.ada)
    writer = threading.Thread(target=house.door.run, daemon=True)
    with monkeypatch.context() as patch:
        patch.setattr(visits, "disconnect", fail)
        writer.start()
        house.door.note_gone(ears.id, entirely=True)
        house.door.note_gone(other.id, entirely=True)
        eventually(lambda: len(tried) >= 4 and len(set(tried)) == 2, within=5)
        assert not house.hub.has(ears)
        assert len(house.rows()) == 3
    eventually(lambda: house.rows() == [], within=5)
    assert [each.room_id for each in workers.absences()] == [house.room_id]
    house.door.stop()
    writer.join(5)
    assert not writer.is_alive()


def test_a_departure_that_is_refused_for_good_is_not_tried_for_ever(house: House) -> None:
    """The session has ended meanwhile; the connection goes with it."""
    ears = house.come(house.ada, listens=True)
    sessions.logout(house.ada.actor)
    house.door.note_gone(ears.id, "/notifications")
    house.write_all()
    assert ears.notified_seq == -1
    house.door.note_gone(ears.id, entirely=True)
    house.write_all()
    assert house.rows() == []


def test_when_the_process_ends_what_cannot_be_written_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "disconnect", away)
    ears = house.come(house.ada)
    house.door.note_gone(ears.id, entirely=True)
    house.write_all()
    assert [row[0] for row in house.rows()] == [ears.id]
