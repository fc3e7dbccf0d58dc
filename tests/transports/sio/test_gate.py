"""The packet gate on a real Socket.IO server without a wire: every packet of CASES A, and what happens when a socket
ends in the middle of connecting."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import engineio
import pytest
import socketio

from chatapp.realtime.connection import Cork
from chatapp.transports.apart import here
from chatapp.transports.gateway import Ref, answer
from chatapp.transports.sio import installing
from chatapp.transports.sio.connection import SioConnection
from chatapp.transports.sio.engine import EngineSocket
from chatapp.transports.sio.gate import Gate
from chatapp.transports.sio.manager import LocalManager
from chatapp.transports.sio.namespaces import ChatNamespace, GatedNamespace, NotificationsNamespace
from tests.realtime.doubles import Clock

CLOSE = "close"
NAMESPACES = ["/chat", "/notifications"]


@dataclass
class Dispatched:
    """A gateway that writes down what reaches it, and answers."""

    apart = staticmethod(here)

    calls: list[tuple[str, str, dict[str, Any], Ref]] = field(default_factory=list)

    def dispatch(self, connection: SioConnection, namespace: str, name: str, data: dict[str, Any], ref: Ref) -> None:
        self.calls.append((namespace, name, data, ref))
        answer(connection, namespace, ref, {})


def nothing(*_: object) -> None:
    """Admits everybody, notes nothing."""


class Quiet(ChatNamespace):
    """A namespace that declares one command."""

    def __init__(self) -> None:
        super().__init__(nothing, nothing)
        self.commands = frozenset({"typing"})


class Wire:
    """A gate, its server, and Engine.IO sockets whose packets are read from the library's queue."""

    def __init__(self, *namespaces: GatedNamespace) -> None:
        self.server = socketio.Server(
            async_mode="threading",
            client_manager=LocalManager(),
            namespaces=NAMESPACES,
            async_handlers=False,
            monitor_clients=False,
        )
        self.eio: engineio.Server = self.server.eio
        installing.install(self.eio, slow_bytes=10**6, slow_seconds=10.0)
        self.clock = Clock()
        self.gateway = Dispatched()
        self.connected: list[tuple[str, str]] = []
        self.left: list[tuple[str, str]] = []
        self.spawned: list[Callable[[], object]] = []
        self.during: Callable[[str], None] = lambda eio_sid: None
        self.gate = Gate(
            self.server,
            self.gateway,  # type: ignore[arg-type]
            namespaces or (ChatNamespace(nothing, nothing), NotificationsNamespace(nothing, nothing)),
            lambda connection, namespace: self.connected.append((connection.id, namespace)),
            self._left,
            clock=self.clock,
        )
        self.gate.install()
        for namespace in NAMESPACES:
            self.server.on("connect", self._connecting(namespace), namespace=namespace)
            self.server.on("disconnect", self._disconnecting(namespace), namespace=namespace)

    def open(self, eio_sid: str = "e1") -> EngineSocket:
        """A new Engine.IO socket, without a CONNECT yet."""
        self.eio.sockets[eio_sid] = engineio.socket.Socket(self.eio, eio_sid)
        self.eio.handlers["connect"](eio_sid, {})
        opened = self.eio.sockets[eio_sid]
        assert isinstance(opened, EngineSocket)
        opened.connected = True
        return opened

    def receive(self, *packets: Any, eio_sid: str = "e1") -> list[str]:
        """What the client gets for these Engine.IO messages: Socket.IO packets, `close` at the end of the socket."""
        for packet in packets:
            self.gate.receive(eio_sid, packet)
        return self.sent(eio_sid)

    def sent(self, eio_sid: str = "e1") -> list[str]:
        socket = self.eio.sockets[eio_sid]
        said = []
        while not socket.queue.empty():
            packet = socket.queue.get()
            if packet is not None and packet.packet_type == engineio.packet.MESSAGE:
                said.append(packet.data)
        connection = self.gate.connections.get(eio_sid)
        if socket.closed or (connection is not None and connection.closed):
            said.append(CLOSE)
        return said

    def join(self, *namespaces: str, eio_sid: str = "e1") -> EngineSocket:
        """A socket that is connected to these namespaces."""
        opened = self.open(eio_sid)
        for namespace in namespaces or NAMESPACES:
            self.receive(f'0{namespace},{{"token":"good"}}', eio_sid=eio_sid)
        return opened

    def _connecting(self, namespace: str) -> Callable[[str, Any, Any], None]:
        def connect(sid: str, environ: Any, auth: Any) -> None:
            eio_sid = self.server.manager.eio_sid_from_sid(sid, namespace)
            if not isinstance(auth, dict) or auth.get("token") != "good":
                raise socketio.exceptions.ConnectionRefusedError("unauthorized", {"code": "unauthorized"})
            self.during(eio_sid)
            if eio_sid not in self.gate.connections:
                connection = SioConnection(
                    self.eio.sockets[eio_sid],
                    user_id="ada",
                    session_id="s",
                    expires_at=2.0**40,
                    cork=Cork(),
                    spawn=lambda task, *args: self.spawned.append(lambda: task(*args)),
                    sleep=lambda seconds: None,
                )
                self.gate.admit(connection)

        return connect

    def _disconnecting(self, namespace: str) -> Callable[[str, str], None]:
        def disconnect(sid: str, reason: str) -> None:
            self._left(self.server.manager.eio_sid_from_sid(sid, namespace), namespace)

        return disconnect

    def _left(self, eio_sid: str, namespace: str) -> None:
        self.left.append((eio_sid, namespace))
        connection = self.gate.connections.get(eio_sid)
        if connection is not None:
            connection.namespaces.discard(namespace)
            if not connection.namespaces or connection.socket.closed or connection.socket.closing:
                self.gate.forget(eio_sid)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def error(packet: str) -> str:
    """The code of an ack that refuses, or of a CONNECT_ERROR."""
    payload = json.loads(packet[packet.index(",") + 1 :].lstrip("0123456789"))
    body = payload[0]["error"] if isinstance(payload, list) else payload.get("data", payload)
    return str(body.get("code", body.get("message")))


