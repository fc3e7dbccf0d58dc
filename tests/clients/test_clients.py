"""Our client libraries against a real server, and against what happens to one: killed, unreachable, silent; tokens that
run out, a removal. Whatever it is, everybody has the same log afterwards, each message once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.driver import KINDS, Member, Network, members
from tests.support.clients.rest import Rest
from tests.support.people import Person
from tests.support.server import ServerProcess, StartServer

pytestmark = pytest.mark.service

ENV = {"LIMIT_SENDS": "100/second", "LIMIT_SENDS_BURST": "1000"}
IMPATIENT = {"PING_INTERVAL_SECONDS": "2", "PING_TIMEOUT_SECONDS": "4"}


class Class:
    """A teacher over REST, and a student on each library, behind a network that can fail."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.teacher = server.teacher()
        self.room = self.teacher.rest.create_room(admission="open")["id"]
        self.people: dict[str, Person] = dict(zip(KINDS, server.students(3), strict=True))
        for person in self.people.values():
            person.rest.knock(self.room).ok(201)

    def log(self) -> list[tuple[int, str | None]]:
        """The truth."""
        return [(each["seq"], each["body"]) for each in self.teacher.rest.room_log(self.room)]

    def all_agree(self, class_: list[Member], *bodies: str) -> None:
        """Everybody has seen the whole log, and it has each of `bodies` once."""
        for member in class_:
            member.wait_log(self.log)
        said = [body for _, body in self.log()]
        for body in bodies:
            assert said.count(body) == 1, body
        assert [seq for seq, _ in self.log()] == list(range(1, len(said) + 1))


@pytest.fixture
def class_(start_server: StartServer, tmp_path: Path, request: pytest.FixtureRequest) -> Class:
    env: dict[str, Any] = getattr(request, "param", {})
    return Class(start_server(**ENV, **env), tmp_path / "js")


@pytest.fixture
def network(class_: Class) -> Iterator[Network]:
    with Network(class_.server.port) as network:
        yield network


def test_everybody_sees_everything_once_and_in_order(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        said = []
        for student in students:
            student.wait("inside")
        for student in students:
            bodies = [f"{student.kind} {number}" for number in range(5)]
            student.send(*bodies)
            said += bodies
        for student in students:
            student.wait_stood(*(body for body in said if body.startswith(student.kind)))
        class_.all_agree(students, *said)


def test_what_is_sent_while_the_server_is_killed_stands_once(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        said: list[str] = []
        for student in students:
            student.wait("inside")
            said += [f"{student.kind} {number}" for number in range(20)]
        for number in range(20):
            for student in students:
                student.send(f"{student.kind} {number}")
            if number == 5:
                class_.server.kill()
        for student in students:
            student.wait("state", state="offline")
        class_.server.start()
        for student in students:
            student.wait("inside", times=2)
            student.wait_stood(*(body for body in said if body.startswith(student.kind)))
        class_.all_agree(students, *said)


@pytest.mark.parametrize("class_", [IMPATIENT], indirect=True)
@pytest.mark.parametrize("how", ["away", "silent"])
def test_who_was_offline_gets_what_was_missed_and_sends_what_was_written(
    class_: Class, network: Network, how: str
) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
            student.send(f"{student.kind} before")
            student.wait_stood(f"{student.kind} before")
        getattr(network, how)()
        for student in students:
            student.send(f"{student.kind} meanwhile")
        more_than_one_answer_holds = [f"teacher {number}" for number in range(210)]
        class_.teacher.rest.say(class_.room, *more_than_one_answer_holds)
        for student in students:
            student.wait("state", state="offline")
        network.back()
        for student in students:
            student.wait_stood(f"{student.kind} meanwhile")
        class_.all_agree(students, *(f"{kind} {when}" for kind in KINDS for when in ("before", "meanwhile")))


@pytest.mark.parametrize("class_", [{"ACCESS_TOKEN_SECONDS": "12"}], indirect=True)
def test_tokens_are_renewed_under_a_connection_that_stays(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
        for student in students:
            student.wait("kept", times=4)  # 18 s: the first token has run out
            student.send(f"{student.kind} still here")
            student.wait_stood(f"{student.kind} still here")
            assert student.count("state", state="offline") == 0
            assert student.count("inside") == 1
        class_.all_agree(students)


def test_who_is_removed_stays_away_until_asked_back(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
            class_.teacher.rest.remove(class_.room, student.person.id).ok()
            student.wait("outside")
        network.away()
        for student in students:
            student.wait("state", state="offline")
        network.back()
        for student in students:
            student.wait("state", times=2, state="online")
            assert student.count("inside") == 1
            student.order("knock")
            student.wait("inside", times=2)
            student.send(f"{student.kind} again")
            student.wait_stood(f"{student.kind} again")
        class_.all_agree(students, *(f"{kind} again" for kind in KINDS))


def test_a_refused_send_says_why_and_does_not_hold_up_the_next(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
            student.send("x" * 4001, f"{student.kind} shorter")
            student.wait("failed", code="too_large")
            student.wait_stood(f"{student.kind} shorter")
        class_.all_agree(students, *(f"{kind} shorter" for kind in KINDS))


def test_a_session_that_ended_stops_the_client_for_good(class_: Class, network: Network) -> None:
    with members(class_.people, network.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
            person = Person.signed_in(class_.server.url, student.person.username, student.person.password)
            for session in person.rest.get("/api/auth/sessions/").ok()["items"]:
                if not session["current"]:
                    person.rest.call("DELETE", f"/api/auth/sessions/{session['id']}/").ok(204)
            student.wait("state", state="stopped")
            assert student.count("state", state="online") == 1


GUESSED_AT = {"LIMIT_LOGIN_ADDRESS": "5/hour", "ACCESS_TOKEN_SECONDS": "4"}


@pytest.mark.parametrize("class_", [GUESSED_AT], indirect=True)
def test_a_device_that_was_let_in_before_is_let_in_while_others_guess(class_: Class) -> None:
    with members(class_.people, class_.server.url, class_.room, class_.folder) as students:
        for student in students:
            student.wait("inside")
            first = student.kept["device_token"]
            student.wait("kept", times=2)  # renewed since
            assert student.kept["device_token"] == first
        kept = {student.kind: student.kept for student in students}
    stranger = Rest(class_.server.url)
    for number in range(6):
        stranger.login(f"somebody-{number}", "guess")
    for person in class_.people.values():
        assert stranger.login(person.username, person.password).code == "rate_limited", "who comes without a device"
    with members(class_.people, class_.server.url, class_.room, class_.folder / "again", kept) as students:
        for student in students:
            student.wait("inside", within=20)
            assert student.kept["device_token"] != kept[student.kind]["device_token"]
    for each in kept.values():
        assert each["device_token"] not in class_.server.log()
