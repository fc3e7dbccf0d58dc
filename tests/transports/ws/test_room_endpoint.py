"""One room over a plain WebSocket: the welcome, close codes, frames good and bad; a real school without a network."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused
from chatapp.db import database, reading
from chatapp.domain import entering, lobby, messages, participants, rooms, sessions, tickets, visits, workers
from chatapp.domain.actor import Actor
from chatapp.models import Presence
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.connection import Connection, Cork
from chatapp.realtime.errands import Errands
from chatapp.realtime.hub import Hub
from chatapp.realtime.outgoing import Event
from chatapp.transports.entrance import Entrance
from chatapp.transports.gateway import Ref, answer
from chatapp.transports.ws.connection import WsConnection
from chatapp.transports.ws.room_endpoint import RoomEndpoint
from tests.realtime.doubles import Clock, payloads
from tests.support.school import School, Signed

Call = tuple[str, dict[str, Any], Ref]

ROOM = "r" * 20


class Wire:
    """The server's end of a WebSocket: texts that were written, and the close code."""

    def __init__(self) -> None:
        self.tail_bytes = 0
        self.tail_since: float | None = None
        self.websocket_closed = False
        self.texts: list[Any] = []
        self.code: int | None = None
        self.reason = ""

    def write_now(self, frames: bytes, *, last: bool = False) -> bool:
        if last:
            assert frames[0] == 0x88
            (self.code,) = struct.unpack("!H", frames[2:4])
            self.reason = frames[4:].decode()
        else:
            self.texts += [json.loads(text) for text in payloads(frames)]
        return True

    def send_frames(self, frames: bytes, *, last: bool = False) -> None:
        self.write_now(frames, last=last)

    def abort(self) -> None:
        """Nothing is left to end."""


def a_connection(wire: Wire) -> WsConnection:
    return WsConnection(
        wire,
        cork=Cork(),
        spawn=lambda task, *args: None,
        sleep=lambda seconds: None,
        slow_bytes=10**6,
        slow_seconds=10.0,
    )


@dataclass
class Client:
    """A plain WebSocket at the endpoint."""

    connection: WsConnection
    wire: Wire

    @property
    def events(self) -> list[str]:
        return [each["event"] for each in self.wire.texts if "event" in each]


@dataclass
class Dispatched:
    """A gateway that writes down what reaches it, and answers."""

    calls: list[Call] = field(default_factory=list)

    def dispatch(self, connection: Connection, namespace: str, name: str, data: dict[str, Any], ref: Ref) -> None:
        assert namespace == "/chat"
        self.calls.append((name, data, ref))
        answer(connection, namespace, ref, {})


class Lesson:
    """An endpoint in front of one room of a real school."""

    def __init__(self, app: Flask, school: School) -> None:
        self.school = school
        self.host, self.ada, self.bob = school.teacher(), school.student(), school.student()
        self.room_id: str = school.room(self.host, self.ada, self.bob)["id"]
        self.hub = Hub(Errands())
        database.listen(self.hub.take)
        self.worker_id = workers.begin()
        self.auth: Any = app.extensions["chatapp.auth"]
        self.fault: Exception | None = None
        self.left: list[str] = []
        self.addresses: list[str] = []
        self.clock = Clock()
        self.gateway = Dispatched()
        self.endpoint = RoomEndpoint(
            self.gateway,  # type: ignore[arg-type]
            Entrance(self.hub, lambda: self.worker_id),
            self.admit,
            lambda connection: self.left.append(connection.id),
            sleep=self.sleep,
            pages=Buckets(5, 3, self.clock),
        )
        self.meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        """What happens between two pages of a welcome."""
        self.clock.advance(seconds)
        self.meanwhile()

    def admit(self, connection: WsConnection, auth: dict[str, Any], address: str) -> Actor:
        self.addresses.append(address)
        if self.fault is not None:
            raise self.fault
        identity = self.auth.authenticate_connect(auth)
        actor: Actor = identity.actor
        connection.user_id, connection.session_id = actor.user_id, actor.session_id
        self.hub.add(connection)
        visits.connect(actor, connection_id=connection.id, worker_id=self.worker_id)
        return actor

    def open(self, person: Signed | None = None, room_id: str | None = None, **query: str) -> Client:
        """Open a WebSocket as somebody; `query` beside the token."""
        wire = Wire()
        connection = a_connection(wire)
        credential = {"token": person.tokens["access_token"]} if person is not None else {}
        self.endpoint.open(connection, room_id or self.room_id, credential | query, "192.0.2.1")
        return Client(connection, wire)

    def say(self) -> int:
        """The seq of a text of the host's."""
        return messages.send(self.host.actor, room_id=self.room_id, client_id=ids.new_id(), body="hello").seq


