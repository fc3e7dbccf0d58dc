"""When a connection writes directly, when it queues, and how it ends: without a server, on the library's own queues."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import engineio
import pytest
from engineio.packet import MESSAGE, Packet

from chatapp.realtime.connection import Cork
from chatapp.realtime.outgoing import Bundle, Event
from chatapp.transports.sio import installing
from chatapp.transports.sio.connection import SioConnection
from chatapp.transports.sio.engine import EngineSocket
from chatapp.transports.write_side import Backlog, WriteSide, reap
from chatapp.transports.ws.connection import WsConnection, close_frame

SLOW_BYTES = 1000


class Wire:
    """A WebSocket of the server, as far as the write side sees it."""

    def __init__(self) -> None:
        self.written = b""
        self.accepts = True
        self.aborted = False
        self.tail_bytes = 0
        self.tail_since: float | None = None
        self.websocket_closed = False
        self.sent: list[str] = []
        self.sending: Callable[[str], object] = self.sent.append

    def send(self, packet: str) -> None:
        """The way of the writer, which waits its turn."""
        self.sending(packet)

    def close(self) -> None:
        self.websocket_closed = True

    def write_now(self, frames: bytes, *, last: bool = False) -> bool:
        if self.accepts:
            self.written += frames
        return self.accepts

    def send_frames(self, frames: bytes, *, last: bool = False) -> None:
        self.written += frames

    def abort(self) -> None:
        self.aborted = True


class Later:
    """Stands in for `spawn`: what was started runs when the test says so. Nothing sleeps."""

    def __init__(self) -> None:
        self.started: list[Callable[[], object]] = []
        self.slept: list[float] = []

    def spawn(self, target: Callable[..., object], *args: object) -> Later:
        self.started.append(lambda: target(*args))
        return self

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def run(self) -> None:
        while self.started:
            self.started.pop(0)()


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def cork() -> Cork:
    return Cork()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def writer() -> Later:
    """What the Engine.IO socket starts."""
    return Later()


@pytest.fixture
def eio(writer: Later, monkeypatch: pytest.MonkeyPatch) -> engineio.Server:
    server = engineio.Server(async_mode="threading", ping_interval=0.2, ping_timeout=0.2, monitor_clients=False)
    server.on("connect", lambda _sid, _environ: None)
    monkeypatch.setattr(server, "start_background_task", writer.spawn)
    installing.install(server, slow_bytes=SLOW_BYTES, slow_seconds=10.0)
    return server


@pytest.fixture
def sock(eio: engineio.Server, wire: Wire) -> EngineSocket:
    """An upgraded socket, its OPEN packet written."""
    eio.sockets["s"] = engineio.socket.Socket(eio, "s")
    eio.handlers["connect"]("s", {})
    ours = eio.sockets["s"]
    assert isinstance(ours, EngineSocket)
    ours.ws, ours.write_now, ours.upgraded, ours.connected = wire, wire.write_now, True, True
    return ours


@pytest.fixture
def sio(sock: EngineSocket, cork: Cork, later: Later) -> SioConnection:
    connection = SioConnection(
        sock, user_id="u", session_id="s", expires_at=0.0, cork=cork, spawn=later.spawn, sleep=later.sleep
    )
    connection.namespaces.add("/chat")
    return connection


@pytest.fixture
def plain(wire: Wire, cork: Cork, later: Later) -> WsConnection:
    return WsConnection(wire, cork=cork, spawn=later.spawn, sleep=later.sleep, slow_bytes=SLOW_BYTES, slow_seconds=10.0)


def tick(n: int, pad: str = "") -> Event:
    return Event.of("/chat", "tick", {"n": n, "pad": pad})


def queued(sock: EngineSocket) -> list[Any]:
    return [packet and packet.encode() for packet in list(sock.queue.queue)]


def is_slow(connection: WriteSide) -> bool:
    return connection.slow


def waits(connection: WriteSide) -> bool:
    return connection.backlogged


# Socket.IO


def test_an_upgraded_reader_with_nothing_before_it_is_written_directly(sio: SioConnection, wire: Wire) -> None:
    sio.send(tick(1))
    sio.send(Bundle([tick(2), tick(3)]))
    assert wire.written == tick(1).sio_frame + tick(2).sio_frame + tick(3).sio_frame
    assert queued(sio.socket) == []


def polling(sock: EngineSocket, _wire: Wire) -> None:
    sock.upgraded, sock.ws, sock.write_now = False, None, None


def upgrading(sock: EngineSocket, _wire: Wire) -> None:
    sock.upgraded, sock.upgrading = False, True


def upgraded_but_still_upgrading(sock: EngineSocket, _wire: Wire) -> None:
    sock.upgrading = True


def busy(_sock: EngineSocket, wire: Wire) -> None:
    wire.accepts = False


def without_a_direct_write(sock: EngineSocket, _wire: Wire) -> None:
    sock.write_now = None


def behind_another(sock: EngineSocket, _wire: Wire) -> None:
    sock.queue.put(Packet(MESSAGE, "first"))


@pytest.mark.parametrize(
    "state", [polling, upgrading, upgraded_but_still_upgrading, busy, without_a_direct_write, behind_another]
)
def test_otherwise_everything_waits_its_turn_in_the_librarys_queue(
    sio: SioConnection, wire: Wire, writer: Later, state: Callable[[EngineSocket, Wire], None]
) -> None:
    state(sio.socket, wire)
    sio.send(Bundle([tick(1), tick(2)]))
    wire.accepts = True
    sio.send(tick(3))
    packets = [packet for packet in queued(sio.socket) if packet != "4first"]
    assert packets == [f"4{tick(n).packet}" for n in (1, 2, 3)][: len(packets)]
    assert len(packets) == 3
    assert wire.written == b""
    has_writer = state in (busy, behind_another, upgraded_but_still_upgrading)
    assert len(writer.started) == has_writer
    writer.run()
    assert [packet for packet in wire.sent if packet != "4first"] == (packets if has_writer else [])


def test_the_cork_gathers_one_write_in_the_order_of_sending(sio: SioConnection, cork: Cork, wire: Wire) -> None:
    with cork.gather():
        sio.send(tick(1))
        sio.send(tick(2))
        assert wire.written == b""
    assert wire.written == tick(1).sio_frame + tick(2).sio_frame
    with cork.gather():
        sio.send(tick(3))
        sio.bye("removed")
        sio.send(tick(4))
    bye = Event.of("/chat", "bye", {"code": "removed"})
    assert wire.written.endswith(tick(2).sio_frame + tick(3).sio_frame + bye.sio_frame)


def test_bye_is_said_on_every_namespace_and_the_socket_closes_a_second_later(
    sio: SioConnection, wire: Wire, later: Later
) -> None:
    sio.namespaces.add("/notifications")
    sio.bye("restart", retry_ms=900)
    sio.bye("removed")
    data = {"code": "restart", "retry_ms": 900}
    assert wire.written == b"".join(Event.of(ns, "bye", data).sio_frame for ns in ("/chat", "/notifications"))
    assert (sio.closed, sio.socket.closed) == (True, False)
    later.run()
    assert later.slept == [1.0]
    assert (sio.closed, sio.socket.closed) == (True, True)
    assert not wire.aborted  # that is the socket's own, another second later


def test_a_slow_reader_is_cut_at_once(sio: SioConnection, wire: Wire, later: Later) -> None:
    wire.accepts = False
    assert reap([sio]) == 0
    sio.send(tick(1, "x" * SLOW_BYTES))
    assert reap([sio]) == 1
    later.run()
    assert wire.aborted
    assert later.slept == []
    assert reap([sio]) == 0


def test_a_backlog_far_beyond_the_limit_does_not_wait_for_the_reaper(sio: SioConnection, wire: Wire) -> None:
    wire.accepts = False
    for n in range(100):
        sio.send(tick(n, "x" * 100))
    assert sio.closed
    assert sio.socket.backlog.bytes < 5 * SLOW_BYTES + 200


def test_the_account_follows_the_writer(sio: SioConnection, wire: Wire, writer: Later) -> None:
    """Bytes in the writer's hands still wait; they have left when it takes more, and then it ends."""
    sock = sio.socket
    wire.accepts = False
    for n in range(20):
        sio.send(tick(n))
    whole, seen = sock.backlog.bytes, []
    wire.sending = lambda _packet: seen.append(sock.backlog.bytes)
    writer.run()
    assert seen[:16] == [whole] * 16
    assert seen[16:] == [seen[16]] * 4 and 0 < seen[16] < whole
    assert sock.backlog.bytes == 0 and sock.writer is None
    assert not waits(sio)


