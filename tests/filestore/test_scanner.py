"""Asking a scanner: its verdicts, and its silences."""

from __future__ import annotations

import io
import socket
import threading
import time

import pytest

from chatapp.filestore.scanner import SECONDS, Scanner, ScannerDown
from tests.support import samples
from tests.support.scanner import scanning


def test_the_scanner_knows_eicar_and_lets_the_rest_through() -> None:
    with scanning() as server:
        scanner = Scanner(server.address)
        assert scanner.scan(io.BytesIO(samples.PDF)) is None
        assert scanner.scan(io.BytesIO(samples.EICAR)) == "Eicar-Signature"
        assert scanner.scan(io.BytesIO(bytes(300_000) + samples.EICAR)) == "Eicar-Signature"
        assert server.scanned == 3


@pytest.mark.parametrize(
    "says", [b"", b"stream: ", b"INSTREAM size limit exceeded. ERROR", b"stream: OK, more or less"]
)
def test_what_is_no_verdict_lets_nothing_through(says: bytes) -> None:
    with scanning() as server:
        server.says = says
        with pytest.raises(ScannerDown):
            Scanner(server.address).scan(io.BytesIO(samples.PDF))


def test_a_scanner_that_is_not_there_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ScannerDown):
            Scanner(f"127.0.0.1:{taken.getsockname()[1]}").scan(io.BytesIO(samples.PDF))
    with pytest.raises(ScannerDown):
        Scanner("/nowhere/clamd.ctl").scan(io.BytesIO(samples.PDF))


@pytest.mark.parametrize("drop", [b"", b"s"], ids=["silent", "drop by drop"])
def test_a_scanner_that_takes_too_long_is_down(drop: bytes) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dawdle() -> None:
            connection, _ = listener.accept()
            with connection:
                while not over.wait(0.05):
                    connection.sendall(drop)

        thread = threading.Thread(target=dawdle)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(ScannerDown):
            Scanner(f"127.0.0.1:{listener.getsockname()[1]}").scan(io.BytesIO(samples.PDF), within=0.5)
        assert 0.4 < time.monotonic() - begun < 5
        over.set()
        thread.join()
    assert SECONDS < 10
