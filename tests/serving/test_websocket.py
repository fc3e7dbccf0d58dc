"""Frames and handshakes on the wire, for Socket.IO and the plain WebSocket: CASES.md, group A."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.serving.conftest import EchoServer, launched
from tests.support.rawsocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    EIO_QUERY,
    PING,
    PONG,
    TEXT,
    ClosedError,
    DisconnectedError,
    EnginePolling,
    EngineWebSocket,
    RawSocket,
    RawWebSocket,
    RefusedError,
    http,
    sio_event,
)

pytestmark = pytest.mark.service

PLAIN = "/ws/chat/r1/?token=secret"


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    """One for all; at its end nobody's token is in what it wrote, and no fault but the planted one."""
    running = launched()
    yield running
    running.process.terminate()
    out, err = running.process.communicate(timeout=15)
    assert running.process.returncode == 0
    assert "secret" not in out + err
    assert err.count("Traceback") == err.count("RuntimeError: planted"), err


Open = Callable[[], RawWebSocket]


@pytest.fixture(params=["socket.io", "plain"])
def open_ws(request: pytest.FixtureRequest, server: EchoServer) -> Open:
    """Opens a WebSocket of either kind, past its first message."""

    def open_socketio() -> RawWebSocket:
        return EngineWebSocket.open(server.address)

    def open_plain() -> RawWebSocket:
        ws = RawWebSocket.open(server.address, PLAIN)
        ws.text()
        return ws

    return open_socketio if request.param == "socket.io" else open_plain


@pytest.mark.parametrize(
    ("code", "send"),
    [
        pytest.param(1009, lambda ws: ws.send_frame(TEXT, b"4" * 32769), id="32769 bytes"),
        pytest.param(1009, lambda ws: ws.send_bytes(b"\x81\xff" + b"\xff" * 8), id="a length of 2**64-1"),
        pytest.param(1007, lambda ws: ws.send_frame(TEXT, b"4\xff"), id="no UTF-8"),
        pytest.param(1002, lambda ws: ws.send_frame(TEXT, b"4", masked=False), id="unmasked"),
        pytest.param(1002, lambda ws: ws.send_frame(TEXT, b"4", rsv=4), id="compressed"),
        pytest.param(1002, lambda ws: ws.send_frame(CONTINUATION, b"4"), id="continuation of nothing"),
        pytest.param(1002, lambda ws: ws.send_frame(CLOSE, b"\x01"), id="half a close code"),
        pytest.param(1002, lambda ws: ws.send_frame(CLOSE, b"\x00\x01"), id="a close code that is none"),
    ],
)
def test_a_wrong_frame_is_answered_with_its_close_code(
    open_ws: Open, code: int, send: Callable[[RawWebSocket], None]
) -> None:
    with open_ws() as ws:
        send(ws)
        assert ws.wait_close() == code
        assert ws.wait_cut(3) < 3


def test_fragments_are_capped_in_bytes(open_ws: Open) -> None:
    with open_ws() as ws:
        ws.send_frame(TEXT, b"4" * 20_000, fin=False)
        ws.send_frame(CONTINUATION, b"4" * 20_000, fin=False)
        assert ws.wait_close() == 1009


def test_fragments_are_capped_in_number(open_ws: Open) -> None:
    with open_ws() as ws:
        ws.send_frame(TEXT, b"4", fin=False)
        for _ in range(70):
            ws.send_frame(CONTINUATION, b"", fin=False)
        assert ws.wait_close() == 1009


def test_a_ping_is_answered_between_fragments(server: EchoServer) -> None:
    with RawWebSocket.open(server.address, PLAIN) as ws:
        ws.text()
        ws.send_frame(TEXT, b'{"ref": 7, "comm', fin=False)
        ws.send_frame(PING, b"still there?")
        pong = ws.frame()
        assert (pong.opcode, pong.payload) == (PONG, b"still there?")
        ws.send_frame(CONTINUATION, b'and": "echo"}')
        assert ws.json() == {"ref": 7, "ok": True, "data": {}}


def test_a_clients_close_is_answered_and_the_connection_ends(open_ws: Open) -> None:
    with open_ws() as ws:
        ws.send_frame(CLOSE, b"\x03\xe8")
        assert ws.wait_close() == 1000
        assert ws.wait_cut() < 2


def test_compression_is_not_negotiated(server: EchoServer) -> None:
    for target in (PLAIN, EIO_QUERY + "websocket"):
        offer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
        with RawWebSocket.open(server.address, target, headers=offer) as ws:
            assert "sec-websocket-extensions" not in ws.response.headers


