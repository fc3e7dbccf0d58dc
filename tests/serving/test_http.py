"""Requests at the listener: bounds of size, of time and of what may be ambiguous. CASES.md, groups C and G."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chatapp.contract.things import ErrorSchema
from tests.serving.conftest import EchoServer
from tests.support.rawsocket import DisconnectedError, RawSocket, Response, http, request_bytes

pytestmark = pytest.mark.service

CUT_SECONDS = 10.0


def problem(response: Response) -> dict[str, Any]:
    """The body of a refusal, which is one of the contract, in headers that every answer has."""
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert ErrorSchema().validate(body) == {}, body
    assert body["status"] == response.status
    assert body["type"] == f"urn:chatapp:error:{body['code']}"
    assert body["detail"] and body["request_id"] == response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    return body


@pytest.mark.parametrize(
    ("status", "head"),
    [
        pytest.param(414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", id="long address"),
        pytest.param(431, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n", id="100 headers"),
        pytest.param(431, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n", id="2000 headers"),
        pytest.param(431, b"GET / HTTP/1.1\r\nA: " + b"b" * 65536 + b"\r\n\r\n", id="header of 64 KiB"),
        pytest.param(400, b"GET /?token=secret\r\n\r\n", id="HTTP/0.9"),
        pytest.param(400, b"GET /?token=secret HTTP/x\r\n\r\n", id="no version"),
        pytest.param(400, b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="two lengths"),
        pytest.param(400, b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", id="signed length"),
        pytest.param(400, b"POST / HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789", id="length as Python reads it"),
        pytest.param(
            400, b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="two bodies"
        ),
        pytest.param(400, b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", id="unknown coding"),
        pytest.param(400, b"GET /?token=secret HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", id="two hosts"),
        pytest.param(400, b"GET /?token=secret HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", id="a NUL"),
        pytest.param(400, b"GET /?token=secret HTTP/1.1\r\nHost: h\r\nA: b\x1bc\r\n\r\n", id="a control character"),
    ],
)
def test_a_request_out_of_bounds_is_refused_and_not_logged(echo: EchoServer, status: int, head: bytes) -> None:
    with RawSocket(echo.address) as sock:
        sock.send_bytes(head)
        refused = sock.read_response()
        assert refused.status == status
        assert problem(refused)["code"] == ("invalid_payload" if status == 400 else "too_large")
        assert b"secret" not in refused.body and refused.headers["connection"] == "close"
        sock.wait_cut()
    echo.process.terminate()
    out, err = echo.process.communicate(timeout=10)
    assert "secret" not in out + err
    assert "Traceback" not in err


UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        pytest.param("GET", {}, 426, "invalid_payload", id="no upgrade"),
        pytest.param("POST", UPGRADE | KEY, 426, "invalid_payload", id="another method"),
        pytest.param("GET", UPGRADE | KEY | {"Sec-WebSocket-Version": "12"}, 426, "invalid_payload", id="version"),
        pytest.param("GET", UPGRADE, 400, "invalid_payload", id="no key"),
        pytest.param("GET", {"Upgrade": "websocket", **KEY}, 400, "invalid_payload", id="no Connection"),
        pytest.param("GET", UPGRADE | KEY | {"Origin": "https://evil.example"}, 403, "forbidden", id="origin"),
    ],
)
def test_a_handshake_that_is_none_gets_a_problem(
    echo: EchoServer, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    with RawSocket(echo.address) as sock:
        sock.send_bytes(request_bytes(method, "/ws/chat/r/?token=secret", echo.address, headers))
        refused = sock.read_response()
        assert refused.status == status
        assert problem(refused)["code"] == code
        if status == 426:
            assert refused.headers["upgrade"] == "websocket"
        sock.send_bytes(request_bytes("GET", "/ws/chat/r/", echo.address, UPGRADE | KEY))
        assert sock.read_response().status == 101


def test_no_two_refusals_have_one_id(echo: EchoServer) -> None:
    asked = [http(echo.address, "GET", "/ws/chat/r/"), http(echo.address, "GET", "/ws/chat/r/")]
    assert len({problem(refused)["request_id"] for refused in asked}) == 2


def test_every_method_reaches_the_application(echo: EchoServer) -> None:
    for method in ("GET", "TRACE", "PATCH", "PROPFIND"):
        assert http(echo.address, method, "/").json()["method"] == method


def test_bodies_with_a_length_and_in_chunks_are_read(echo: EchoServer) -> None:
    assert http(echo.address, "POST", "/size", body=b"x" * 300_000).json()["size"] == 300_000
    with RawSocket(echo.address) as sock:
        sock.send_bytes(request_bytes("POST", "/size", echo.address, {"Transfer-Encoding": "chunked"}))
        sock.send_bytes(b"3\r\nabc\r\n" + b"a\r\n0123456789\r\n" + b"0\r\n\r\n")
        assert sock.read_response().json()["size"] == 13


def test_a_connection_serves_many_requests(echo: EchoServer) -> None:
    with RawSocket(echo.address) as sock:
        for size in (0, 5, 70_000, 1):
            sock.send_bytes(request_bytes("POST", "/size", echo.address, body=b"x" * size))
            assert sock.read_response().json()["size"] == size


def test_a_large_body_that_nobody_reads_ends_the_connection(echo: EchoServer) -> None:
    with RawSocket(echo.address) as sock:
        sock.send_bytes(request_bytes("PUT", "/", echo.address, {"Content-Length": "100000000"}))
        with pytest.raises(DisconnectedError):
            sock.send_bytes(b"x" * 64 * 1024 * 1024)


def dripped(echo: EchoServer, start: bytes, drip: bytes) -> float:
    """Seconds until the server hangs up on a client that sends a little twice a second."""
    begun = time.monotonic()
    with RawSocket(echo.address) as sock:
        sock.send_bytes(start)
        while time.monotonic() - begun < 2 * CUT_SECONDS:
            try:
                sock.send_bytes(drip)
                sock.wait_cut(0.5)
                break
            except TimeoutError:
                continue
            except DisconnectedError:
                break
    return time.monotonic() - begun


def test_slow_requests_are_cut_within_ten_seconds_and_the_others_are_served(echo: EchoServer) -> None:
    """Half-open connections by the thousand, and dripping ones of each kind."""
    head = b"GET / HTTP/1.1\r\nHost: h\r\n"
    body = b"POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
    chunked = b"POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    socketio = b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
    kinds = [(b"", b""), (b"", b"G"), (head, b""), (head, b"A"), (head, b"A: b\r\n"), (body, b""), (body, b"x")]
    kinds += [(chunked, b"1"), (chunked + b"ff\r\n", b"x"), (socketio, b"")]
    idle = [RawSocket(echo.address) for _ in range(1030)]
    try:
        with ThreadPoolExecutor(len(kinds)) as pool:
            waits = [pool.submit(dripped, echo, *kind) for kind in kinds]
            while not all(wait.done() for wait in waits):
                begun = time.monotonic()
                assert http(echo.address, "GET", "/").status == 200
                assert time.monotonic() - begun < 1
                time.sleep(0.2)
            assert [wait.result() < CUT_SECONDS for wait in waits] == [True] * len(kinds), [w.result() for w in waits]
        assert all(sock.wait_cut(0.5) < 0.5 for sock in idle)
    finally:
        for sock in idle:
            sock.close()
