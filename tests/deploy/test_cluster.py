"""A school behind nginx on four workers: every kind of client, one room over all of them, and what must reach all."""

from __future__ import annotations

import collections
import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Page, expect

from tests.deploy.deployment import WORKERS, Deployment
from tests.scenarios.classroom import BOTH, at_once, leaving, room_with
from tests.support import ledger
from tests.support.clients.js import JsWire, Node, js_member
from tests.support.clients.member import CommandError, Member
from tests.support.clients.plain import PlainWire, plain_member
from tests.support.clients.rest import Rest
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.wait import eventually

pytestmark = pytest.mark.service

CLIENTS = 200
PROMISED_SECONDS = 1.0

T = TypeVar("T")
Make = Callable[[Person], Member]


def mixture(node: Node) -> list[Make]:
    """Kinds of clients, out of every ten."""
    return [
        *[lambda person: js_member(person, node)] * 4,
        lambda person: js_member(person, node, options={"transports": ["websocket"]}),
        *[lambda person: sio_member(person, "websocket")] * 2,
        lambda person: sio_member(person, "polling"),
        lambda person: sio_member(person, "upgrade"),
        plain_member,
    ]


def in_turns(everybody: Sequence[T], count: int = 25) -> Iterator[Sequence[T]]:
    """Some at a time: on a small machine two hundred at once only wait for each other."""
    return (everybody[start : start + count] for start in range(0, len(everybody), count))


@dataclass(frozen=True)
class School:
    """Two hundred clients and their teacher in one room, all from this address."""

    room_id: str
    teacher: Person
    members: list[Member]

    @property
    def people(self) -> list[Person]:
        """Everybody."""
        return [member.person for member in self.members]


@pytest.fixture(scope="module")
def school(deployment: Deployment) -> Iterator[School]:
    """Made once: every test here may speak in its room, none removes anybody."""
    teacher, students = deployment.teacher(), deployment.students(CLIENTS - 1)
    room_id = str(teacher.rest.create_room()["id"])
    for some in in_turns(students):
        at_once(lambda student: student.rest.knock(room_id).ok(201), some)
    teacher.rest.approve(room_id, all=True).ok(200)
    with contextlib.closing(Node()) as node:
        makers = itertools.cycle(mixture(node))
        members = [sio_member(teacher), *(make(person) for make, person in zip(makers, students, strict=False))]
        try:
            for group in in_turns(members):
                at_once(Member.connect, group)
                at_once(lambda member: member.enter(room_id), group)
            yield School(room_id, teacher, members)
        finally:
            at_once(Member.close, members)


@pytest.mark.timeout(180)
class TestTwoHundredClientsFromOneAddress:
    def test_are_spread_over_all_workers(self, deployment: Deployment, school: School) -> None:
        places = deployment.places(school.people)
        assert len(places) == CLIENTS
        shares = collections.Counter(places.values())
        assert set(shares) == set(deployment.names)
        assert min(shares.values()) >= CLIENTS / WORKERS / 2, shares

    def test_have_the_transports_they_asked_for(self, school: School) -> None:
        upgraded = [
            member.wire.transports
            for member in school.members
            if isinstance(member.wire, JsWire) and not member.wire.options
        ]
        assert len(upgraded) >= CLIENTS // 3
        assert all("websocket" in transports for transports in upgraded), "the default is to poll first, then upgrade"

    def test_hear_one_room_in_one_order(self, school: School) -> None:
        before = [member.connections for member in school.members]
        at_once(lambda member: member.send(school.room_id, f"{member.person.username} says hello"), school.members)
        log = school.teacher.rest.room_log(school.room_id)
        for member in school.members:
            member.wait_seq(school.room_id, len(log))
            member.assert_faultless()
            heard = member.rooms[school.room_id].messages
            ledger.assert_equal(heard, log, first=heard[0]["seq"])
        said = [message["body"] for message in log if message["type"] == "text"]
        assert {f"{member.person.username} says hello" for member in school.members} <= set(said)
        assert [member.connections for member in school.members] == before, "nobody lost a connection"

    def test_are_all_shown_as_here_on_every_worker(self, deployment: Deployment, school: School) -> None:
        for name in deployment.names:
            roster = deployment.at(name, school.teacher).rest.participants(school.room_id)
            assert sum(each["online"] for each in roster) == CLIENTS == len(roster)

    def test_see_one_of_them_go_and_come_back_on_every_worker(self, deployment: Deployment, school: School) -> None:
        gone = next(member for member in school.members if isinstance(member.wire, PlainWire))
        places = deployment.places(school.people)
        watchers = {places[member.person.id]: member for member in school.members if member is not gone}
        assert set(watchers) == set(deployment.names)

        gone.cut()
        for watcher in watchers.values():
            watcher.wait_event("presence", is_news_of(gone, "left", CLIENTS - 1), 3)
        gone.reload()
        for watcher in watchers.values():
            watcher.wait_event("presence", is_news_of(gone, "joined", CLIENTS), 3)


