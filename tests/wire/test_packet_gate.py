"""What is no packet of ours closes its connection, what is one but wrong is answered, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.scenarios.classroom import room_with
from tests.support.people import Person
from tests.support.rawsocket import (
    BINARY,
    CLOSE,
    EIO_QUERY,
    TEXT,
    EnginePolling,
    EngineWebSocket,
    RawWebSocket,
    RefusedError,
    http,
)
from tests.support.server import ServerProcess
from tests.support.wait import eventually
from tests.wire.line import Line

pytestmark = pytest.mark.service

SERVER_ENV = {"CONNECT_TIMEOUT_SECONDS": "1", "LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}

DIGITS = "9" * 5000
GOOD = '{"room_id":"r","client_id":"c","body":"b"}'

BROKEN = {
    "an event without a name": "42/chat,[]",
    "an event whose name is an object": "42/chat,[{}]",
    "an event whose name is a number": "42/chat,[1,{}]",
    "an event that is no list": '42/chat,{"message_send":{}}',
    "an event that is nothing": "42/chat,",
    "an unknown event that nobody waits for": '42/chat,["nope",{}]',
    "a command without an object": '42/chat,["message_send"]',
    "a command without an object that waits": '42/chat,1["message_send"]',
    "a command with three arguments": f'42/chat,["message_send",{GOOD},{GOOD}]',
    "a command with a text": '42/chat,1["message_send","hello"]',
    "a command with a list": '42/chat,1["message_send",[]]',
    "a command on the root": '42["message_send",{}]',
    "a command on a namespace that is not connected": '42/notifications,1["notifications_mark_read",{"up_to_seq":1}]',
    "a handler's name: connect": '42/chat,["connect",{}]',
    "a handler's name: disconnect": '42/chat,["disconnect",{}]',
    "an ack from a client": "43/chat,1[{}]",
    "a refusal from a client": '44/chat,{"message":"no"}',
    "an ack id of ten digits": f'42/chat,1234567890["message_send",{GOOD}]',
    "an ack id of five thousand digits": f'42/chat,{DIGITS}["message_send",{GOOD}]',
    "NaN": '42/chat,1["typing",{"room_id":NaN}]',
    "Infinity": '42/chat,1["typing",{"room_id":Infinity}]',
    "a number beyond all floats": '42/chat,1["typing",{"room_id":1e400}]',
    "an integer of five thousand digits": f'42/chat,1["typing",{{"room_id":{DIGITS}}}]',
    "a lone surrogate": '42/chat,1["typing",{"room_id":"\\ud800"}]',
    "JSON that nests deep": f'42/chat,1["typing",{{"room_id":{"[" * 8000}{"]" * 8000}}}]',
    "JSON that ends early": '42/chat,1["typing",{"room_id":',
    "a binary event": '451-/chat,["typing",{"_placeholder":true,"num":0}]',
    "a packet that announces attachments": '45999999999-/chat,["typing",{}]',
    "a binary ack": "461-/chat,1[]",
    "a namespace with a query": "40/chat?token=x,{}",
    "an unknown packet type": '47/chat,["typing",{}]',
    "no packet at all": "4hello",
    "an empty message": "4",
}


@pytest.fixture(scope="module")
def person(server: ServerProcess) -> Person:
    return server.student()


@pytest.mark.parametrize("packet", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_packet_closes_the_connection(server: ServerProcess, person: Person, packet: str) -> None:
    with Line.open(server, person) as line:
        assert line.still_works()
        line.ws.send_packet(packet)
        assert line.ws.until("/chat", "bye").data[1]["code"] == "bad_packet"
        line.ws.wait_cut(5)


@pytest.mark.parametrize("packet", BROKEN.values(), ids=BROKEN.keys())
def test_the_same_from_a_stranger_closes_too(server: ServerProcess, packet: str) -> None:
    with Line.open(server) as line:
        line.ws.send_packet(packet)
        line.ws.wait_cut(5)


@pytest.mark.parametrize("packet", ["42/chat,[]", '42/chat,["nope",{}]', "43/chat,1[{}]"])
def test_the_same_by_long_polling_closes_too(server: ServerProcess, person: Person, packet: str) -> None:
    polling = EnginePolling.open(server.address)
    assert polling.post("40/chat," + json.dumps({"token": person.token})).status == 200
    assert polling.get()[0].startswith("40/chat,")
    polling.post(packet)
    assert any('"bad_packet"' in each for each in polling.get())
    eventually(lambda: is_gone(polling), within=5, every=0.2, message="the connection is still there")


def is_gone(polling: EnginePolling) -> bool:
    """Whether a poll is refused."""
    try:
        polling.get()
    except RefusedError as refused:
        return refused.response.status == 400
    return False


@pytest.mark.parametrize("name", ["nope", "connect", "disconnect", "message", "notifications_mark_read", "__class__"])
def test_an_unknown_command_that_waits_is_answered(server: ServerProcess, person: Person, name: str) -> None:
    with Line.open(server, person) as line:
        assert line.code(name, {}) == "unknown_command"
        assert line.still_works()


def test_a_key_named_twice_is_refused_and_nothing_else_happens(server: ServerProcess) -> None:
    teacher = server.teacher()
    room_id = room_with(teacher, [])
    with Line.open(server, teacher) as line:
        twice = f'{{"room_id":"{room_id}","client_id":"one","body":"a","body":"b"}}'
        line.ws.send_packet(f'42/chat,77["message_send",{twice}]')
        assert line.ws.until_ack(77).data[0]["error"]["code"] == "invalid_payload"
        assert line.code("message_send", {"room_id": room_id, "client_id": "one", "body": "a"}) == "ok"
    assert [message["body"] for message in teacher.rest.room_log(room_id)] == [None, "a"]


@pytest.mark.parametrize("key", ["__proto__", "constructor", "prototype", "admin", "role", "seq", ""])
def test_an_unknown_field_is_refused(server: ServerProcess, person: Person, key: str) -> None:
    with Line.open(server, person) as line:
        data = {"room_id": "r", "client_id": "c", "body": "b", key: {"polluted": True}}
        answer = line.ask("message_send", data)
        assert answer["error"]["code"] == "invalid_payload" and list(answer["error"]["fields"]) == [key]
        assert line.still_works()


def test_a_socket_that_never_connects_is_closed(server: ServerProcess) -> None:
    with Line.open(server) as line:
        assert 0.5 < line.ws.wait_cut(6) < 4


def test_a_refused_connect_buys_no_time(server: ServerProcess) -> None:
    with Line.open(server) as line:
        assert line.connect({"token": "wrong"}).data["data"]["code"] == "unauthorized"
        line.ws.wait_cut(6)


def test_a_second_connect_to_the_same_namespace_changes_nothing(server: ServerProcess, person: Person) -> None:
    """Also with the token of somebody who may more: the connection stays the first one's."""
    other = server.teacher()
    with Line.open(server, person) as line:
        assert line.connect({"token": other.token}).type == 4
        assert line.still_works()
        assert line.code("room_create", {"title": "Mine"}) == "forbidden"
    with Line.open(server, other) as line:
        assert line.connect({"token": person.token}).type == 4
        assert line.code("room_create", {"title": "Mine"}) == "ok"


