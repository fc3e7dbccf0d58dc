"""What the checks share: a history seen from a few useful sides, and the bounds in seconds they measure against."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tests.faults.history import Data, Fault, History, Operation, ReadBack, Sight


class Violation(NamedTuple):
    """One broken promise, in words."""

    invariant: str
    text: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds. `late` is how long after its grace time a room may still be open; `early` what clocks may differ."""

    evicted: float = 1.0
    evicted_redis_dead: float = 5.0
    delivery: float = 0.15
    delivery_redis_dead: float = 1.0
    lobby: float = 1.0
    lobby_redis_dead: float = 5.0
    hang: float = 10.0
    late: float = 25.0
    early: float = 0.25
    aftermath: float = 6.0
    """How long a fault's traces are put down to it: Redis counts as unwell for 5 s after a new subscription."""


class Facts:
    """A run, indexed."""

    def __init__(self, history: History, read_back: ReadBack, bounds: Bounds) -> None:
        self.history = history
        self.rooms = read_back
        self.bounds = bounds

    @cached_property
    def sends(self) -> list[Operation]:
        """Every attempt to send, by time of invoke."""
        return sorted((each for each in self.history.operations if each.name == "send"), key=lambda each: each.invoked)

    @cached_property
    def attempts(self) -> dict[tuple[str, str, str], list[Operation]]:
        """(room, user, client_id) -> its attempts, in order."""
        found: dict[tuple[str, str, str], list[Operation]] = defaultdict(list)
        for send in self.sends:
            user = self.user(send.client)
            found[send.args["room"], user or "", send.args["client_id"]].append(send)
        return found

    @cached_property
    def texts(self) -> dict[tuple[str, str, str], list[Data]]:
        """(room, user, client_id) -> the messages that stand."""
        found: dict[tuple[str, str, str], list[Data]] = defaultdict(list)
        for room, state in self.rooms.items():
            for message in state.messages:
                if message["type"] != "system":
                    found[room, message["sender"]["id"], message["client_id"]].append(message)
        return found

    @cached_property
    def by_client(self) -> dict[tuple[str, str], list[Sight]]:
        """(client, room) -> what it saw, in the order it saw it."""
        found: dict[tuple[str, str], list[Sight]] = defaultdict(list)
        for sight in self.history.sights:
            found[sight.client, sight.room].append(sight)
        return found

    def user(self, client: str) -> str | None:
        """Whose device a client is."""
        return self.history.clients[client].user

    def faults(self, kind: str, start: float, end: float, *targets: str) -> list[Fault]:
        """The faults of a kind between `start` and `end` that hit everybody or one of `targets`."""
        return [
            fault
            for fault in self.history.faults
            if fault.kind == kind
            and fault.overlaps(start - self.bounds.aftermath, end)
            and (not fault.target or not targets or fault.target in targets)
        ]

    def quiet(self, start: float, end: float) -> bool:
        """Whether no fault has traces between `start` and `end`. Load is none: who is healthy carries it."""
        return not any(
            fault.kind != "load" and fault.overlaps(start - self.bounds.aftermath, end) for fault in self.history.faults
        )