@pytest.fixture
def lesson(app: Flask, school: School) -> Lesson:
    return Lesson(app, school)


# Opening


def test_the_welcome_comes_first_with_the_answer_to_room_enter_then_events(lesson: Lesson) -> None:
    client = lesson.open(lesson.ada)
    seq = lesson.say()
    welcome, event = client.wire.texts
    asked = entering.enter(lesson.ada.actor, room_id=lesson.room_id, after=seq - 1).answer
    assert welcome["event"] == "welcome"
    assert welcome["data"].keys() == {"ok"} | asked.keys()
    assert welcome["data"]["ok"] is True
    assert welcome["data"]["head"] == seq - 1
    assert (event["event"], event["data"]["seq"]) == ("message", seq)
    assert client.wire.code is None
    assert lesson.addresses == ["192.0.2.1"]


def test_a_ticket_opens_too_and_only_once(lesson: Lesson) -> None:
    ticket = tickets.create(lesson.ada.actor)["ticket"]
    assert lesson.open(ticket=ticket).events == ["welcome"]
    assert lesson.open(ticket=ticket).wire.code == 4401


def test_after_and_epoch_resume(lesson: Lesson) -> None:
    head = lesson.say()
    epoch = entering.enter(lesson.ada.actor, room_id=lesson.room_id).answer["epoch"]

    def welcomed(**query: str) -> dict[str, Any]:
        found: dict[str, Any] = lesson.open(lesson.ada, **query).wire.texts[0]["data"]
        return found

    assert [each["seq"] for each in welcomed(after=str(head - 1))["messages"]] == [head]
    assert welcomed(after=str(head), epoch=epoch)["messages"] == []
    assert welcomed(after=str(head), epoch="another")["reset"] is True
    assert welcomed(after=str(head + 1))["reset"] is True


def seqs(client: Client) -> list[int]:
    """Of all that came, by welcome or live."""
    texts = client.wire.texts
    assert {text["event"] for text in texts} <= {"welcome", "message"}
    pages = [text["data"]["messages"] if text["event"] == "welcome" else [text["data"]] for text in texts]
    return [message["seq"] for page in pages for message in page]