def test_two_people_cannot_share_a_connection(server: ServerProcess, person: Person) -> None:
    other = server.student()
    with Line.open(server, person) as line:
        assert line.connect({"token": other.token}, "/notifications").type == 4
        assert line.connect({"token": person.token}, "/notifications").type == 0
        assert line.still_works()


@pytest.mark.parametrize("namespace", ["/admin", "/", "/chat/", "/CHAT"])
def test_an_unknown_namespace_is_refused(server: ServerProcess, person: Person, namespace: str) -> None:
    with Line.open(server) as line:
        wanted = "" if namespace == "/" else f"{namespace},"
        line.ws.send_packet(f"40{wanted}{json.dumps({'token': person.token})}")
        packet = line.ws.sio()
        assert packet.type == 4


@pytest.mark.parametrize("auth", ["[1]", '"x"', "7", "true", "[]"])
def test_an_auth_that_is_no_object_closes(server: ServerProcess, auth: str) -> None:
    with Line.open(server) as line:
        line.ws.send_packet(f"40/chat,{auth}")
        line.ws.wait_cut(5)


@pytest.mark.parametrize("packet", ["40/chat,", "40/notifications,", "40/chat,{}"])
def test_a_connect_without_a_token_is_unauthorized(server: ServerProcess, packet: str) -> None:
    with Line.open(server) as line:
        line.ws.send_packet(packet)
        refusal = line.ws.sio()
        assert refusal.type == 4 and refusal.data["data"]["code"] == "unauthorized"


def test_the_root_namespace_is_refused(server: ServerProcess) -> None:
    with Line.open(server) as line:
        line.ws.send_packet("40")
        refusal = line.ws.sio()
        assert (refusal.type, refusal.namespace) == (4, "/")


# The frames below, on both kinds of WebSocket


def socketio(server: ServerProcess, person: Person) -> RawWebSocket:
    ws = EngineWebSocket.open(server.address, timeout=10)
    ws.send_packet("40/chat," + json.dumps({"token": person.token}))
    ws.sio()
    return ws


def plain(server: ServerProcess, person: Person) -> RawWebSocket:
    room_id = room_with(server.teacher(), [person])
    ws = RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={person.token}", timeout=10)
    assert ws.json()["event"] == "welcome"
    return ws


Kind = Callable[[ServerProcess, Person], RawWebSocket]
WEBSOCKETS = pytest.mark.parametrize("kind", [socketio, plain])


@WEBSOCKETS
def test_a_frame_over_the_limit_is_too_large(server: ServerProcess, person: Person, kind: Kind) -> None:
    with kind(server, person) as ws:
        ws.send_frame(TEXT, b"4" + b"x" * 32768)
        assert ws.wait_close() == 1009


