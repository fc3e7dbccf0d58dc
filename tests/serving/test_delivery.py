"""What readers of every kind and speed see of a busy server: whole frames, every event once, in order; or the end."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.serving.conftest import EchoServer
from tests.support.rawsocket import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Address,
    DisconnectedError,
    EnginePolling,
    EngineWebSocket,
    RawWebSocket,
    RefusedError,
    sio_event,
)

pytestmark = pytest.mark.service

Start = Callable[..., EchoServer]
PATIENT = {"slow_bytes": 1 << 30, "slow_seconds": 600.0}


@dataclass
class Reader:
    """A client that counts what it sees, and asks and pings while it reads."""

    name: str
    last: int
    """The seq that ends it."""
    naps: float = 0.0
    """Seconds of the longest pause between two reads."""
    seqs: list[int] = field(default_factory=list)
    acks: list[int] = field(default_factory=list)
    pongs: list[int] = field(default_factory=list)
    asked: int = 0
    pinged: int = 0

    def take(self, text: str) -> None:
        """Note an Engine.IO packet, or a text of the plain WebSocket."""
        if text.startswith("42"):
            self.seqs.append(json.loads(text[text.index("[") :])[1]["seq"])
        elif text.startswith("43"):
            self.acks.append(int(text[len("43/chat,") : text.index("[")]))
        elif text.startswith("{"):
            said = json.loads(text)
            if "ref" in said:
                self.acks.append(said["ref"])
            elif said["event"] == "tick":
                self.seqs.append(said["data"]["seq"])

    def read(self, ws: RawWebSocket, *, plain: bool = False) -> Reader:
        """Read until the last event, ack and pong are here."""
        dice = random.Random(self.name)
        with ws:
            while not self.done():
                frame = ws.frame(30)
                if frame.opcode == PONG:
                    self.pongs.append(int(frame.payload))
                elif frame.opcode == PING:
                    ws.send_frame(PONG, frame.payload)
                else:
                    assert (frame.opcode, frame.fin, frame.rsv) == (TEXT, True, 0), (self.name, frame)
                    if frame.text == "2":
                        ws.send_text("3")
                    self.take(frame.text)
                if dice.random() < 0.02:
                    time.sleep(dice.random() * self.naps)
                if dice.random() < 0.05 and self.seqs and self.seqs[-1] < self.last:
                    self.ask(ws, plain=plain)
        return self

    def ask(self, ws: RawWebSocket, *, plain: bool) -> None:
        self.asked += 1
        self.pinged += 1
        ws.send_frame(PING, str(self.pinged).encode())
        if plain:
            ws.send_json({"ref": self.asked, "command": "echo"})
        else:
            ws.send_text(sio_event("/chat", "echo", {}, ack=self.asked))

    def done(self) -> bool:
        everything = len(self.acks) == self.asked and len(self.pongs) == self.pinged
        return bool(self.seqs) and self.seqs[-1] >= self.last and everything

    def check(self) -> None:
        assert self.seqs == list(range(self.seqs[0], self.last + 1)), self.name
        assert self.acks == list(range(1, self.asked + 1)), self.name
        assert self.pongs == list(range(1, self.pinged + 1)), self.name


def upgraded(address: Address, reader: Reader, *, poll_open: bool) -> Reader:
    """Poll for a while, upgrade in mid-stream with or without a poll open, then read on."""
    polling = EnginePolling.open(address)
    dice = random.Random(reader.name)
    for _ in range(dice.randrange(2, 12)):
        for packet in polling.get(20):
            reader.take(packet)
    brought: list[str] = []
    if poll_open:
        poll = threading.Thread(target=lambda: brought.extend(polling.get(20)))
        poll.start()
        ws = polling.probe()
        poll.join()
    else:
        ws = polling.probe()
    while "6" not in brought:
        brought += polling.get(20)
    # Until it is told of the upgrade the server must not use the WebSocket: a client's would drop what comes.
    with pytest.raises(TimeoutError):
        ws.frame(0.1)
    ws.send_packet("5")
    for packet in brought:
        reader.take(packet)
    return reader.read(ws)


def test_everything_arrives_once_and_in_order_whoever_reads_and_however_slowly(start_echo: Start) -> None:
    server = start_echo(**PATIENT)
    small, large = 2400, 300
    last = small + large
    with EngineWebSocket.open(server.address) as driver, ThreadPoolExecutor(64) as pool:
        jobs = []
        for n in range(10):
            slow = EngineWebSocket.open(server.address, receive_buffer=4096)
            jobs.append(pool.submit(Reader(f"slow {n}", last, naps=0.3).read, slow))
        for n in range(4):
            plain = RawWebSocket.open(server.address, "/ws/chat/r/", receive_buffer=4096)
            jobs.append(pool.submit(Reader(f"slow plain {n}", last, naps=0.3).read, plain, plain=True))
        for n in range(4):
            jobs.append(pool.submit(Reader(f"fast {n}", last).read, EngineWebSocket.open(server.address)))
            plain = RawWebSocket.open(server.address, "/ws/chat/r/")
            jobs.append(pool.submit(Reader(f"fast plain {n}", last).read, plain, plain=True))
        jobs += [
            pool.submit(upgraded, server.address, Reader(f"upgrading {n}", last), poll_open=n % 2 == 0)
            for n in range(12)
        ]
        time.sleep(0.5)
        small_ones = {"count": small, "size": 300, "batch": 3, "pause": 0.002}
        driver.send_packet(sio_event("/chat", "broadcast", small_ones))
        driver.send_packet(
            sio_event("/chat", "broadcast", {"count": large, "size": 20_000, "batch": 1, "pause": 0.005})
        )
        pool.submit(Reader("driver", last).read, driver)
        readers = [job.result(timeout=100) for job in jobs]
    for reader in readers:
        reader.check()
    assert sum(reader.asked for reader in readers) > 1000


def test_eleven_hundred_websockets_are_served_at_once(start_echo: Start) -> None:
    server = start_echo()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(EngineWebSocket.open(server.address)) for _ in range(1100)]
        sockets[0].send_packet(sio_event("/chat", "broadcast", {"count": 3}))
        for ws in sockets:
            assert [ws.until("/chat", "tick").data[1]["seq"] for _ in range(3)] == [1, 2, 3]
        assert server.stats()["connections"] == 1101


def eventually(claim: Callable[[], bool], within: float) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + within
    while not claim():
        assert time.monotonic() < deadline, "did not become true"
        time.sleep(0.1)


def test_a_reader_that_stops_is_closed_and_costs_little_memory(start_echo: Start) -> None:
    """40 MB are said; ten who do not listen are sent away by the bytes that wait for them, never by count."""
    server = start_echo()
    before = server.stats()["peak_kib"]
    stopped = [EngineWebSocket.open(server.address, receive_buffer=4096) for _ in range(5)]
    plain = [RawWebSocket.open(server.address, "/ws/chat/r/", receive_buffer=4096) for _ in range(5)]
    polling = EnginePolling.open(server.address)
    with EngineWebSocket.open(server.address) as driver:
        driver.send_packet(
            sio_event("/chat", "broadcast", {"count": 20_000, "size": 2000, "batch": 10, "pause": 0.004})
        )
        reader = Reader("healthy", 20_000)
        reader.read(driver)
        reader.check()
        eventually(lambda: server.stats()["connections"] == 1, within=5)
    assert server.stats()["peak_kib"] - before < 40_000
    with pytest.raises(RefusedError):
        polling.get()
    for ws in [*stopped, *plain]:
        seqs = seen_before_the_end(ws)
        assert seqs == list(range(1, len(seqs) + 1))
        ws.close()


def seen_before_the_end(ws: RawWebSocket) -> list[int]:
    """The events in what a cut connection had still brought."""
    reader = Reader("cut", 0)
    with contextlib.suppress(DisconnectedError):
        while (frame := ws.frame(5)).opcode != CLOSE:
            if frame.opcode == TEXT and '"bye"' not in frame.text:
                reader.take(frame.text)
    return reader.seqs


def test_a_reader_is_closed_by_the_age_of_what_waits_too(start_echo: Start) -> None:
    server = start_echo(slow_bytes=1 << 30, slow_seconds=1.5)
    with (
        EngineWebSocket.open(server.address) as driver,
        EngineWebSocket.open(server.address, receive_buffer=4096) as stopped,
        RawWebSocket.open(server.address, "/ws/chat/r/", receive_buffer=4096) as plain,
    ):
        polling = EnginePolling.open(server.address)
        driver.send_packet(sio_event("/chat", "broadcast", {"count": 300, "size": 2000}))
        Reader("healthy", 300).read(driver)
        assert server.stats()["connections"] == 4  # three readers and who asks
        eventually(lambda: server.stats()["connections"] == 1, within=8)
        assert stopped.wait_cut(2) < 2
        assert plain.wait_cut(2) < 2
        with pytest.raises(RefusedError):
            polling.get()


def test_a_burst_of_many_small_events_reaches_a_polling_reader_whole(echo: EchoServer) -> None:
    polling = EnginePolling.open(echo.address)
    polling.post(sio_event("/chat", "broadcast", {"count": 1000, "batch": 200}))
    reader = Reader("polling", 1000)
    while not reader.done():
        packets = polling.get()
        assert len(packets) <= 16
        for packet in packets:
            reader.take(packet)
    reader.check()