def is_news_of(member: Member, how: str, online: int) -> Callable[[Any], bool]:
    """Whether a presence event says that just this one came or went, and how many are here now."""
    return lambda data: bool(data[how] == [member.person.user] and data["online"] == online)


def assert_told_to_go(member: Member) -> None:
    """It hears the end within a second."""
    member.wait(lambda: member.byes or not member.connected, PROMISED_SECONDS, "its end")


def assert_gone(member: Member) -> None:
    """It has no connection any more."""
    member.wait(lambda: not member.connected, 5, "the end of the connection")


def test_a_removal_reaches_every_other_worker_within_a_second(deployment: Deployment, node: Node) -> None:
    """And nothing behind it does, while somebody talks on all the time."""
    host_at, *others = deployment.names
    teacher, talker, *students = deployment.teacher(), *deployment.students(1 + 4 * len(others))
    room_id = room_with(teacher, [talker, *students])
    makers: list[Make] = [
        lambda person: sio_member(person, "websocket"),
        lambda person: sio_member(person, "polling"),
        lambda person: js_member(person, node),
        plain_member,
    ]
    pairs = list(itertools.product(makers, others))
    removed = [make(deployment.at(name, who)) for (make, name), who in zip(pairs, students, strict=True)]
    host, chatter = sio_member(deployment.at(host_at, teacher)), sio_member(deployment.at(others[0], talker))
    everybody = [host, chatter, *removed]
    with leaving(everybody):
        at_once(Member.connect, everybody)
        at_once(lambda member: member.enter(room_id), everybody)
        for member in removed:
            chatter.send(room_id, "before")
            seq = host.do("participant_remove", {"room_id": room_id, "user_id": member.person.id})["seq"]
            since = time.monotonic()
            chatter.send(room_id, "behind it")
            assert_told_to_go(member)
            assert time.monotonic() - since < PROMISED_SECONDS
            if isinstance(member.wire, PlainWire):
                assert_gone(member)
                assert member.wire.close_code == 4403
            else:
                assert [(bye["code"], bye["room_id"]) for bye in member.byes] == [("removed", room_id)]
                answer = member.ask("message_send", {"room_id": room_id, "client_id": "late", "body": "still here"})
                assert answer["error"]["code"] == "not_found"
            assert member.rooms[room_id].last <= seq
        log = teacher.rest.room_log(room_id)
        for member in removed:
            heard = member.rooms[room_id].messages
            own_end = next(
                message["seq"]
                for message in log
                if message["code"] == "participant_removed" and message["params"]["user"]["id"] == member.person.id
            )
            assert own_end - 1 <= heard[-1]["seq"] <= own_end, "nothing came later, either"
            ledger.assert_equal(heard, log, first=heard[0]["seq"], last=heard[-1]["seq"])


def test_a_session_that_ends_closes_its_sockets_on_every_worker_within_a_second(
    deployment: Deployment, node: Node
) -> None:
    """By signing out, or by ending it from another device. The twin with a session of its own stays."""
    here, *others = deployment.names
    teacher, student = deployment.teacher(), deployment.students(1)[0]
    room_id = room_with(teacher, [student])
    staying = sio_member(deployment.at(here, student))
    members = [staying]
    with leaving(members):
        staying.connect()
        for how, name in itertools.product(("logout", "delete"), others):
            signed_in = Person.signed_in(deployment.url, student.username, student.password)
            on_other = deployment.at(name, signed_in)
            leavers = [sio_member(on_other, "polling"), js_member(on_other, node), plain_member(on_other)]
            members += leavers
            at_once(Member.connect, leavers)
            at_once(lambda member: member.enter(room_id), leavers)
            device = deployment.at(here, signed_in).rest
            if how == "logout":
                device.logout().ok()
            else:
                sessions = device.get("/api/auth/sessions/").ok(200)["items"]
                (current,) = [one["id"] for one in sessions if one["current"]]
                student.rest.call("DELETE", f"/api/auth/sessions/{current}/").ok()
            since = time.monotonic()
            for member in leavers:
                assert_told_to_go(member)
            assert time.monotonic() - since < PROMISED_SECONDS
            assert {bye["code"] for member in leavers for bye in member.byes} == {"revoked"}
            for member in leavers:
                assert_gone(member)
            with pytest.raises(CommandError, match="unauthorized"):
                sio_member(on_other).connect()
        assert staying.connected and not staying.byes