# Before anybody is known


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "x",
        "7",
        "2[]",
        "2[{}]",
        '2["message_send",{}]',
        '2/chat,["message_send",{}]',
        '2/chat,1["message_send",{}]',
        "0/chat,[1]",
        '0/chat,"x"',
        "0/chat,{",
        "0/chat,NaN",
        '0/chat,5{"token":"good"}',
        '0/chat,{"a":1,"a":2}',
        '0/chat?x=1,{"token":"good"}',
        "0/chat," + '{"token":"' + "x" * 20_000 + '"}',
        "1/chat,1",
        "1/chat,{}",
        "3/chat,1[]",
        "4/chat,{}",
        '51-/chat,["message_send",{"_placeholder":true,"num":0}]',
        '5999999999-/chat,["x"]',
        "61-/chat,1[]",
        b"\x00",
        b'0/chat,{"token":"good"}',
        None,
        "0/" + "x" * 200 + ",{}",
    ],
)
def test_what_is_no_packet_for_a_stranger_closes_the_socket(wire: Wire, packet: Any) -> None:
    wire.open()
    assert wire.receive(packet)[-1:] == [CLOSE]
    assert wire.gateway.calls == []
    assert wire.gate.connections == {}


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        ("0", "Unable to connect"),
        ('0{"token":"good"}', "Unable to connect"),
        ("0/admin,", "Unable to connect"),
        ("0/chat,", "unauthorized"),
        ("0/chat,{}", "unauthorized"),
        ('0/chat,{"token":"bad"}', "unauthorized"),
        ('0/notifications,{"token":1}', "unauthorized"),
    ],
)
def test_a_connect_that_is_refused_is_answered_and_the_socket_stays_for_another_try(
    wire: Wire, packet: str, code: str
) -> None:
    wire.open()
    (said,) = wire.receive(packet)
    assert said.startswith("4")
    assert code in said
    assert wire.connected == []
    assert list(wire.gate.strangers) == ["e1"]
    (said,) = wire.receive('0/chat,{"token":"good"}')
    assert said.startswith("0/chat,")
    assert wire.gate.strangers == {}


def test_leaving_what_one_never_entered_is_nothing(wire: Wire) -> None:
    wire.open()
    assert wire.receive("1/chat,", "1", "1/admin,") == []
    assert wire.left == []


# Once somebody is known


