"""The one owner of a WebSocket's write side, with eventlet but without a server: who comes after whom."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from eventlet.greenio import GreenSocket

from chatapp.realtime.outgoing import text_frame
from chatapp.serving.websocket import ServingWebSocket

BIG = b"A" * 1_000_000


class Ends:
    """A WebSocket and the client's end of its connection."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = GreenSocket(theirs)
        self.ws = ServingWebSocket(GreenSocket(ours), {}, 13, max_message_bytes=32768)

    def received(self, count: int) -> bytes:
        """The next `count` bytes at the client's end."""
        data = b""
        with eventlet.Timeout(5):
            while len(data) < count:
                data += self.theirs.recv(count - len(data))
        return data

    def fill(self) -> int:
        """Write until the kernel takes nothing more; how many bytes it holds."""
        taken = 0
        raw: Any = self.ws.socket.fd
        while True:
            try:
                taken += raw.send(b"f" * 4096)
            except BlockingIOError:
                return taken


def tail(ws: ServingWebSocket) -> tuple[int, float | None]:
    """What still waits, and since when."""
    return ws.tail_bytes, ws.tail_since


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.ws.abort()
    made.ws.release()
    made.ws.socket.close()
    made.theirs.close()


def test_a_direct_write_is_whole_or_has_a_tail_that_follows(ends: Ends) -> None:
    assert ends.ws.write_now(BIG)
    assert 0 < ends.ws.tail_bytes < len(BIG)
    assert ends.ws.tail_since is not None
    assert ends.received(len(BIG)) == BIG
    eventlet.sleep(0.01)
    assert tail(ends.ws) == (0, None)
    assert ends.ws.write_now(b"B")
    assert ends.received(1) == b"B"


def test_nothing_passes_a_tail(ends: Ends) -> None:
    assert ends.ws.write_now(BIG)
    assert not ends.ws.write_now(b"B")
    eventlet.sleep(0)
    assert not ends.ws.write_now(b"B")


def test_nothing_is_written_when_the_kernel_takes_nothing(ends: Ends) -> None:
    taken = ends.fill()
    assert not ends.ws.write_now(b"B")
    assert ends.ws.tail_bytes == 0
    ends.received(taken)
    assert ends.ws.write_now(b"C")
    assert ends.received(1) == b"C"


def test_who_waits_for_the_lock_goes_before_a_direct_write(ends: Ends) -> None:
    """The library's writer waits with packets in its hands; a direct write tries again at every turn of the hub."""
    assert ends.ws.write_now(BIG)
    eventlet.spawn_n(ends.ws.send, "B")

    def pass_it() -> None:
        while not ends.ws.write_now(b"C"):
            eventlet.sleep(0)

    eventlet.sleep(0)
    eventlet.spawn_n(pass_it)
    behind = text_frame(b"B") + b"C"
    assert ends.received(len(BIG) + len(behind)) == BIG + behind


def test_after_the_close_frame_comes_nothing(ends: Ends) -> None:
    assert ends.ws.write_now(b"\x88\x00", last=True)
    assert ends.ws.write_now(b"B")  # swallowed: its reader is gone
    with pytest.raises(BrokenPipeError):
        ends.ws.send("C")
    ends.ws.close()
    assert ends.received(2) == b"\x88\x00"
    assert ends.theirs.recv(10) == b""


def test_an_abort_wakes_a_blocked_writer(ends: Ends) -> None:
    ends.fill()
    writer = eventlet.spawn(ends.ws.send, "B")
    eventlet.sleep(0.01)
    ends.ws.abort()
    with eventlet.Timeout(1), pytest.raises((BrokenPipeError, ConnectionResetError)):
        writer.wait()
    assert ends.ws.write_now(b"C")


def test_a_frame_that_was_cut_short_is_the_last(ends: Ends) -> None:
    """A time-out in the middle of a frame: whatever followed would be read as its rest."""
    ends.ws.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        ends.ws.send_frames(BIG)
    with pytest.raises(BrokenPipeError):
        ends.ws.send_frames(b"B")
    ends.ws.close()
    received = b""
    try:
        while data := ends.theirs.recv(1 << 20):
            received += data
    except ConnectionResetError:
        pass
    assert received == BIG[: len(received)]
