"""What stands between the school and the world reads a request one way only: `deploy/nginx.conf` before a worker."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.serve_cluster import NGINX, Cluster, nginx
from tests.serving.conftest import EchoServer, launched
from tests.support.rawsocket import DisconnectedError, RawSocket, Response
from tests.support.wait import eventually

pytestmark = pytest.mark.service


@dataclass(frozen=True)
class Gate:
    """nginx, with a worker behind it that tells what it was asked."""

    address: tuple[str, int]
    folder: Path

    def answers(self, request: bytes) -> list[Response]:
        """Every answer to what was sent on one connection, until it is closed or nothing more comes."""
        found: list[Response] = []
        with RawSocket(self.address) as sock:
            sock.send_bytes(request)
            with contextlib.suppress(TimeoutError, DisconnectedError):
                while True:
                    found.append(sock.read_response(2 if not found else 0.5))
        return found


@pytest.fixture(scope="module")
def worker() -> Iterator[EchoServer]:
    running = launched()
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture(scope="module")
def gate(worker: EchoServer) -> Iterator[Gate]:
    folder = Path(tempfile.mkdtemp(prefix="chatapp-nginx-"))
    cluster = Cluster(1, folder)
    cluster.workers = {"w1": worker.address[1]}
    site = "\n".join("    " + line for line in cluster.site().splitlines())
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, site=site, user=""))
    process = subprocess.Popen(
        [
            nginx(),
            "-c",
            str(folder / "nginx.conf"),
            "-e",
            str(folder / "start.log"),
            "-g",
            "daemon off; master_process off;",
        ]
    )
    address = ("127.0.0.1", cluster.port)
    try:
        eventually(lambda: _listens(address), within=10, message=(folder / "nginx-error.log").read_text)
        yield Gate(address, folder)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _listens(address: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), RawSocket(address):
        return True
    return False


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

AMBIGUOUS = {
    "a length and chunks": b"POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    "chunks and a length": b"POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    b"0\r\n\r\n",
    "two lengths": b"POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n",
    "a folded header": b"GET /size HTTP/1.1\r\nHost: h\r\nX-One: a\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a header folded by a tab": b"GET /size HTTP/1.1\r\nHost: h\r\nX-One: a\r\n\tb\r\n\r\n",
    "a space before the colon": b"POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: h\r\nHost: evil\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("request_text", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_readers_could_part_differently_ends_at_nginx(gate: Gate, request_text: bytes) -> None:
    answers = gate.answers(request_text + SMUGGLED)
    assert [answer.status for answer in answers] in ([400], [501]), answers
    (honest,) = gate.answers(b"POST /size HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
    assert honest.status == 200 and honest.json()["size"] == 3


def test_a_name_with_an_underscore_passes_for_no_other(gate: Gate, worker: EchoServer) -> None:
    """nginx cannot refuse one, so it drops it; a worker on its own does the same."""
    for address in (gate.address, worker.address):
        with RawSocket(address) as sock:
            sock.send_bytes(b"POST / HTTP/1.1\r\nHost: h\r\nX_Forwarded_For: 10.0.0.1\r\nContent_Length: 36\r\n\r\n")
            told = sock.read_response().json()
            assert told["size"] == 0 and "10.0.0.1" not in told["headers"].values()
            sock.send_bytes(SMUGGLED)
            assert sock.read_response().json()["method"] == "GET", "nothing was taken for a body"


def test_trailers_that_nobody_announced_reach_no_worker(gate: Gate) -> None:
    body = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Role: admin\r\nContent-Length: 36\r\n\r\n"
    first, second = gate.answers(b"POST /size HTTP/1.1\r\nHost: h\r\n" + body + SMUGGLED)
    assert (first.status, first.json()["size"]) == (200, 1)
    assert second.status == 200, "the second request is read from where the first one ends"


def test_announced_trailers_are_refused(gate: Gate) -> None:
    head = b"POST /size HTTP/1.1\r\nHost: h\r\nTrailer: X-Role\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert gate.answers(head + b"1\r\na\r\n0\r\nX-Role: admin\r\n\r\n")[0].status == 400


def test_a_worker_reads_no_trailer_as_a_request_either(worker: EchoServer) -> None:
    trailers = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    with RawSocket(worker.address) as sock:
        sock.send_bytes(
            b"POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + trailers
        )
        assert sock.read_response().json()["size"] == 1
        with pytest.raises((TimeoutError, DisconnectedError)):
            sock.read_response(1)


def test_what_a_client_says_of_itself_is_not_passed_on(gate: Gate) -> None:
    claims = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "Forwarded": "for=10.0.0.1"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in claims.items())
    (answer,) = gate.answers(f"GET /headers HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lines}\r\n".encode())
    told = answer.json()["headers"]
    assert told["HTTP_X_FORWARDED_FOR"] == "127.0.0.1" and told["HTTP_X_FORWARDED_PROTO"] == "http"
    assert "HTTP_FORWARDED" not in told


def test_a_token_in_a_query_is_not_in_nginx_log(gate: Gate) -> None:
    gate.answers(b"GET /seen?token=eyJhbGciOiJIUzI1NiJ9.secret HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    log = gate.folder / "nginx-access.log"
    eventually(lambda: "/seen" in log.read_text(), within=5, message="nginx logged nothing")
    assert "eyJ" not in log.read_text() and "secret" not in log.read_text()


def test_the_figures_stay_inside(gate: Gate) -> None:
    (answer,) = gate.answers(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.status == 404