@pytest.mark.parametrize(
    "packet",
    [
        "2[]",
        "2/chat,[]",
        "2/chat,[{}]",
        "2/chat,{}",
        "2/chat,",
        '2/chat,"message_send"',
        '2/chat,["nope",{}]',
        '2/chat,["connect",{}]',
        '2/chat,["disconnect"]',
        '2/chat,["message_send"]',
        '2/chat,7["message_send"]',
        '2/chat,["message_send",{},{}]',
        '2/chat,["message_send",[]]',
        '2/chat,["message_send",null]',
        '2/chat,["message_send",{"a":1,"a":2}]',
        '2/chat,1["message_send",{"n":NaN}]',
        '2/chat,1["message_send",{"n":Infinity}]',
        '2/chat,1["message_send",{"n":1e400}]',
        '2/chat,1["message_send",{"n":' + "9" * 5000 + "}]",
        '2/chat,1["message_send",{"n":"\\ud800"}]',
        '2/chat,1["message_send",' + '{"a":' * 2000 + "1" + "}" * 2000 + "]",
        '2/chat,1234567890["message_send",{}]',
        '2/chat,12345678901["message_send",{}]',
        '2/notifications,["message_send",{}]',
        '2/chat,["notifications_mark_read",{}]',
        "3/chat,1[]",
        "4/chat,{}",
        '51-/chat,1["message_send",{"_placeholder":true,"num":0}]',
        "61-/chat,1[]",
        b"\x00\x01",
        "1/chat,x",
        "1/chat,1",
        "0/chat,[1]",
    ],
)
def test_what_is_no_packet_of_ours_closes_the_connection_with_its_reason(wire: Wire, packet: Any) -> None:
    wire.join()
    assert wire.receive(packet) == [
        '2/chat,["bye",{"code":"bad_packet"}]',
        '2/notifications,["bye",{"code":"bad_packet"}]',
        CLOSE,
    ]
    assert wire.gateway.calls == []
    assert wire.receive('2/chat,1["typing",{}]') == [CLOSE]
    assert wire.gateway.calls == []


def test_the_gate_dispatches_what_the_namespaces_declare_and_nothing_else() -> None:
    wire = Wire(Quiet())
    wire.join("/chat")
    wire.receive('2/chat,1["typing",{}]')
    assert wire.gateway.calls == [("/chat", "typing", {}, 1)]
    (refused,) = wire.receive('2/chat,2["room_close",{}]')
    assert error(refused) == "unknown_command"
    assert wire.receive('0/notifications,{"token":"good"}', '2/notifications,3["token_refresh",{}]')[-1] == CLOSE
    assert len(wire.gateway.calls) == 1


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        ('2/chat,1["nope",{}]', "unknown_command"),
        ('2/chat,1["connect",{}]', "unknown_command"),
        ('2/chat,1["disconnect",{}]', "unknown_command"),
        ('2/chat,1["nope"]', "unknown_command"),
        ('2/notifications,1["message_send",{}]', "unknown_command"),
        ('2/chat,1["notifications_mark_read",{}]', "unknown_command"),
        ('2/chat,1["message_send",{"a":1,"a":2}]', "invalid_payload"),
        ('2/chat,1["message_send",{"a":{"b":1,"b":1}}]', "invalid_payload"),
    ],
)
def test_a_packet_of_ours_that_is_wrong_is_answered_and_the_connection_stays(
    wire: Wire, packet: str, code: str
) -> None:
    wire.join()
    (said,) = wire.receive(packet)
    assert said.startswith(packet[: packet.index("1[")].replace("2", "3", 1) + "1[")
    assert error(said) == code
    assert wire.receive('2/chat,2["typing",{}]') == ['3/chat,2[{"ok":true}]']


@pytest.mark.parametrize("ref", [0, 7, 999_999_999])
def test_a_command_reaches_the_gateway_with_its_ack_id(wire: Wire, ref: int) -> None:
    wire.join()
    assert wire.receive(f'2/chat,{ref}["message_send",{{"body":"é"}}]') == [f'3/chat,{ref}[{{"ok":true}}]']
    assert wire.gateway.calls == [("/chat", "message_send", {"body": "é"}, ref)]


def test_a_command_without_an_ack_id_is_carried_out_unanswered(wire: Wire) -> None:
    wire.join()
    assert wire.receive('2/chat,["typing",{}]', '2/notifications,["notifications_mark_read",{}]') == []
    assert [call[1:] for call in wire.gateway.calls] == [("typing", {}, None), ("notifications_mark_read", {}, None)]


def test_commands_keep_their_order(wire: Wire) -> None:
    wire.join()
    wire.receive(*(f'2/chat,{n}["typing",{{"n":{n}}}]' for n in range(50)))
    assert [call[3] for call in wire.gateway.calls] == list(range(50))