@pytest.mark.parametrize("target", [PLAIN, EIO_QUERY + "websocket"])
def test_a_handshake_of_the_drafts_is_refused(server: EchoServer, target: str) -> None:
    legacy = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key1": "1",
        "Origin": "http://class.example",
    }
    assert http(server.address, "GET", target, headers=legacy).status == 400
    with pytest.raises(RefusedError) as refused:
        RawWebSocket.open(server.address, target, headers={"Sec-WebSocket-Version": "12"})
    assert refused.value.response.status == 426


def test_a_foreign_origin_is_refused_and_none_or_ours_is_not(server: EchoServer) -> None:
    for target in (PLAIN, EIO_QUERY + "websocket"):
        for origin in ("http://evil.example", "null", "http://class.example.evil.example"):
            with pytest.raises(RefusedError) as refused:
                RawWebSocket.open(server.address, target, headers={"Origin": origin})
            assert refused.value.response.status in (400, 403)
        RawWebSocket.open(server.address, target).close()
        RawWebSocket.open(server.address, target, headers={"Origin": "http://class.example"}).close()


def test_the_plain_path_without_an_upgrade_says_what_it_wants(server: EchoServer) -> None:
    assert http(server.address, "GET", PLAIN).status == 426
    assert http(server.address, "POST", PLAIN).status == 426
    assert http(server.address, "GET", "/ws/chat/r1/more/").status == 200  # Flask's to answer


@pytest.mark.parametrize("target", ["/ws/chat/r1/?token=a&after=3", "/ws/chat/r1?token=a&after=3"])
def test_a_plain_websocket_is_told_its_room_and_query(server: EchoServer, target: str) -> None:
    with RawWebSocket.open(server.address, target) as ws:
        assert ws.json() == {
            "event": "welcome",
            "room": "r1",
            "query": {"token": "a", "after": "3"},
            "from": "127.0.0.1",
        }
        ws.send_json({"ref": "x", "command": "echo", "data": {"text": "ž"}})
        assert ws.json() == {"ref": "x", "ok": True, "data": {"text": "ž"}}


def test_a_refusal_is_a_close_code_after_an_accepted_handshake(server: EchoServer) -> None:
    with RawWebSocket.open(server.address, "/ws/chat/missing/") as ws:
        assert ws.wait_close() == 4404
        assert ws.wait_cut() < 2


def test_a_binary_message_to_the_plain_websocket_is_refused(server: EchoServer) -> None:
    with RawWebSocket.open(server.address, PLAIN) as ws:
        ws.text()
        ws.send_frame(BINARY, b"{}")
        assert ws.wait_close() == 1003


def test_a_fault_of_ours_closes_with_1011_and_shows_nothing(server: EchoServer) -> None:
    with RawWebSocket.open(server.address, "/ws/chat/broken/?token=secret") as ws:
        frame = ws.frame()
        assert (frame.close_code, frame.close_reason) == (1011, "internal error")


@pytest.mark.parametrize(("code", "ws_code"), [("removed", 4403), ("expired", 4401), ("restart", 1012)])
def test_bye_comes_before_the_close_code(server: EchoServer, code: str, ws_code: int) -> None:
    with RawWebSocket.open(server.address, PLAIN) as ws:
        ws.text()
        ws.send_json({"command": "bye", "data": {"code": code, "retry_ms": 700}})
        assert ws.json() == {"event": "bye", "data": {"code": code, "retry_ms": 700}}
        with pytest.raises(ClosedError) as closed:
            ws.text()
        assert closed.value.code == ws_code
        ws.send_json({"ref": 1, "command": "echo"})
        assert ws.wait_cut() < 2


def test_bye_over_socketio_comes_before_the_end_on_both_transports(server: EchoServer) -> None:
    with EngineWebSocket.open(server.address) as ws:
        ws.send_packet(sio_event("/chat", "bye", {"code": "removed"}))
        assert ws.until("/chat", "bye").data[1] == {"code": "removed"}
        assert ws.wait_cut() < 3
    polling = EnginePolling.open(server.address)
    assert polling.post(sio_event("/chat", "bye", {"code": "restart", "retry_ms": 5})).status == 200
    time.sleep(0.5)
    assert polling.get() == ['42/chat,["bye",{"code":"restart","retry_ms":5}]']
    time.sleep(1)
    with pytest.raises(RefusedError):
        polling.get()


@pytest.mark.parametrize("text", ["", "x", "9", "4" + "[" * 30_000])
def test_a_packet_that_is_none_ends_only_its_own_connection(server: EchoServer, text: str) -> None:
    with EngineWebSocket.open(server.address) as neighbour:
        with EngineWebSocket.open(server.address) as ws:
            ws.send_text(text)
            if text != "9":  # an unknown type is passed over
                assert ws.wait_cut() < 3
        polling = EnginePolling.open(server.address)
        assert polling.post(text).status == 400
        assert neighbour.call("/chat", "echo", {"n": 1}, ack=1)["data"] == {"n": 1}