def test_behind_the_end_the_writer_closes_the_websocket(sio: SioConnection, wire: Wire, writer: Later) -> None:
    wire.accepts = False
    sio.send(tick(1))
    sio.socket.queue.put(None)
    writer.run()
    assert wire.sent == [f"4{tick(1).packet}"] and wire.websocket_closed


def test_a_websocket_that_is_gone_takes_what_waited_with_it(sio: SioConnection, wire: Wire, writer: Later) -> None:
    def gone(_packet: str) -> None:
        raise BrokenPipeError

    wire.accepts, wire.sending = False, gone
    sio.send(tick(1))
    writer.run()
    assert sio.socket.writer is None and not waits(sio)


def test_a_polling_answer_has_left_when_it_is_given(sio: SioConnection) -> None:
    polling(sio.socket, Wire())
    sio.send(tick(1))
    assert waits(sio)
    assert len(sio.socket.poll()) == 1
    assert not waits(sio)


def test_age_alone_makes_a_reader_slow(sio: SioConnection, wire: Wire, writer: Later) -> None:
    sio.socket.slow_seconds = 0.05
    wire.accepts = False
    sio.send(tick(1))
    assert not is_slow(sio)
    time.sleep(0.06)
    assert is_slow(sio)
    in_hands: list[bool] = []
    wire.sending = lambda _packet: in_hands.append(is_slow(sio))
    writer.run()
    assert in_hands == [True]
    wire.tail_bytes, wire.tail_since = 5, time.monotonic()
    assert not is_slow(sio)
    wire.tail_since -= 1
    assert is_slow(sio)


