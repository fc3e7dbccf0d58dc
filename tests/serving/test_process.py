"""A worker's start and end: what it refuses, how it stops."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatapp.serving.errors import EX_CONFIG
from tests.serving.conftest import EchoServer, launch
from tests.support.rawsocket import (
    DisconnectedError,
    EnginePolling,
    EngineWebSocket,
    RawSocket,
    RawWebSocket,
    RefusedError,
    http,
    request_bytes,
    sio_event,
)

pytestmark = pytest.mark.service

Start = Callable[..., EchoServer]


def refused(process: subprocess.Popen[str]) -> str:
    """The one line of a process that would not start."""
    out, err = process.communicate(timeout=20)
    assert process.returncode == EX_CONFIG, err
    assert "listens" not in out
    lines = [line for line in err.splitlines() if line.startswith("chatapp: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


def stopped(server: EchoServer, *, within: float) -> None:
    """Ends in order, in time, having done everything."""
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    out, _ = server.process.communicate(timeout=20)
    assert server.process.returncode == 0
    assert time.monotonic() - begun < within
    assert out.split() == ["drain", "stop"]


def test_a_second_process_on_one_sqlite_file_is_refused(start_echo: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/school.db"
    first = start_echo(database_url=url)
    assert "another process is serving" in refused(launch(database_url=url))
    start_echo(database_url=f"sqlite:///{tmp_path}/other.db")
    stopped(first, within=2)
    start_echo(database_url=url)


def test_the_lock_of_a_killed_process_is_free(start_echo: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/school.db"
    first = start_echo(database_url=url)
    first.process.kill()
    first.process.wait()
    start_echo(database_url=url)


def test_a_taken_port_is_refused(echo: EchoServer) -> None:
    assert str(echo.address[1]) in refused(launch(port=echo.address[1]))


def test_old_migrations_are_refused() -> None:
    assert "db upgrade" in refused(launch(migrated=False))


def test_a_process_that_was_not_patched_is_refused() -> None:
    program = "import sys; from chatapp.serving.selftest import prove_green\n"
    program += "try: prove_green('sqlite://')\nexcept Exception as error: sys.exit(str(error))"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "monkey_patch" in done.stderr


@pytest.mark.parametrize(("patched", "passes"), [(True, True), (False, False)])
def test_how_long_waiting_takes_is_no_reason_to_refuse(patched: bool, passes: bool) -> None:
    """On a busy machine a worker took so long to wait for a fifth of a second that it said its driver blocked it."""
    program = "import eventlet\n" + ("eventlet.monkey_patch()\n" if patched else "")
    program += """
import sys, time
from chatapp.serving.selftest import lets_others_run
def late():
    end = time.monotonic() + 0.5
    while time.monotonic() < end: pass
    time.sleep(0.1)
sys.exit(0 if lets_others_run(late) else 1)
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    assert (subprocess.run(command, timeout=60, check=False).returncode == 0) is passes


def test_the_collector_passes_over_what_stands(echo: EchoServer) -> None:
    assert http(echo.address, "GET", "/").json()["frozen"] > 10_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_process_at_once(echo: EchoServer, number: signal.Signals) -> None:
    time.sleep(1)  # idle in its hub
    begun = time.monotonic()
    echo.process.send_signal(number)
    assert echo.process.wait(timeout=10) == 0
    assert time.monotonic() - begun < 2


def test_a_second_signal_ends_a_process_that_hangs(start_echo: Start) -> None:
    server = start_echo(stuck=True)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert server.process.poll() is None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=2) == 128 + signal.SIGTERM


def test_a_process_that_hangs_ends_at_its_deadline(start_echo: Start) -> None:
    server = start_echo(stuck=True, drain_seconds=3.0)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=10) == 0
    assert 2 < time.monotonic() - begun < 4


def test_idle_keepalive_and_half_open_connections_do_not_hold_a_stopping_process(echo: EchoServer) -> None:
    with RawSocket(echo.address) as kept, RawSocket(echo.address):
        kept.send_bytes(request_bytes("GET", "/", echo.address))
        kept.read_response()
        stopped(echo, within=2)


def everything_until_bye(polling: EnginePolling) -> list[str]:
    """What a polling client gets; its last packet is the bye, or the last before it was refused."""
    heard: list[str] = [""]
    with contextlib.suppress(RefusedError, DisconnectedError, ConnectionRefusedError):
        while '"bye"' not in heard[-1]:
            heard += polling.get(15)
    return heard


def test_everybody_is_told_and_work_under_way_is_finished(start_echo: Start) -> None:
    server = start_echo()
    with contextlib.ExitStack() as open_:
        sockets = [open_.enter_context(EngineWebSocket.open(server.address)) for _ in range(50)]
        plain = [open_.enter_context(RawWebSocket.open(server.address, "/ws/chat/r1/")) for _ in range(10)]
        open_.enter_context(EngineWebSocket.open(server.address, receive_buffer=4096))  # never reads
        polling = EnginePolling.open(server.address)
        sockets[0].send_packet(sio_event("/chat", "broadcast", {"count": 400, "size": 2000, "batch": 10}))
        with ThreadPoolExecutor(2) as pool:
            heard = pool.submit(everything_until_bye, polling)
            answer = pool.submit(http, server.address, "GET", "/slow")
            time.sleep(0.3)
            begun = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            retries = [ws.until("/chat", "bye", 8).data[1]["retry_ms"] for ws in sockets]
            for ws in plain:
                while (event := ws.json(8))["event"] != "bye":
                    pass
                assert event["data"]["code"] == "restart"
                assert ws.wait_close() == 1012
            assert answer.result().status == 200
            assert '"restart"' in heard.result()[-1]
        assert len(set(retries)) > 25
        assert min(retries) >= 500
        assert max(retries) <= 5000
        assert server.process.wait(timeout=15) == 0
        assert time.monotonic() - begun < 10


def test_an_open_file_limit_that_is_reached_stops_nobody(start_echo: Start) -> None:
    """eventlet's server ends at the first accept that fails."""
    server = start_echo(open_files=60)
    crowd = [RawSocket(server.address) for _ in range(120)]
    time.sleep(0.5)
    for sock in crowd:
        sock.close()
    assert http(server.address, "GET", "/", timeout=15).status == 200
    stopped(server, within=10)


def test_an_end_that_is_slow_after_the_drain_is_a_clean_one() -> None:
    ending = (
        "import atexit, time; from chatapp.serving.signals import StopSignal; stop = StopSignal();"
        "stop.leave_within(0.3); atexit.register(time.sleep, 0.6); stop.leave_in_peace()"
    )
    assert subprocess.run([sys.executable, "-c", ending], check=False, timeout=60).returncode == 0
    hanging = ending.replace("stop.leave_in_peace()", "print('waits', flush=True)") + "; time.sleep(60)"
    assert subprocess.run([sys.executable, "-c", hanging], check=False, timeout=60).returncode == 0
