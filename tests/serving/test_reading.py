"""A WebSocket's reading side: it stays registered, wakes for what comes, gives up after its time and lets go."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import eventlet
import pytest
from eventlet.greenio import GreenSocket
from eventlet.hubs import get_hub

from chatapp.serving.reading import Reading


class Ends:
    """A connection: `reading` on our end of it, `theirs` an ordinary socket."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.ours = GreenSocket(ours)
        self.reading = Reading(self.ours)

    @property
    def registered(self) -> bool:
        """Whether the hub looks after our end."""
        return self.ours.fileno() in get_hub().listeners["read"]

    def later(self, *pieces: bytes) -> None:
        """Let these come one after the other, each when whoever reads waits again."""

        def say() -> None:
            for piece in pieces:
                eventlet.sleep(0.01)
                self.theirs.sendall(piece)

        eventlet.spawn_n(say)


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    with eventlet.Timeout(10):
        yield made
    made.reading.stop()
    assert not made.registered
    made.ours.close()
    made.theirs.close()


def test_what_comes_is_received_in_order_until_the_end(ends: Ends) -> None:
    ends.theirs.sendall(b"already here")
    assert ends.reading.receive(4096) == b"already here"
    ends.later(b"one", b"two")
    assert ends.reading.receive(4096) == b"one"
    assert ends.reading.receive(1) == b"t"
    assert ends.reading.receive(4096) == b"wo"
    ends.theirs.shutdown(socket.SHUT_WR)
    assert ends.reading.receive(4096) == b"" == ends.reading.receive(4096)


def test_it_stays_registered_between_two_messages_and_not_behind_the_last(ends: Ends) -> None:
    assert not ends.registered
    ends.later(b"one", b"two")
    for expected in (b"one", b"two"):
        assert ends.reading.receive(4096) == expected
        assert ends.registered
    ends.reading.stop()
    assert not ends.registered
    ends.theirs.sendall(b"more")
    assert ends.ours.recv(4096) == b"more", "somebody else may read now"


def test_a_reader_who_is_busy_is_not_called_again_and_again(ends: Ends) -> None:
    ends.theirs.sendall(b"one")
    assert ends.reading.receive(4096) == b"one"
    called: list[int] = []
    listener = get_hub().listeners["read"][ends.ours.fileno()]
    right = listener.cb

    def noted(fileno: int) -> None:
        called.append(fileno)
        right(fileno)

    listener.cb = noted
    ends.theirs.sendall(b"two")
    for _ in range(5):
        eventlet.sleep(0.002)
    assert len(called) == 1 and not ends.registered
    assert ends.reading.receive(4096) == b"two" and ends.registered


def test_nothing_for_long_enough_is_a_timeout_and_every_message_begins_anew(ends: Ends) -> None:
    ends.ours.settimeout(0.2)
    begun = time.monotonic()
    for _ in range(3):
        ends.later(b"x" * 3)
        eventlet.spawn_after(0.12, ends.theirs.sendall, b"late")
        assert ends.reading.receive(4096) == b"xxx"
        assert ends.reading.receive(4096) == b"late"
    assert time.monotonic() - begun > 0.3, "longer than it may be silent"
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ends.reading.receive(4096)
    assert 0.15 < time.monotonic() - begun < 2
    ends.later(b"still here")
    assert ends.reading.receive(4096) == b"still here"


def test_who_is_interrupted_while_waiting_may_wait_again(ends: Ends) -> None:
    with pytest.raises(eventlet.Timeout), eventlet.Timeout(0.02):
        ends.reading.receive(4096)
    ends.later(b"now")
    assert ends.reading.receive(4096) == b"now"


def test_a_reset_is_an_end(ends: Ends) -> None:
    eventlet.spawn_after(0.01, ends.ours.shutdown, socket.SHUT_RDWR)
    assert ends.reading.receive(4096) == b""


def test_a_number_that_was_given_to_another_wakes_the_reader(ends: Ends) -> None:
    eventlet.spawn_after(0.01, get_hub().mark_as_reopened, ends.ours.fileno())
    with pytest.raises(OSError, match="closed file"):
        ends.reading.receive(4096)
