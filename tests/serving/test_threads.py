"""The same transports in async_mode threading: no direct write, the library's queue always."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving.conftest import EchoServer
from tests.serving.test_delivery import Reader, eventually, upgraded
from tests.support.rawsocket import EnginePolling, EngineWebSocket, RefusedError, sio_event

pytestmark = pytest.mark.service

Start = Callable[..., EchoServer]


def test_everything_arrives_once_and_in_order(start_echo: Start) -> None:
    server = start_echo("threads_app", slow_bytes=1 << 30, slow_seconds=600.0)
    last = 900
    with ThreadPoolExecutor(16) as pool:
        jobs = [
            pool.submit(Reader(f"reader {n}", last, naps=0.05).read, EngineWebSocket.open(server.address))
            for n in range(4)
        ]
        jobs += [
            pool.submit(upgraded, server.address, Reader(f"upgrading {n}", last), poll_open=n % 2 == 0)
            for n in range(4)
        ]
        with EngineWebSocket.open(server.address) as driver:
            asked = {"count": last, "size": 300, "batch": 3, "pause": 0.005}
            driver.send_packet(sio_event("/chat", "broadcast", asked))
            Reader("driver", last).read(driver)
        for job in jobs:
            job.result(timeout=60).check()


def test_bye_and_the_end_come_on_both_transports(start_echo: Start) -> None:
    server = start_echo("threads_app")
    with EngineWebSocket.open(server.address) as ws:
        ws.send_packet(sio_event("/chat", "bye", {"code": "removed"}))
        assert ws.until("/chat", "bye").data[1] == {"code": "removed"}
        assert ws.wait_cut() < 3
    polling = EnginePolling.open(server.address)
    polling.post(sio_event("/chat", "bye", {"code": "removed"}))
    assert polling.get() == ['42/chat,["bye",{"code":"removed"}]']


def test_a_reader_that_stops_is_closed_as_slow(start_echo: Start) -> None:
    server = start_echo("threads_app", slow_seconds=600.0)
    polling = EnginePolling.open(server.address)
    with (
        EngineWebSocket.open(server.address, receive_buffer=4096),
        EngineWebSocket.open(server.address) as driver,
    ):
        asked = {"count": 4000, "size": 2000, "batch": 10, "pause": 0.004}
        driver.send_packet(sio_event("/chat", "broadcast", asked))
        reader = Reader("healthy", 4000).read(driver)
        reader.check()
        eventually(lambda: server.stats()["connections"] == 1, within=8)
    with pytest.raises(RefusedError):
        polling.get()