def test_sending_runs_no_disconnect_handler_even_when_the_ping_is_overdue(
    eio: engineio.Server, sio: SioConnection, wire: Wire
) -> None:
    gone: list[str] = []
    eio.on("disconnect", lambda sid, _reason: gone.append(sid))
    wire.accepts = False
    sio.socket.last_ping = time.time() - 60
    sio.send(tick(1))
    assert gone == []


def test_closing_never_waits_for_a_client_that_does_not_read(eio: engineio.Server, sio: SioConnection) -> None:
    polling(sio.socket, Wire())
    sio.send(tick(1))
    begun = time.monotonic()
    eio.disconnect("s")
    assert time.monotonic() - begun < 0.5


# The plain WebSocket


def test_a_plain_reader_is_written_directly_or_behind_what_waits(plain: WsConnection, wire: Wire, later: Later) -> None:
    plain.send(tick(1))
    wire.accepts = False
    plain.send(tick(2))
    wire.accepts = True  # before the writer had its turn
    plain.send(Bundle([tick(3), tick(4)]))
    assert wire.written == tick(1).ws_frame
    assert waits(plain)
    later.run()
    assert wire.written == b"".join(tick(n).ws_frame for n in (1, 2, 3, 4))
    assert not waits(plain)
    plain.send_text("{}")
    assert wire.written.endswith(b"\x81\x02{}")
    assert later.started == []


@pytest.mark.parametrize(
    ("code", "ws_code"),
    [
        ("removed", 4403),
        ("revoked", 4401),
        ("expired", 4401),
        ("slow", 4408),
        ("restart", 1012),
        ("too_many", 4403),
        ("bad_packet", 1002),
    ],
)
def test_a_plain_reader_gets_bye_then_its_close_code_behind_what_waits(
    plain: WsConnection, wire: Wire, later: Later, code: str, ws_code: int
) -> None:
    wire.accepts = False
    plain.send(tick(1))
    plain.bye(code)
    plain.bye("removed")
    plain.close(1000)
    plain.send(tick(2))
    later.run()
    bye = Event.of("/chat", "bye", {"code": code})
    assert wire.written == tick(1).ws_frame + bye.ws_frame + close_frame(ws_code, code)
    assert wire.aborted
    assert later.slept == ([] if code == "slow" else [1.0])


def test_a_plain_backlog_far_beyond_the_limit_ends_it(plain: WsConnection, wire: Wire) -> None:
    wire.accepts = False
    for n in range(100):
        plain.send(tick(n, "x" * 100))
    assert plain.closed
    assert plain.backlog.bytes < 5 * SLOW_BYTES + 200


def test_a_reader_that_has_gone_ends_its_writer(plain: WsConnection, wire: Wire, later: Later) -> None:
    def gone(_frames: bytes, *, last: bool = False) -> None:
        raise BrokenPipeError

    wire.accepts = False
    plain.send(tick(1))
    setattr(wire, "send_frames", gone)  # noqa: B010
    later.run()
    assert plain.closed


def test_the_account_of_a_backlog_is_bytes_and_the_oldest_age() -> None:
    backlog = Backlog()
    assert (backlog.bytes, backlog.since) == (0, None)
    backlog.put(5)
    first = backlog.since
    backlog.put(7)
    assert (backlog.bytes, backlog.since) == (12, first)
    backlog.drop(1)
    assert backlog.bytes == 7
    backlog.drop(9)
    assert (backlog.bytes, backlog.since) == (0, None)


def test_who_pipelines_commands_is_alive_though_the_pong_waits_behind_them(sock: EngineSocket) -> None:
    sock.last_ping = time.time() - 3600
    sock.receive(Packet(MESSAGE, "2/chat,1[]"))
    assert sock.check_ping_timeout() and not sock.closed
    sock.last_ping = time.time() - 3600
    assert not sock.check_ping_timeout() and sock.closed