def test_a_long_log_comes_in_as_many_welcomes_as_it_takes_and_then_the_room_is_heard(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is said between two of them, in its order and once."""
    monkeypatch.setattr(entering, "PAGE", 2)
    head = lesson.say()
    lesson.meanwhile = lambda: lesson.say() if len(lesson.hub.pumps) < 1 and head_of(lesson) < head + 2 else None
    client = lesson.open(lesson.ada, after="0")
    assert [text["data"]["more"] for text in client.wire.texts] == [True] * (len(client.wire.texts) - 1) + [False]
    assert len(client.wire.texts) > 2 and head_of(lesson) == head + 2
    last = lesson.say()
    assert seqs(client) == list(range(1, last + 1))
    assert client.events[-1] == "message" and client.wire.code is None
    assert visits_in(lesson) == [client.connection.id]


def test_who_is_removed_between_two_welcomes_gets_no_third(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "PAGE", 2)
    lesson.meanwhile = lambda: participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id)
    client = lesson.open(lesson.ada, after="0")
    assert client.events == ["welcome"]
    assert client.wire.code == 4404 and client.wire.texts[-1]["error"]["code"] == "not_found"
    assert lesson.hub.pumps == {} and visits_in(lesson) == []


def test_a_page_waits_until_the_one_before_has_left(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "PAGE", 2)
    wire = Wire()
    connection = a_connection(wire)
    waits: list[int] = []

    def read() -> None:
        """A reader that takes its time: three looks later the kernel has all of it."""
        waits.append(len(wire.texts))
        wire.tail_bytes = 100 if len(waits) % 4 else 0

    lesson.meanwhile = read
    lesson.endpoint.open(connection, lesson.room_id, {"token": lesson.ada.tokens["access_token"], "after": "0"}, "")
    assert waits[:8] == [1, 1, 1, 1, 2, 2, 2, 2][: len(waits)] and len(waits) >= 4
    assert wire.texts[-1]["data"]["more"] is False


def test_pages_come_no_faster_than_they_may_be_asked_for(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first of them, which the connection is for, the budget of three and then five a second."""
    monkeypatch.setattr(entering, "PAGE", 1)
    while lesson.say() < 14:
        pass
    begun = lesson.clock()
    client = lesson.open(lesson.ada, after="0")
    assert len(client.wire.texts) == 14
    assert (14 - 1 - 3) / 5 <= lesson.clock() - begun < 14 / 5


@pytest.mark.parametrize("end", ["by the server", "by the client"])
def test_who_goes_while_a_page_waits_gets_no_other(lesson: Lesson, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(entering, "PAGE", 2)
    wire = Wire()
    connection = a_connection(wire)

    def go() -> None:
        wire.tail_bytes = 100
        if end == "by the server":
            connection.closed = True
        else:
            wire.websocket_closed = True

    lesson.meanwhile = go
    lesson.endpoint.open(connection, lesson.room_id, {"token": lesson.ada.tokens["access_token"], "after": "0"}, "")
    assert [text["event"] for text in wire.texts if "event" in text] == ["welcome"]
    assert lesson.hub.pumps == {} and connection.closed


def head_of(lesson: Lesson) -> int:
    return int(rooms.show(lesson.host.actor, room_id=lesson.room_id)["head"])


def visits_in(lesson: Lesson) -> list[str]:
    """The connections that count as present in the room."""
    with reading() as session:
        return list(session.scalars(select(Presence.connection_id).where(Presence.room_id == lesson.room_id)))


@pytest.mark.parametrize(
    "query",
    [
        {"after": ""},
        {"after": "-1"},
        {"after": "1.5"},
        {"after": "x"},
        {"after": "٣"},
        {"after": "1" * 16},
        {"after": "+1"},
        {"after": " 1"},
        {"more": "1"},
        {"room": "x"},
    ],
)
def test_a_query_that_is_none_of_ours_is_refused_before_the_ticket_is_spent(
    lesson: Lesson, query: dict[str, str]
) -> None:
    ticket = tickets.create(lesson.ada.actor)["ticket"]
    client = lesson.open(None, None, ticket=ticket, **query)
    assert (client.wire.code, client.wire.reason) == (1002, "invalid_payload")
    assert client.events == []
    assert lesson.open(ticket=ticket).events == ["welcome"]


def closed(lesson: Lesson) -> Client:
    lesson.worker_id = ""
    return lesson.open(lesson.ada)


def pending(lesson: Lesson) -> Client:
    carol = lesson.school.student()
    lobby.knock(carol.actor, room_id=lesson.room_id)
    return lesson.open(carol)


def removed(lesson: Lesson) -> Client:
    participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id)
    return lesson.open(lesson.ada)


def signed_out(lesson: Lesson) -> Client:
    sessions.logout(lesson.ada.actor)
    return lesson.open(lesson.ada)


def failing(fault: Exception) -> Callable[[Lesson], Client]:
    def open_it(lesson: Lesson) -> Client:
        lesson.fault = fault
        return lesson.open(lesson.ada)

    return open_it


@pytest.mark.parametrize(
    ("opened", "code", "reason"),
    [
        (lambda lesson: lesson.open(), 4401, "unauthorized"),
        (lambda lesson: lesson.open(token="x"), 4401, "unauthorized"),
        (lambda lesson: lesson.open(lesson.ada, ticket="x"), 4401, "unauthorized"),
        (signed_out, 4401, "unauthorized"),
        (pending, 4403, "forbidden"),
        (removed, 4404, "not_found"),
        (lambda lesson: lesson.open(lesson.school.student()), 4404, "not_found"),
        (lambda lesson: lesson.open(lesson.ada, "0" * 20), 4404, "not_found"),
        (lambda lesson: lesson.open(lesson.ada, "é\u0000'\""), 4404, "not_found"),
        (closed, 1012, "unavailable"),
        (failing(Refused(Code.RATE_LIMITED)), 1013, "rate_limited"),
        (failing(OperationalError("", {}, Exception())), 1012, "unavailable"),
        (failing(RuntimeError("secret")), 1011, "internal"),
    ],
)
def test_who_is_not_let_in_gets_the_reason_as_a_text_and_as_a_close_code_and_nothing_else(
    lesson: Lesson, opened: Callable[[Lesson], Client], code: int, reason: str
) -> None:
    client = opened(lesson)
    assert (client.wire.code, client.wire.reason) == (code, reason)
    (told,) = client.wire.texts
    assert told.keys() == {"ok", "error"} and told["ok"] is False
    assert told["error"]["code"] == reason and "secret" not in json.dumps(told)
    assert told["error"].get("data") == ({"my_role": "pending"} if code == 4403 else None)
    assert client.connection.closed
    assert lesson.hub.pumps == {}
    lesson.endpoint.closed(client.connection)
    assert lesson.left == [client.connection.id]


def test_a_closed_room_is_welcomed_with_its_history_and_closed(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms.close(lesson.host.actor, room_id=lesson.room_id)
    client = lesson.open(lesson.ada)
    assert client.events == ["welcome"]
    assert client.wire.texts[0]["data"]["messages"][-1]["code"] == "room_closed"
    assert (client.wire.code, client.wire.reason) == (4410, "room_closed")
    monkeypatch.setattr(entering, "PAGE", 2)
    more = lesson.open(lesson.ada, after="0")
    assert len(more.wire.texts) > 1 and seqs(more)[-1] == head_of(lesson)
    assert more.wire.code == 4410


# Once it is open


def test_one_who_is_removed_is_told_and_closed(lesson: Lesson) -> None:
    client, other = lesson.open(lesson.ada), lesson.open(lesson.bob)
    participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id)
    lesson.say()
    assert client.events == ["welcome", "message", "bye"]
    assert client.wire.texts[-1]["data"] == {"code": "removed"}
    assert client.wire.code == 4403
    assert other.events == ["welcome", "message", "message"]


def test_a_room_that_closes_under_way_keeps_its_readers(lesson: Lesson) -> None:
    client = lesson.open(lesson.ada)
    rooms.close(lesson.host.actor, room_id=lesson.room_id)
    rooms.reopen(lesson.host.actor, room_id=lesson.room_id)
    assert [each["data"]["code"] for each in client.wire.texts[1:]] == ["room_closed", "room_reopened"]
    assert client.wire.code is None


def test_nothing_about_the_room_comes_before_the_welcome(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host is told of knocks on every connection; one that is entering is not ready for them."""
    enter = entering.enter
    knock = Event.of("/chat", "join_request", {})

    def knocked_meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = enter(*args, **kwargs)
        lesson.hub.tell_host(lesson.host.id, lesson.room_id, knock)
        return found

    monkeypatch.setattr(entering, "enter", knocked_meanwhile)
    client = lesson.open(lesson.host)
    lesson.hub.tell_host(lesson.host.id, lesson.room_id, knock)
    lesson.hub.tell_host(lesson.host.id, "another room", knock)
    assert client.events == ["welcome", "join_request"]


# Once it is open, frame by frame


class Desk:
    """An endpoint with one connection that has entered its room, and nothing behind it."""

    def __init__(self) -> None:
        self.gateway = Dispatched()
        self.wire = Wire()
        self.connection = a_connection(self.wire)
        self.connection.room_id = ROOM
        nothing: Any = None
        self.endpoint = RoomEndpoint(self.gateway, nothing, nothing, nothing, sleep=nothing, pages=nothing)  # type: ignore[arg-type]

    def tell(self, **frame: Any) -> list[Any]:
        """The answers to one frame."""
        return self.tell_text(json.dumps(frame))

    def tell_text(self, text: str) -> list[Any]:
        before = len(self.wire.texts)
        self.endpoint.receive(self.connection, text)
        return self.wire.texts[before:]

    @property
    def code(self) -> int | None:
        """The close code, if it is closed."""
        return self.wire.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("ref", [1, 0, -7, 2**53 - 1, "", "a", "é" * 64])
def test_a_command_reaches_the_gateway_and_is_answered_under_its_ref(desk: Desk, ref: int | str) -> None:
    assert desk.tell(ref=ref, command="typing", data={"typing": True}) == [{"ref": ref, "ok": True}]
    assert desk.gateway.calls == [("typing", {"typing": True, "room_id": ROOM}, ref)]


@pytest.mark.parametrize("frame", [{"command": "typing"}, {"ref": None, "command": "typing", "data": {}}])
def test_a_command_without_a_ref_is_carried_out_unanswered(desk: Desk, frame: dict[str, Any]) -> None:
    assert desk.tell(**frame) == []
    assert desk.gateway.calls == [("typing", {"room_id": ROOM}, None)]
    assert desk.code is None


def test_the_room_may_be_named_and_must_be_this_one(desk: Desk) -> None:
    (good,) = desk.tell(ref=1, command="room_close", data={"room_id": ROOM})
    assert good["ok"]
    for other in ("0" * 20, "", None, 5, [ROOM]):
        (refused,) = desk.tell(ref=2, command="room_close", data={"room_id": other})
        assert refused["error"]["code"] == "invalid_payload"
        assert list(refused["error"]["fields"]) == ["room_id"]
    assert len(desk.gateway.calls) == 1
    assert desk.code is None


def test_a_command_that_is_about_no_room_gets_none(desk: Desk) -> None:
    desk.tell(ref=1, command="token_refresh", data={"token": "x"})
    assert desk.gateway.calls == [("token_refresh", {"token": "x"}, 1)]


@pytest.mark.parametrize(
    "name", ["nope", "", "room_enter", "room_leave", "notifications_mark_read", "connect", "welcome"]
)
def test_what_does_not_exist_here_is_an_unknown_command(desk: Desk, name: str) -> None:
    (refused,) = desk.tell(ref=1, command=name)
    assert refused["ref"] == 1
    assert refused["error"]["code"] == "unknown_command"
    assert not desk.connection.closed
    assert desk.tell(command=name) == [{"event": "bye", "data": {"code": "bad_packet"}}]
    assert desk.code == 1002
    assert desk.gateway.calls == []


@pytest.mark.parametrize("text", ['{"ref":1,"ref":2,"command":"typing"}', '{"command":"typing","data":{"a":1,"a":1}}'])
def test_a_key_named_twice_is_refused_and_the_connection_stays(desk: Desk, text: str) -> None:
    (refused,) = desk.tell_text(text)
    assert refused["error"]["code"] == "invalid_payload"
    assert desk.code is None
    assert desk.gateway.calls == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "1",
        "null",
        '"typing"',
        "{}",
        '{"ref":1}',
        '{"command":5}',
        '{"command":null}',
        '{"command":["typing"]}',
        '{"command":"typing","data":[]}',
        '{"command":"typing","data":null}',
        '{"command":"typing","data":"x"}',
        '{"command":"typing","more":1}',
        '{"ref":true,"command":"typing"}',
        '{"ref":1.5,"command":"typing"}',
        '{"ref":[],"command":"typing"}',
        '{"ref":{},"command":"typing"}',
        '{"ref":9007199254740992,"command":"typing"}',
        '{"ref":' + "9" * 5000 + ',"command":"typing"}',
        '{"ref":"' + "x" * 65 + '","command":"typing"}',
        '{"command":"typing","data":{"n":NaN}}',
        '{"command":"typing","data":{"n":1e400}}',
        '{"command":"typing","data":{"n":"\\ud800"}}',
        '{"command":"typing","data":' + '{"a":' * 3000 + "1" + "}" * 3000 + "}",
        '2/chat,["typing",{}]',
    ],
)
def test_what_is_no_frame_of_ours_closes_the_connection(desk: Desk, text: str) -> None:
    assert desk.tell_text(text) == [{"event": "bye", "data": {"code": "bad_packet"}}]
    assert desk.code == 1002
    assert desk.gateway.calls == []
