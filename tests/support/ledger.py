"""What a client received against what the room's log says: pure functions that name every difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Message = dict[str, Any]


def faults(
    received: Sequence[Message], log: Sequence[Message], *, first: int = 1, last: int | None = None
) -> list[str]:
    """How `received` differs from `log` between `first` and `last` (its head, unless told), each seq once, in order.

    `log` is the room's whole log as REST gives it. An empty answer means that they are equal.
    """
    found = holes(log, first=1)
    by_seq = {message["seq"]: message for message in log}
    last = len(log) if last is None else last
    found += order(received)
    wanted = range(first, last + 1)
    got = {message["seq"] for message in received}
    found += [f"{seq} never came" for seq in wanted if seq not in got]
    found += [f"{seq} came, and should not have" for seq in sorted(got - set(wanted))]
    for message in received:
        stored = by_seq.get(message["seq"])
        if stored is not None and message != stored:
            fields = sorted(key for key in message.keys() | stored.keys() if message.get(key) != stored.get(key))
            found.append(f"{message['seq']} differs in {', '.join(fields)}: {message} is not {stored}")
    return found


def order(received: Iterable[Message]) -> list[str]:
    """Doubles and inversions of `received`."""
    found: list[str] = []
    seen: set[int] = set()
    highest = 0
    for message in received:
        seq = message["seq"]
        if seq in seen:
            found.append(f"{seq} came twice")
        elif seq < highest:
            found.append(f"{seq} came after {highest}")
        seen.add(seq)
        highest = max(highest, seq)
    return found


def holes(log: Iterable[Message], *, first: int | None = None) -> list[str]:
    """Where `log` does not count on by one; with `first`, also where it does not begin."""
    found: list[str] = []
    expected = first
    for message in log:
        if expected is not None and message["seq"] != expected:
            found.append(f"{message['seq']} stands where {expected} should")
        expected = message["seq"] + 1
    return found


def assert_equal(
    received: Sequence[Message], log: Sequence[Message], *, first: int = 1, last: int | None = None
) -> None:
    """Raise AssertionError with the first of the differences, and how many there are."""
    found = faults(received, log, first=first, last=last)
    assert not found, f"{len(found)} faults: " + "; ".join(found[:5])
