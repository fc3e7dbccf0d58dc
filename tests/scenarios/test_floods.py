"""One who floods is told to slow down, or cut off; the class next door does not notice."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.scenarios.classroom import room_with
from tests.support.people import Person
from tests.support.rawsocket import (
    TEXT,
    DisconnectedError,
    EngineWebSocket,
    RawSocket,
    build_frame,
    request_bytes,
    sio_connect,
    sio_event,
)
from tests.support.server import ServerProcess, StartServer
from tests.wire.line import Line

pytestmark = pytest.mark.service

SENDS, TALKERS = 40, 8
TENTH = -SENDS // 10
BOUND_SECONDS = 0.15
ROUNDS = 4
"""A busy machine spoils a round; who starves the neighbours spoils all of them."""

Flood = Callable[[ServerProcess, Person, str], bytes]


def packets(_: ServerProcess, flooder: Person, room_id: str) -> bytes:
    """Commands by the thousand, each well-formed."""
    one = build_frame(TEXT, sio_event("/chat", "typing", {"room_id": room_id, "typing": True}).encode())
    return one * 500


def sends(_: ServerProcess, flooder: Person, room_id: str) -> bytes:
    """Messages, each with an id of its own, each to be acknowledged."""
    frames = [
        build_frame(TEXT, sio_event("/chat", "message_send", _message(room_id, number), ack=number).encode())
        for number in range(500)
    ]
    return b"".join(frames)


def _message(room_id: str, number: int) -> dict[str, str]:
    return {"room_id": room_id, "client_id": f"{time.monotonic_ns()}-{number}", "body": "spam" * 100}


def pages(_: ServerProcess, flooder: Person, room_id: str) -> bytes:
    """The dearest thing to read, again and again."""
    one = build_frame(TEXT, sio_event("/chat", "room_enter", {"room_id": room_id}, ack=1).encode())
    return one * 500


def requests(server: ServerProcess, flooder: Person, room_id: str) -> bytes:
    """REST requests in a row, on one connection."""
    bearer = {"Authorization": f"Bearer {flooder.token}"}
    return request_bytes("GET", f"/api/chat/{room_id}/", server.address, bearer) * 200


def passwords(server: ServerProcess, flooder: Person, room_id: str) -> bytes:
    """Wrong passwords for one account, each of which costs a hash."""
    body = json.dumps({"username": flooder.username, "password": "wrong-password"}).encode()
    return (
        request_bytes("POST", "/api/auth/login/", server.address, {"Content-Type": "application/json"}, body=body) * 5
    )


@contextmanager
def flooding(server: ServerProcess, flooder: Person, room_id: str, flood: Flood) -> Iterator[None]:
    """Somebody does nothing else meanwhile, as fast as the server reads, and reads what comes back."""
    over = threading.Event()
    sent: list[int] = []

    def lines() -> int:
        return 4 if flood is passwords else 1

    def pour() -> None:
        while not over.is_set():
            with contextlib.suppress(DisconnectedError, TimeoutError, OSError), _open(server, flooder, flood) as sock:
                reader = threading.Thread(target=_drain, args=(sock,))
                reader.start()
                try:
                    while not over.is_set():
                        sock.send_bytes(flood(server, flooder, room_id))
                        sent.append(1)
                        over.wait(0.02)
                finally:
                    sock.abort()
                    reader.join()

    threads = [threading.Thread(target=pour) for _ in range(lines())]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
    assert sent, "nobody flooded"


def _open(server: ServerProcess, flooder: Person, flood: Flood) -> RawSocket:
    if flood in (requests, passwords):
        return RawSocket(server.address, timeout=20)
    ws = EngineWebSocket.open(server.address, timeout=20)
    ws.send_packet(sio_connect("/chat", {"token": flooder.token}))
    return ws


def _drain(sock: RawSocket) -> None:
    with contextlib.suppress(DisconnectedError, TimeoutError, OSError):
        while True:
            sock.read_some(20)


def latencies(talkers: list[Line], listener: Line, room_id: str) -> list[float]:
    """Seconds from a send to the moment its neighbour has it, over and over. Nobody talks faster than one may."""
    found = []
    for number in range(SENDS):
        begun = time.monotonic()
        sent = talkers[number % len(talkers)].ask("message_send", _message(room_id, number))
        assert sent["ok"], sent
        while listener.ws.until("/chat", "message", 10).data[1]["seq"] != sent["message"]["seq"]:
            pass
        found.append(time.monotonic() - begun)
        time.sleep(0.025)  # a pace, not a wait
    return sorted(found)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("flood", [packets, sends, pages, requests, passwords])
def test_a_flooding_client_does_not_slow_its_neighbours(server: ServerProcess, flood: Flood) -> None:
    teacher, other, flooder, *neighbours = server.teacher(), server.teacher(), *server.students(TALKERS + 2)
    room_id, flooded = room_with(teacher, neighbours), room_with(other, [flooder])
    told = []
    with ExitStack() as stack:
        listener, *talkers = [stack.enter_context(Line.open(server, person)) for person in neighbours]
        listener.enter(room_id)
        for _ in range(ROUNDS):
            quiet = latencies(talkers, listener, room_id)
            with flooding(server, flooder, flooded, flood):
                loud = latencies(talkers, listener, room_id)
            told.append((quiet[TENTH], loud[TENTH]))
            if loud[TENTH] < max(BOUND_SECONDS, 2 * quiet[TENTH]):
                break
        else:
            raise AssertionError(f"a tenth of the messages took longer than so many seconds, quiet and flooded: {told}")


def test_typing_a_thousand_times_a_second_is_dropped_and_not_queued(server: ServerProcess) -> None:
    teacher, flooder = server.teacher(), server.student()
    room_id = room_with(teacher, [flooder])
    with Line.open(server, teacher) as reader, Line.open(server, flooder) as typist:
        reader.enter(room_id)
        typist.enter(room_id)
        begun = time.monotonic()
        for _ in range(6):
            typist.ws.send_bytes(packets(server, flooder, room_id))
        while typist.code("message_send", _message(room_id, 1)) == "rate_limited":
            time.sleep(0.1)  # its packets are over the limit, too
        seconds = time.monotonic() - begun
        heard = 0
        while (packet := reader.ws.sio()).data[0] != "message":
            heard += packet.data[0] == "typing"
        assert 1 <= heard <= 2 + 2 * seconds, (heard, seconds)


@pytest.mark.parametrize("way", ["room_enter", "messages_after", "messages_before"])
def test_scraping_a_room_over_a_socket_is_slowed_down(start_server: StartServer, way: str) -> None:
    strict = start_server(LIMIT_HISTORY="5/minute", LIMIT_HISTORY_BURST="5")
    teacher, other = strict.teacher(), strict.student()
    room_id = room_with(teacher, [other])
    data = {
        "room_id": room_id,
        **{"room_enter": {}, "messages_after": {"after": 0}, "messages_before": {"before": 9}}[way],
    }
    with Line.open(strict, teacher) as line, Line.open(strict, other) as neighbour:
        assert [line.code(way, data) for _ in range(7)] == ["ok"] * 5 + ["rate_limited"] * 2
        error = line.ask(way, data)["error"]
        assert error["retryable"] is True and 5 < error["retry_after"] <= 12
        assert neighbour.code(way, data) == "ok"


def test_who_connects_too_often_is_told_when_to_come_back(start_server: StartServer) -> None:
    strict = start_server(LIMIT_CONNECTS="3/minute")
    student, neighbour = strict.students(2)
    for _ in range(3):
        with Line.open(strict, student):
            pass
    with Line.open(strict) as line:
        refusal = line.connect({"token": student.token}).data["data"]
        assert refusal["code"] == "rate_limited" and 0 < refusal["retry_after"] <= 60
        assert line.connect({"token": neighbour.token}).type == 0, "the same address: a school shares one"