@WEBSOCKETS
def test_a_message_in_fragments_over_the_limit_is_too_large(server: ServerProcess, person: Person, kind: Kind) -> None:
    with kind(server, person) as ws:
        ws.send_frame(TEXT, b"4" + b"x" * 30000, fin=False)
        ws.send_frame(0, b"x" * 30000, fin=False)
        assert ws.wait_close() == 1009


@WEBSOCKETS
def test_invalid_utf8_is_malformed(server: ServerProcess, person: Person, kind: Kind) -> None:
    with kind(server, person) as ws:
        ws.send_frame(TEXT, b'42/chat,["typing",{"a":"\xff\xfe"}]')
        assert ws.wait_close() == 1007


@WEBSOCKETS
def test_an_unmasked_frame_is_malformed(server: ServerProcess, person: Person, kind: Kind) -> None:
    with kind(server, person) as ws:
        ws.send_frame(TEXT, b"3", masked=False)
        assert ws.wait_close() == 1002


@WEBSOCKETS
@pytest.mark.parametrize(("opcode", "rsv"), [(TEXT, 4), (3, 0), (11, 0)])
def test_reserved_bits_and_opcodes_are_malformed(
    server: ServerProcess, person: Person, kind: Kind, opcode: int, rsv: int
) -> None:
    with kind(server, person) as ws:
        ws.send_frame(opcode, b"3", rsv=rsv)
        assert ws.wait_close() == 1002


@WEBSOCKETS
def test_compression_is_never_negotiated(server: ServerProcess, person: Person, kind: Kind) -> None:
    offered = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    target = EIO_QUERY + "websocket" if kind is socketio else f"/ws/chat/x/?token={person.token}"
    with RawWebSocket.open(server.address, target, headers=offered) as ws:
        assert "sec-websocket-extensions" not in ws.response.headers


def test_a_binary_frame_is_no_text(server: ServerProcess, person: Person) -> None:
    with plain(server, person) as ws:
        ws.send_frame(BINARY, b"{}")
        assert ws.wait_close() == 1003
    with socketio(server, person) as ws:
        ws.send_frame(BINARY, b"hello")
        ws.wait_cut(5)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "7", "{}", '{"command":1}', '{"command":"typing","data":[]}', '{"ref":true,"command":"typing"}',
     '{"ref":1,"command":"typing","extra":1}', '{"ref":{},"command":"typing"}', '{"ref":NaN,"command":"typing"}'],
)  # fmt: skip
def test_what_is_no_command_closes_a_plain_websocket(server: ServerProcess, person: Person, text: str) -> None:
    with plain(server, person) as ws:
        ws.send_text(text)
        assert ws.wait_close(5) == 1002


def test_an_unknown_command_on_a_plain_websocket_is_answered(server: ServerProcess, person: Person) -> None:
    with plain(server, person) as ws:
        for ref, name in enumerate(["nope", "room_enter", "room_leave", "connect"]):
            ws.send_json({"ref": ref, "command": name, "data": {}})
            answer = ws.json()
            assert (answer["ref"], answer["ok"], answer["error"]["code"]) == (ref, False, "unknown_command")
        ws.send_json({"ref": "x", "command": "messages_after", "data": {"after": 0}})
        assert ws.json()["ok"] is True
        ws.send_frame(CLOSE, b"\x03\xe8")
        assert ws.wait_close() == 1000


# The doors


@pytest.mark.parametrize(
    "query",
    ["EIO=3&transport=polling", "EIO=4&transport=carrier-pigeon", "transport=polling", "", "EIO=x&transport=polling"],
)
def test_another_protocol_is_a_bad_request(server: ServerProcess, query: str) -> None:
    assert http(server.address, "GET", f"/socket.io/?{query}").status == 400


def test_a_foreign_sid_is_a_bad_request_and_tells_nothing(server: ServerProcess, person: Person) -> None:
    with Line.open(server, person) as line:
        taken = http(server.address, "GET", f"/socket.io/?EIO=4&transport=websocket&sid={line.ws.sid}")
        guessed = http(server.address, "GET", "/socket.io/?EIO=4&transport=websocket&sid=" + "A" * len(line.ws.sid))
        assert taken.status == guessed.status == 400
        assert taken.body == guessed.body
        assert line.still_works()
    for method in ("GET", "POST"):
        unknown = http(
            server.address, method, "/socket.io/?EIO=4&transport=polling&sid=guessed", body=b"2" * (method == "POST")
        )
        assert unknown.status == 400


def test_a_foreign_page_may_not_connect(server: ServerProcess, person: Person) -> None:
    foreign = {"Origin": "https://evil.example"}
    with pytest.raises(RefusedError) as refused:
        EngineWebSocket.open(server.address, headers=foreign)
    assert refused.value.response.status in (400, 403)
    with pytest.raises(RefusedError) as refused:
        RawWebSocket.open(server.address, f"/ws/chat/x/?token={person.token}", headers=foreign)
    assert refused.value.response.status == 403
    EngineWebSocket.open(server.address, headers={"Origin": server.url}).close()
