"""What happened in a run, as its clients saw it: operations from invoke to outcome, sights of messages, faults.

Times are this process's monotonic clock. Nothing is judged here; the checker does that.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

Data = dict[str, Any]
Outcome = Literal["ok", "fail", "unknown"]
"""fail: refused for good. unknown: answered `retryable`, or not answered."""


@dataclass(slots=True)
class Operation:
    """One attempt of one client. `ended` and `outcome` are None while it is under way."""

    id: int
    client: str
    worker: str
    name: str
    args: Data
    invoked: float
    ended: float | None = None
    outcome: Outcome | None = None
    result: Data = field(default_factory=dict)


class Sight(NamedTuple):
    """One message in one client's hands. `fresh` begins a new local log (the newest page, a reset); `live` came as an
    event, not in an answer. `stay` numbers the client's connections."""

    at: float
    client: str
    stay: int
    room: str
    seq: int
    digest: str
    live: bool
    fresh: bool


@dataclass(slots=True)
class Note:
    """Anything else a client, a worker or the nemesis can say: `what` it was, and its `data`."""

    at: float
    who: str
    what: str
    data: Data


@dataclass(frozen=True, slots=True)
class Client:
    """One device. `user` is None without a valid token; `role` is host, member, waiting or stranger."""

    name: str
    user: str | None
    role: str


@dataclass(slots=True)
class Fault:
    """A disturbance from `begun` to `ended` (None: it lasts). `kind` is worker, redis, database, network, clock,
    client or load; `target` names the worker or client it hits, empty for all; `how` says what was really done."""

    name: str
    kind: str
    target: str
    begun: float
    ended: float | None = None
    how: str = ""

    def overlaps(self, start: float, end: float) -> bool:
        """Whether it disturbs any moment between `start` and `end`."""
        return self.begun <= end and (self.ended is None or self.ended >= start)


class History:
    """Written by one run. With a `path` every line is also kept as JSON there."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clients: dict[str, Client] = {}
        self.operations: list[Operation] = []
        self.sights: list[Sight] = []
        self.notes: list[Note] = []
        self.faults: list[Fault] = []
        self._clock = clock
        self._ids = itertools.count(1)
        self._file = path.open("wb") if path is not None else None

    def client(self, name: str, user: str | None, role: str) -> None:
        """Introduce a client before it does anything."""
        self.clients[name] = Client(name, user, role)
        self._write("client", asdict(self.clients[name]))

    def invoke(self, client: str, worker: str, name: str, **args: Any) -> Operation:
        """An operation leaves its client now."""
        operation = Operation(next(self._ids), client, worker, name, args, self._clock())
        self.operations.append(operation)
        self._write("invoke", {"id": operation.id, "client": client, "worker": worker, "op": name, "args": args})
        return operation

    def end(self, operation: Operation, outcome: Outcome, **result: Any) -> None:
        """Its outcome is known now, or known to be unknown."""
        operation.ended, operation.outcome, operation.result = self._clock(), outcome, result
        self._write(outcome, {"id": operation.id, "result": result})

    def see(self, client: str, stay: int, message: Data, *, live: bool, fresh: bool = False) -> None:
        """A client applies a message now."""
        room, seq = message["room_id"], message["seq"]
        sight = Sight(self._clock(), client, stay, room, seq, digest(message), live, fresh)
        self.sights.append(sight)
        self._write("see", sight._asdict())

    def note(self, who: str, what: str, **data: Any) -> None:
        """Anything else, now."""
        self.notes.append(Note(self._clock(), who, what, data))
        self._write("note", {"who": who, "what": what, "data": data})

    def begin(self, name: str, kind: str, target: str = "", how: str = "") -> Fault:
        """A fault begins now."""
        fault = Fault(name, kind, target, self._clock(), how=how)
        self.faults.append(fault)
        self._write("fault", {"name": name, "of": kind, "target": target, "how": how})
        return fault

    def heal(self, fault: Fault) -> None:
        """A fault is over now."""
        fault.ended = self._clock()
        self._write("healed", {"name": fault.name, "target": fault.target})

    def noted(self, what: str) -> Iterator[Note]:
        """All notes of one sort, in order."""
        return (note for note in self.notes if note.what == what)

    def close(self) -> None:
        """End the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, kind: str, data: Data) -> None:
        if self._file is not None:
            self._file.write(orjson.dumps({"at": round(self._clock(), 6), "kind": kind, **data}) + b"\n")


def digest(message: Data) -> str:
    """A message's content, short: equal for equal messages only."""
    return hashlib.blake2b(orjson.dumps(message, option=orjson.OPT_SORT_KEYS), digest_size=9).hexdigest()


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room read back after healing: its whole log, who is in it, and its status."""

    messages: list[Data]
    participants: list[str]
    status: str
    head: int
    host: str
    grace: float = 60.0


ReadBack = dict[str, RoomState]


def save(read_back: ReadBack, path: Path) -> None:
    """Keep what was read back beside the history."""
    path.write_text(json.dumps({room: asdict(state) for room, state in read_back.items()}, ensure_ascii=False))