def test_a_knock_and_its_decision_cross_the_workers_within_a_second(deployment: Deployment, node: Node) -> None:
    teacher, students = deployment.teacher(), deployment.students(WORKERS)
    host = sio_member(deployment.at(deployment.names[0], teacher), namespaces=BOTH)
    waiting = [
        js_member(deployment.at(name, who), node, namespaces=BOTH)
        for name, who in zip(deployment.names, students, strict=True)
    ]
    with leaving([host, *waiting]):
        at_once(Member.connect, [host, *waiting])
        room_id = host.do("room_create", {"title": "Chemistry"})["room"]["id"]
        for member in waiting:
            asked = member.do("join_request_create", {"room_id": room_id})["join_request"]
            seen = host.wait_event("join_request", is_request(asked["id"]), PROMISED_SECONDS)
            assert seen["online"]
            host.do("join_request_approve", {"room_id": room_id, "request_id": asked["id"]})
            member.wait_event("notification", lambda data: data["kind"] == "join_request_approved", PROMISED_SECONDS)
            member.enter(room_id)


def is_request(request_id: str) -> Callable[[Any], bool]:
    """Whether an event is about this one."""
    return lambda data: bool(data["id"] == request_id)


def test_wrong_passwords_are_counted_over_all_workers(deployment: Deployment) -> None:
    """Ten a minute for an account, whichever worker is asked; the neighbour's account is not concerned."""
    victim, neighbour = deployment.students(2)
    doors = itertools.cycle([Rest(deployment.url_of(name)) for name in deployment.names])
    answers = [next(doors).login(victim.username, "not the password").status for _ in range(10)]
    assert answers == [401] * 10
    for _ in deployment.names:
        answer = next(doors).login(victim.username, victim.password)
        assert answer.status == 429, "even the right one"
        assert answer.body["retry_after"] > 0
        next(doors)
    assert next(doors).login(neighbour.username, neighbour.password).status == 200


def test_of_too_many_connections_the_oldest_goes_whichever_worker_it_is_on(deployment: Deployment) -> None:
    (student,) = deployment.students(1)
    places = itertools.cycle(deployment.names)
    members = [sio_member(deployment.at(next(places), student)) for _ in range(6)]
    with leaving(members):
        for member in members[:5]:
            member.connect()
        assert not any(member.byes for member in members)
        members[5].connect()
        assert_told_to_go(members[0])
        assert [bye["code"] for bye in members[0].byes] == ["too_many"]
        assert_gone(members[0])
        assert all(member.connected and not member.byes for member in members[1:])


def test_a_page_in_chromium_speaks_with_a_client_of_another_worker(
    deployment: Deployment, sign_in: Callable[..., Page]
) -> None:
    teacher, student = deployment.teacher(), deployment.students(1)[0]
    room_id = room_with(teacher, [student], title="Geography")
    page = sign_in(student)
    page.get_by_role("link", name="Geography").click()
    field = page.get_by_label("Message", exact=True)
    expect(field).to_be_visible()
    place = eventually(lambda: deployment.places([student]).get(student.id), message="the page is not connected")
    elsewhere = next(name for name in deployment.names if name != place)
    host = sio_member(deployment.at(elsewhere, teacher))
    with leaving([host]):
        host.connect()
        host.enter(room_id)
        field.fill("Where is Ushuaia?")
        field.press("Enter")
        asked = host.wait_message(room_id, lambda message: message["body"] == "Where is Ushuaia?")
        assert asked["sender"] == student.user
        host.send(room_id, "At the end of the world")
        expect(page.get_by_role("log").get_by_text("At the end of the world")).to_be_visible()