def test_only_a_namespace_one_is_connected_to_takes_commands(wire: Wire) -> None:
    wire.join("/notifications")
    assert wire.receive('2/chat,1["typing",{}]')[-1] == CLOSE


# Connecting and leaving


def test_the_client_knows_that_it_is_connected_before_anybody_is_told(wire: Wire) -> None:
    wire.open()
    said: list[list[str]] = []
    wire.gate._connected = lambda connection, namespace: said.append(wire.sent())
    wire.receive('0/chat,{"token":"good"}')
    assert said[0][0].startswith('0/chat,{"sid":')
    assert wire.gate.connections["e1"].namespaces == {"/chat"}


def test_a_second_connect_to_a_namespace_is_refused_and_the_first_stays(wire: Wire) -> None:
    wire.join("/chat")
    (said,) = wire.receive('0/chat,{"token":"good"}')
    assert said.startswith("4/chat,")
    assert wire.connected == [("e1", "/chat")]
    assert wire.receive('2/chat,1["typing",{}]') == ['3/chat,1[{"ok":true}]']


def test_one_namespace_may_be_left_and_entered_again(wire: Wire) -> None:
    wire.join()
    wire.receive("1/chat,")
    assert wire.left == [("e1", "/chat")]
    assert wire.gate.connections["e1"].namespaces == {"/notifications"}
    (said,) = wire.receive('0/chat,{"token":"good"}')
    assert said.startswith("0/chat,")
    assert wire.connected[-1] == ("e1", "/chat")
    assert wire.gate.connections["e1"].namespaces == set(NAMESPACES)


def test_a_socket_that_left_every_namespace_is_a_strangers_again(wire: Wire) -> None:
    """It stayed open for ever, with nobody behind it."""
    wire.join()
    wire.receive("1/chat,", "1/notifications,")
    assert wire.gate.connections == {}
    assert wire.gate.strangers == {"e1": wire.clock()}
    wire.clock.advance(5.1)
    wire.gate.expel_strangers(5)
    assert wire.sent() == [CLOSE]
    assert wire.gate.strangers == {}


def test_strangers_are_expelled_after_their_time_and_nobody_else(wire: Wire) -> None:
    wire.open("old")
    wire.join(eio_sid="known")
    wire.clock.advance(3)
    wire.open("new")
    wire.clock.advance(2.5)
    wire.gate.expel_strangers(5)
    assert [wire.sent(name) for name in ("old", "new", "known")] == [[CLOSE], [], []]
    assert list(wire.gate.strangers) == ["new"]


def test_a_stranger_that_is_gone_already_is_forgotten(wire: Wire) -> None:
    wire.open().close()
    del wire.eio.sockets["e1"]
    wire.clock.advance(6)
    wire.gate.expel_strangers(5)
    assert wire.gate.strangers == {}


@pytest.mark.parametrize("also", [True, False])
def test_a_socket_that_ends_while_it_connects_leaves_nothing_behind(wire: Wire, also: bool) -> None:
    """The library tells nobody of it: the connection, and its row in the database, stayed for ever."""
    wire.join("/notifications") if also else wire.open()
    wire.left.clear()
    wire.during = lambda eio_sid: wire.eio.sockets[eio_sid].close()
    wire.gate.receive("e1", '0/chat,{"token":"good"}')
    assert ("e1", "/chat") in wire.left
    assert wire.connected == ([("e1", "/notifications")] if also else [])
    assert wire.gate.connections == {}
    assert wire.gate.strangers == {}
    assert wire.server.manager.rooms == {}
    assert wire.server.environ == {}


def test_a_socket_that_ended_before_its_connect_was_read_is_not_connected(wire: Wire) -> None:
    socket = wire.open()
    socket.close(wait=False, abort=True, reason=wire.eio.reason.TRANSPORT_CLOSE)
    wire.server.environ.pop("e1", None)
    wire.gate.receive("e1", '0/chat,{"token":"good"}')
    assert wire.connected == [] and "e1" not in wire.gate.connections
    assert wire.server.manager.sid_from_eio_sid("e1", "/chat") is None


def test_when_all_have_gone_nothing_is_left(wire: Wire) -> None:
    for n in range(5):
        wire.join(eio_sid=f"e{n}")
    for n in range(5):
        wire.eio.sockets[f"e{n}"].close()
    assert wire.gate.connections == {}
    assert wire.gate.strangers == {}
    assert wire.server.manager.rooms == {}
    assert wire.server.manager.pending_disconnect == {}
    assert len(wire.left) == 10
