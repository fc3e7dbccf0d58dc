"""Who may open a socket, for how long, and what ends it at once. Every bad credential through every door."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from tests.scenarios.classroom import room_with
from tests.support.people import Person
from tests.support.rawsocket import EIO_QUERY, EnginePolling, EngineWebSocket, RawWebSocket, sio_connect
from tests.support.server import ServerProcess
from tests.support.tokens import access_token, claims
from tests.wire.line import Line

pytestmark = pytest.mark.service

SERVER_ENV = {"TICKET_SECONDS": "2", "LIMIT_LOGIN": "1000/minute"}


@pytest.fixture(scope="module")
def person(server: ServerProcess) -> Person:
    return server.student()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


class Forger:
    """Makes tokens that are almost good."""

    def __init__(self, server: ServerProcess, person: Person) -> None:
        self.secret = server.env["JWT_SECRET_KEY"]
        self.person = person

    def token(self, **changes: Any) -> str:
        """Rightly signed, with other claims."""
        return access_token(self.secret, self.person.id, self.person.session_id, **changes)

    def signed(self, key: str | bytes, header: dict[str, Any] | None = None, digest: Any = hashlib.sha256) -> str:
        """The right claims, under this header, signed with `key`."""
        key = key.encode() if isinstance(key, str) else key
        body = json.dumps(claims(self.person.id, self.person.session_id)).encode()
        text = f"{encoded(json.dumps(header or {'alg': 'HS256', 'typ': 'JWT'}).encode())}.{encoded(body)}"
        return f"{text}.{encoded(hmac.new(key, text.encode(), digest).digest())}"


def header(**extra: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "JWT", **extra}


FORGERIES: dict[str, Callable[[Forger], Any]] = {
    "empty": lambda forge: "",
    "a number": lambda forge: 5,
    "nothing": lambda forge: None,
    "a list": lambda forge: [forge.token()],
    "an object": lambda forge: {"token": forge.token()},
    "not a token": lambda forge: "hello",
    "ten kilobytes": lambda forge: "a" * 10240,
    "ten kilobytes that look like one": lambda forge: f"{'a' * 5000}.{'b' * 5000}.c",
    "signed with another key": lambda forge: forge.signed("k" * 48),
    "signed with an empty key": lambda forge: forge.signed(""),
    "signed with a well-known key": lambda forge: forge.signed("secret"),
    "signed with the other secret's name": lambda forge: forge.signed("JWT_SECRET_KEY"),
    "not signed": lambda forge: forge.signed("", header(alg="none")).rpartition(".")[0] + ".",
    "none with a signature": lambda forge: forge.signed(forge.secret, header(alg="none")),
    "HS512": lambda forge: forge.signed(forge.secret, header(alg="HS512"), hashlib.sha512),
    "RS256": lambda forge: forge.signed(forge.secret, header(alg="RS256")),
    "a critical extension": lambda forge: forge.signed(forge.secret, header(crit=["exp"])),
    "a key in it": lambda forge: forge.signed(forge.secret, header(jwk={"kty": "oct", "k": "AAAA"})),
    "an address of keys": lambda forge: forge.signed(forge.secret, header(jku="http://127.0.0.1:1/keys")),
    "an address of a certificate": lambda forge: forge.signed(forge.secret, header(x5u="http://127.0.0.1:1/cert")),
    "a key's name": lambda forge: forge.signed(forge.secret, header(kid="../../dev/null")),
    "a refresh token": lambda forge: forge.person.sign_in()["refresh_token"],
    "the type of a refresh token": lambda forge: forge.token(type="refresh"),
    "expired": lambda forge: forge.token(exp=int(time.time()) - 60),
    "not yet good": lambda forge: forge.token(nbf=int(time.time()) + 3600),
    "for ever": lambda forge: forge.token(exp=None),
    "an expiry that is text": lambda forge: forge.token(exp="tomorrow"),
    "another school's": lambda forge: forge.token(iss="elsewhere"),
    "for another audience": lambda forge: forge.token(aud="elsewhere"),
    "no audience": lambda forge: forge.token(aud=None),
    "a user that is a number": lambda forge: forge.token(sub=7),
    "a user that does not exist": lambda forge: forge.token(sub="a" * 20),
    "somebody else's session": lambda forge: forge.token(sid="b" * 20),
    "no session": lambda forge: forge.token(sid=None),
    "a session that is a list": lambda forge: forge.token(sid=[forge.person.session_id]),
}


@pytest.fixture(params=list(FORGERIES.values()), ids=list(FORGERIES))
def forgery(server: ServerProcess, person: Person, request: pytest.FixtureRequest) -> Any:
    return request.param(Forger(server, person))


def test_a_bad_token_opens_no_namespace(server: ServerProcess, person: Person, forgery: Any) -> None:
    with Line.open(server) as line:
        for namespace in ("/chat", "/notifications"):
            refusal = line.connect({"token": forgery}, namespace)
            assert refusal.type == 4 and refusal.data["data"]["code"] == "unauthorized", refusal
        assert line.connect({"token": person.token}).type == 0, "a good one still opens it"


def test_a_bad_token_opens_no_plain_websocket(server: ServerProcess, person: Person, forgery: Any) -> None:
    if not isinstance(forgery, str):
        forgery = json.dumps(forgery)
    room_id = room_with(server.teacher(), [person])
    if len(forgery) > 8000:
        forgery = forgery[:6000]
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={quote(forgery)}") as ws:
        assert ws.wait_close() == 4401


def test_a_bad_token_asks_nothing_over_rest(server: ServerProcess, person: Person, forgery: Any) -> None:
    if not isinstance(forgery, str):
        forgery = json.dumps(forgery)
    answer = person.rest.call("GET", "/api/chat/", token=forgery or " ")
    refusal = (431, "too_large") if len(forgery) > 8192 else (401, "unauthorized")
    assert (answer.status, answer.code) == refusal


def test_these_forgeries_are_forgeries_of_the_servers_own_tokens(server: ServerProcess, person: Person) -> None:
    own = person.sign_in()["access_token"]
    assert jwt.get_unverified_header(own) == jwt.get_unverified_header(person.token)
    real = jwt.decode(own, options={"verify_signature": False})
    made = jwt.decode(person.token, options={"verify_signature": False})
    assert real.keys() == made.keys()
    assert {name: real[name] for name in ("type", "iss", "aud", "sub")} == {
        name: made[name] for name in ("type", "iss", "aud", "sub")
    }


@pytest.mark.parametrize(
    "auth", [{}, {"Token": "x"}, {"token": "x", "ticket": "y"}, {"ticket": ""}, {"ticket": 5}, {"ticket": "x" * 9000}]
)
def test_an_auth_with_something_else_is_unauthorized(server: ServerProcess, auth: dict[str, Any]) -> None:
    with Line.open(server) as line:
        refusal = line.connect(auth)
        assert refusal.type == 4 and refusal.data["data"]["code"] == "unauthorized"


def test_a_token_beside_a_good_one_spoils_both(server: ServerProcess, person: Person) -> None:
    with Line.open(server) as line:
        both = {"token": person.token, "ticket": person.rest.ticket()}
        assert line.connect(both).type == 4
        assert line.connect({"token": person.token}).type == 0


def test_a_role_in_the_token_counts_for_nothing(server: ServerProcess, person: Person) -> None:
    forged = Forger(server, person).token(role="teacher", roles=["admin"])
    with Line.open(server) as line:
        assert line.connect({"token": forged}).type == 0
        assert line.code("room_create", {"title": "Mine"}) == "forbidden"
    assert person.rest.call("POST", "/api/chat/create/", {"title": "Mine"}, token=forged).status == 403


@pytest.mark.parametrize("more", ["after=1&after=2", "epoch=a&epoch=b", "token=x"])
def test_a_parameter_that_comes_twice_opens_no_plain_websocket(
    server: ServerProcess, person: Person, more: str
) -> None:
    room_id = room_with(server.teacher(), [person])
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?{more}&token={person.token}") as ws:
        assert ws.json()["error"]["code"] == "invalid_payload"
        assert ws.wait_close() == 1002


def test_a_token_in_the_url_is_no_credential_and_not_in_the_log(server: ServerProcess, person: Person) -> None:
    answer = person.rest.call("GET", f"/api/chat/?token={person.token}", token="")
    assert answer.code == "unauthorized"
    opening = f"{EIO_QUERY}websocket&token={person.token}"
    for auth in (None, {}, {"token": ""}):
        with EngineWebSocket.open(server.address, opening) as ws:
            refused = Line(ws).connect(auth)
            assert refused.type == 4 and refused.data["data"]["code"] == "unauthorized"
    with EngineWebSocket.open(server.address, opening) as ws:
        assert Line(ws).connect({"token": person.token}).type == 0, "where it belongs it counts"
    polling = person.rest.session.get(
        f"{server.url}/socket.io/?EIO=4&transport=polling&token={person.token}", timeout=5
    )
    assert polling.status_code == 200  # Engine.IO opens for everybody; the namespace does not
    room_id = room_with(server.teacher(), [person])
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={person.token}") as ws:
        assert ws.json()["event"] == "welcome"
    assert person.token not in server.log()
    assert person.token.split(".")[2] not in server.log()


def test_a_ticket_opens_one_socket_once(server: ServerProcess, person: Person) -> None:
    room_id = room_with(server.teacher(), [person])
    ticket = person.rest.ticket()
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?ticket={ticket}") as ws:
        assert ws.json()["data"]["me"]["user"] == person.user
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?ticket={ticket}") as ws:
        assert ws.wait_close() == 4401
    with Line.open(server) as line:
        assert line.connect({"ticket": ticket}).data["data"]["code"] == "unauthorized"
        assert line.connect({"ticket": person.rest.ticket()}).type == 0
        assert line.enter(room_id)["ok"]


def test_a_ticket_grows_old(server: ServerProcess, person: Person) -> None:
    ticket = person.rest.ticket()
    time.sleep(2.1)  # the ticket's own life, by the clock
    with Line.open(server) as line:
        assert line.connect({"ticket": ticket}).data["data"]["code"] == "unauthorized"


class TestTheEnd:
    """What ends a session ends its sockets, at once, and nothing opens with its token any more."""

    def signed_in(self, server: ServerProcess) -> tuple[Person, str]:
        """Somebody with a session of their own, and the id of a room that they are in."""
        student = server.student()
        fresh = Person.signed_in(server.url, student.username, student.password)
        return fresh, room_with(server.teacher(), [fresh])

    def test_a_logout_ends_every_kind_of_socket_within_a_second(self, server: ServerProcess) -> None:
        person, room_id = self.signed_in(server)
        polling = EnginePolling.open(server.address)
        polling.post(sio_connect("/chat", {"token": person.token}))
        assert polling.get()[0].startswith("40/chat,")
        with (
            Line.open(server, person) as line,
            RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={person.token}") as ws,
        ):
            line.enter(room_id)
            assert ws.json()["event"] == "welcome"
            begun = time.monotonic()
            person.rest.logout().ok()
            assert line.ws.until("/chat", "bye", 1).data[1]["code"] == "revoked"
            assert ws.wait_close(1) == 4401
            assert any('"revoked"' in packet for packet in polling.get(1))
            assert time.monotonic() - begun < 1
            line.ws.wait_cut(3)
        assert person.rest.get("/api/chat/").status == 401
        with Line.open(server) as line:
            assert line.connect({"token": person.token}).data["data"]["code"] == "unauthorized"

    def test_ending_one_session_leaves_the_other(self, server: ServerProcess) -> None:
        person, room_id = self.signed_in(server)
        other = Person.signed_in(server.url, person.username, person.password)
        with Line.open(server, person) as line, Line.open(server, other) as kept:
            line.enter(room_id)
            kept.enter(room_id)
            sessions = other.rest.get("/api/auth/sessions/").ok()["items"]
            assert {person.session_id, other.session_id} <= {session["id"] for session in sessions}
            other.rest.call("DELETE", f"/api/auth/sessions/{person.session_id}/").ok()
            assert line.ws.until("/chat", "bye", 1).data[1]["code"] == "revoked"
            assert kept.code("message_send", {"room_id": room_id, "client_id": "c", "body": "still here"}) == "ok"

    def test_a_used_refresh_token_ends_the_session_and_its_sockets(self, server: ServerProcess) -> None:
        student = server.student()
        signed_in = student.sign_in()
        thief = Person(server.url, signed_in["user"], signed_in["access_token"])
        fresh = student.rest.refresh(signed_in["refresh_token"]).ok(200)
        with Line.open(server, thief) as line:
            assert student.rest.refresh(signed_in["refresh_token"]).code == "unauthorized"
            assert line.ws.until("/chat", "bye", 1).data[1]["code"] == "revoked"
        assert student.rest.call("GET", "/api/chat/", token=fresh["access_token"]).status == 401

    def test_an_expired_token_ends_its_sockets(self, server: ServerProcess) -> None:
        enrolled = server.student()
        short = Forger(server, enrolled).token(exp=int(time.time()) + 3)
        person = Person(server.url, enrolled.user, short)
        room_id = room_with(server.teacher(), [enrolled])
        with (
            Line.open(server, person) as line,
            RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={short}") as ws,
        ):
            assert ws.json()["event"] == "welcome"
            assert line.ws.until("/chat", "bye", 6).data[1]["code"] == "expired"
            assert ws.wait_close(3) == 4401

    @pytest.mark.parametrize("namespace", ["/chat", "/notifications"])
    def test_a_fresh_token_keeps_the_whole_connection(self, server: ServerProcess, namespace: str) -> None:
        student = server.student()
        short = Forger(server, student).token(exp=int(time.time()) + 3)
        with Line.open(server, Person(server.url, student.user, short)) as line:
            assert line.connect({"token": short}, "/notifications").type == 0
            assert line.ask("token_refresh", {"token": student.token}, namespace)["ok"]
            with pytest.raises(TimeoutError):
                line.ws.until("/chat", "bye", 5)
            assert line.still_works()

    def test_a_bad_fresh_token_is_refused_and_changes_nothing(self, server: ServerProcess) -> None:
        student = server.student()
        with Line.open(server, student) as line:
            assert line.code("token_refresh", {"token": "hello"}) == "unauthorized"
            assert line.code("token_refresh", {}) == "invalid_payload"
            assert line.still_works()

    def test_somebody_elses_token_closes_the_connection(self, server: ServerProcess) -> None:
        student, other = server.students(2)
        with Line.open(server, student) as line:
            line.ws.send_packet('42/chat,1["token_refresh",' + json.dumps({"token": other.token}) + "]")
            assert line.ws.until("/chat", "bye").data[1]["code"] == "bad_packet"
            line.ws.wait_cut(5)
        room_id = room_with(server.teacher(), [student])
        with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={student.token}") as ws:
            ws.json()
            ws.send_json({"ref": 1, "command": "token_refresh", "data": {"token": other.token}})
            assert ws.wait_close() == 1002

    def test_a_sixth_connection_sends_the_oldest_away(self, server: ServerProcess) -> None:
        student = server.student()
        lines = [Line.open(server, student) for _ in range(6)]
        opened = [line.__enter__() for line in lines[:5]]
        assert all(line.still_works() for line in opened)
        opened.append(lines[5].__enter__())
        assert opened[0].ws.until("/chat", "bye", 2).data[1]["code"] == "too_many"
        opened[0].ws.wait_cut(5)
        assert all(line.still_works() for line in opened[1:])
        for line in lines:
            line.__exit__(None, None, None)


def test_a_plain_websocket_needs_a_place_in_the_room(server: ServerProcess) -> None:
    teacher, inside, waiting, stranger = server.teacher(), *server.students(3)
    room_id = room_with(teacher, [inside])
    waiting.rest.knock(room_id).ok(201)

    def told(person: Person, room: str) -> tuple[Any, int | None]:
        """The error before the close, and the close code; of a welcome nothing."""
        with RawWebSocket.open(server.address, f"/ws/chat/{room}/?token={person.token}") as ws:
            first = ws.json(5)
            return (None, None) if first.get("event") == "welcome" else (first["error"], ws.wait_close(5))

    assert told(inside, room_id) == (None, None)
    error, code = told(waiting, room_id)
    assert (error["code"], error["data"], code) == ("forbidden", {"my_role": "pending"}, 4403)
    error, code = told(stranger, room_id)
    assert (error["code"], "data" in error, code) == ("not_found", False, 4404)
    assert told(stranger, "a" * 20) == told(stranger, "nowhere") == (error, code)
