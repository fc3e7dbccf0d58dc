"""Where a delivery may go, and what is made of an answer. The receivers are real sockets on this machine."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chatapp.contract.words import Fault
from chatapp.realtime.parcel_post import Undelivered, is_public, post


class Receiver:
    """Answers one request with what it is told to."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.answer = answer
        self.got = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/hook?a=b"

    def _serve(self) -> None:
        try:
            taken, _ = self.listener.accept()
        except OSError:
            return
        with taken:
            while b"{}" not in self.got:
                self.got += taken.recv(4096)
            self.answer(taken)

    def close(self) -> None:
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(answer: bytes | Callable[[socket.socket], None]) -> Receiver:
        made.append(Receiver((lambda taken: taken.sendall(answer)) if isinstance(answer, bytes) else answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(url: str, *, private: bool = True, seconds: float = 5) -> int:
    return post(url, b"{}", {"webhook-id": "msg_1"}, private=private, seconds=seconds)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 302),
        (b"HTTP/1.0 500 Oh\r\ncontent-length: 3\r\n\r\nno!", 500),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200),
    ],
)
def test_the_status_is_what_counts_and_nothing_is_followed(
    receiver: Callable[..., Receiver], answer: bytes, status: int
) -> None:
    running = receiver(answer)
    assert send(running.url) == status
    head, _, body = running.got.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\nhost: 127.0.0.1:") and body == b"{}"
    assert b"\r\nwebhook-id: msg_1\r\n" in head and b"\r\ncontent-length: 2" in head


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 40_000])
def test_what_is_no_http_is_no_answer(receiver: Callable[..., Receiver], answer: bytes) -> None:
    with pytest.raises(Undelivered) as caught:
        send(receiver(answer).url)
    assert caught.value.fault in (Fault.BAD_ANSWER, Fault.NO_CONNECTION)


def test_who_answers_a_byte_a_time_is_not_waited_for(receiver: Callable[..., Receiver]) -> None:
    def drip(taken: socket.socket) -> None:
        try:
            for byte in b"HTTP/1.1 200 OK, but slowly, very slowly":
                taken.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            return

    started = time.monotonic()
    with pytest.raises(Undelivered) as caught:
        send(receiver(drip).url, seconds=0.5)
    assert caught.value.fault is Fault.NO_ANSWER
    assert time.monotonic() - started < 3


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Undelivered) as caught:
            send(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert caught.value.fault is Fault.NO_CONNECTION


def test_a_private_address_is_not_even_connected_to(receiver: Callable[..., Receiver]) -> None:
    running = receiver(b"HTTP/1.1 200 OK\r\n\r\n")
    port = running.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
        with pytest.raises(Undelivered) as caught:
            send(f"http://{host}:{port}", private=False)
        assert caught.value.fault is Fault.PRIVATE_ADDRESS, host
    assert running.got == b""
    assert send(running.url) == 200


def test_a_name_with_one_bad_address_among_good_ones_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    def connect(*_: object, **__: object) -> socket.socket:
        raise AssertionError("connected")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Undelivered) as caught:
        send("http://rebinding.example.org/", private=False)
    assert caught.value.fault is Fault.PRIVATE_ADDRESS


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    went: list[tuple[str, int]] = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("8.8.8.8" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(place: tuple[str, int], **_: object) -> socket.socket:
        went.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Undelivered):
        send("https://rebinding.example.org/", private=False)
    assert (asked, went) == (["rebinding.example.org"], [("8.8.8.8", 443)])


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2001:4860:4860::8888", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True),
     ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.0.1", False),
     ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
     ("255.255.255.255", False), ("::1", False), ("::", False),
     ("fe80::1", False), ("fd00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False),
     ("2002:a00:1::", False)],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public