def test_a_post_of_128_packets_is_read_and_one_of_129_refused(server: EchoServer) -> None:
    polling = EnginePolling.open(server.address)
    assert polling.post(*(sio_event("/chat", "echo", {"n": n}, ack=n) for n in range(128))).status == 200
    acks: list[str] = []
    while len(acks) < 128:
        packets = polling.get()
        assert len(packets) <= 16
        acks += packets
    assert acks == [f'43/chat,{n}[{{"ok":true,"data":{{"n":{n}}}}}]' for n in range(128)]
    assert polling.post(*["3"] * 129).status == 400


def test_a_failed_probe_leaves_the_polling_alive(server: EchoServer) -> None:
    polling = EnginePolling.open(server.address)
    for nonsense in ("2wrong", "x"):
        with EngineWebSocket(server.address) as ws:
            ws.shake_hands(f"{EIO_QUERY}websocket&sid={polling.sid}")
            ws.send_text(nonsense)
            ws.wait_cut()
    polling.post(sio_event("/chat", "echo", {}, ack=3))
    assert [packet for packet in polling.get() if packet != "6"] == ['43/chat,3[{"ok":true,"data":{}}]']


def test_a_second_websocket_for_one_sid_is_refused(server: EchoServer) -> None:
    polling = EnginePolling.open(server.address)
    with polling.probe(), pytest.raises((RefusedError, DisconnectedError)):
        polling.probe()


def test_ids_carry_the_workers_prefix(server: EchoServer) -> None:
    assert EnginePolling.open(server.address).sid.startswith("w1-")


def test_a_silent_plain_websocket_is_pinged_and_closed(start_echo: Callable[..., EchoServer]) -> None:
    server = start_echo(ping_interval=0.4, ping_timeout=0.4)
    with RawWebSocket.open(server.address, PLAIN) as answering, RawWebSocket.open(server.address, PLAIN) as silent:
        answering.text(), silent.text()
        for _ in range(5):
            assert answering.frame(2).opcode == PING
            answering.send_frame(PONG)
        assert silent.wait_cut(0.2) < 0.2
        answering.send_json({"ref": 1, "command": "echo"})
        while (frame := answering.frame()).opcode == PING:
            answering.send_frame(PONG)
        assert frame.text == '{"ref":1,"ok":true,"data":{}}'


def test_a_socketio_websocket_that_only_answers_lives_and_a_silent_one_ends(
    start_echo: Callable[..., EchoServer],
) -> None:
    server = start_echo(ping_interval=0.4, ping_timeout=0.4)
    with EngineWebSocket.open(server.address) as answering, EngineWebSocket.open(server.address) as silent:
        answering.send_packet("40/chat,{}")
        answering.sio()
        for _ in range(6):  # three times as long as the library's writer would wait for something to write
            while answering.text(5) != "2":
                pass
            answering.send_text("3")
        assert answering.call("/chat", "echo", {}, ack=1) == {"ok": True, "data": {}}
        silent.wait_cut(1)


def test_small_answers_do_not_wait_for_an_acknowledgement(server: EchoServer) -> None:
    with EngineWebSocket.open(server.address) as ws:
        ws.send_packet("40/chat,{}")
        ws.sio()
        begun = time.monotonic()
        for n in range(100):
            ws.call("/chat", "echo", {"n": n}, ack=n)
        assert time.monotonic() - begun < 1.0  # 40 ms each with Nagle's algorithm against a delayed ACK


def test_half_a_handshake_is_no_websocket(server: EchoServer) -> None:
    with RawSocket(server.address) as sock:
        sock.send_bytes(f"GET {PLAIN} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n".encode())
        assert sock.read_response().status == 400


def test_after_a_refused_handshake_a_better_one_is_taken_and_beside_an_open_one_none(server: EchoServer) -> None:
    polling = EnginePolling.open(server.address)
    target = f"/socket.io/?EIO=4&transport=websocket&sid={polling.sid}"
    bad = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "7", "Sec-WebSocket-Key": "x"}
    assert http(server.address, "GET", target, headers=bad).status == 426
    with polling.upgrade() as ws:
        ws.send_packet("40/chat,{}")
        ws.sio()
        assert ws.call("/chat", "echo", {}, ack=1) == {"ok": True, "data": {}}
        with pytest.raises(RefusedError):
            polling.probe()
        assert ws.call("/chat", "echo", {}, ack=2) == {"ok": True, "data": {}}
