"""Work done apart is done in its turn, with the caller's context, and its failure is the caller's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from chatapp.transports.apart import Apart, apart, here


def started(act: Callable[..., None], *given: object) -> threading.Thread:
    thread = threading.Thread(target=act, args=given)
    thread.start()
    return thread


@pytest.mark.parametrize("way", [apart(started), here])
def test_it_is_done_when_the_call_returns(way: Apart) -> None:
    done: list[int] = []
    for n in range(20):
        way(lambda n=n: done.append(n))  # type: ignore[misc]
    assert done == list(range(20))


@pytest.mark.parametrize("way", [apart(started), here])
def test_a_failure_is_the_callers(way: Apart) -> None:
    def fail() -> None:
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        way(fail)


def test_it_goes_in_another_thread_with_the_callers_context() -> None:
    request: ContextVar[str] = ContextVar("request", default="none")
    request.set("this one")
    seen: list[tuple[str, int]] = []
    apart(started)(lambda: seen.append((request.get(), threading.get_ident())))
    assert seen[0][0] == "this one" and seen[0][1] != threading.get_ident()


def test_who_begins_late_is_waited_for() -> None:
    done: list[str] = []

    def late(act: Callable[..., None], *given: object) -> None:
        threading.Timer(0.1, act, given).start()

    apart(late)(lambda: done.append("it"))
    assert done == ["it"]
