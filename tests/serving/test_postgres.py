"""Waiting for PostgreSQL: others run meanwhile, errors are the driver's, and nobody waits for what is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.waiting import Ready, Wait

from chatapp.serving import postgres

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Our end of a connection, which does not block, and the other."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with closing(ours), closing(theirs):
        yield ours, theirs


def asking(*states: int) -> Generator[int, int, list[int]]:
    """What psycopg does: say what is waited for, and take what is possible."""
    told = []
    for state in states:
        told.append((yield state))  # noqa: PERF401 — a comprehension cannot yield
    return told


def test_the_flags_are_psycopgs() -> None:
    for flags in (Wait, Ready):
        assert (int(flags.R), int(flags.W)) == (postgres.READ, postgres.WRITE)
        assert int(flags.RW) == postgres.READ | postgres.WRITE


def test_what_is_possible_at_once_is_not_waited_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_sleep_until", lambda *_: pytest.fail("it slept"))
    ours, theirs = pair
    assert postgres.wait(asking(Wait.W, Wait.RW), ours.fileno()) == [Ready.W, Ready.W]
    theirs.send(b"x")
    assert postgres.wait(asking(Wait.R, Wait.RW), ours.fileno()) == [Ready.R, Ready.RW]
    theirs.close()
    assert postgres.wait(asking(Wait.R), ours.fileno()) == [Ready.R], "the end is something to be read"


@pytest.mark.parametrize("state", [Wait.R, Wait.RW])
def test_a_deadline_is_kept(pair: Pair, state: int) -> None:
    ours, _ = pair
    while True:
        try:
            ours.send(bytes(65536))
        except BlockingIOError:
            break
    with pytest.raises(errors._WaitTimeout):
        postgres.wait(asking(state), ours.fileno(), timeout=0.05)


def test_nobody_waits_for_a_socket_that_somebody_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_ready", lambda *_: 0)
    gone = os.open("/dev/null", os.O_RDONLY)
    os.close(gone)
    with pytest.raises(psycopg.OperationalError):
        postgres.wait(asking(Wait.R), gone)


def test_what_the_driver_raises_comes_through(pair: Pair) -> None:
    def broken() -> Generator[int, int, Any]:
        yield Wait.W
        raise psycopg.DataError("no such thing")

    with pytest.raises(psycopg.DataError):
        postgres.wait(broken(), pair[0].fileno())
