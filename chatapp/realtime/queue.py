"""How hints travel between the processes of one deployment. They make delivery quicker; nothing depends on them.

One interface: `publish` hands hints to every other process, `listen` says who takes theirs. Without Redis there is one
process, and `LocalQueue` joins whoever shares it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any, Protocol

from chatapp.contract import jsontext
from chatapp.contract.hints import Entry, Hint, LogGrew, type_names

Deliver = Callable[[list[Hint]], None]

MAX_BYTES = 64 * 1024
"""A hint above this travels without its entries: the log has them. Hints that travel together stop growing at it."""

MAX_TEXT = 8 * MAX_BYTES
"""No message on the queue is longer, JSON within JSON as it is. What is longer is none of ours, and is not read."""

_TYPES = {kind.__name__: kind for kind in type_names}


class HintQueue(Protocol):
    """What delivery knows of the way between processes."""

    def publish(self, hints: list[Hint]) -> None:
        """Tell the other processes, soon or never. Returns at once and never raises."""

    def listen(self, deliver: Deliver) -> None:
        """Call `deliver` with what the others publish, never with what was published here."""

    def stop(self) -> None:
        """Neither hear nor tell any more."""

    @property
    def healthy(self) -> bool:
        """Whether what is published can be expected to arrive."""

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be published."""


class LocalQueue:
    """Within one process. Each `end` is one listener; what one publishes the others get, at once."""

    def __init__(self) -> None:
        self._ends: list[LocalQueue._End] = []

    class _End:
        def __init__(self, queue: LocalQueue) -> None:
            self._queue = queue
            self._deliver: Deliver | None = None

        def publish(self, hints: list[Hint]) -> None:
            for other in list(self._queue._ends):
                if other is not self and other._deliver is not None:
                    other._deliver([decode(encode(hint)) for hint in hints])

        def listen(self, deliver: Deliver) -> None:
            self._deliver = deliver

        def stop(self) -> None:
            if self in self._queue._ends:
                self._queue._ends.remove(self)

        @property
        def healthy(self) -> bool:
            return True

        @property
        def waiting_bytes(self) -> int:
            return 0

    def end(self) -> HintQueue:
        """A new end of this queue."""
        end = LocalQueue._End(self)
        self._ends.append(end)
        return end


def encode(hint: Hint) -> dict[str, Any]:
    """A hint as JSON's types; an over-long one without its entries."""
    if isinstance(hint, LogGrew):
        entries = hint.entries
        if sum(len(entry.payload) for entry in entries) > MAX_BYTES:
            entries = ()
        packed = [[entry.seq, entry.payload.decode(), entry.evicts] for entry in entries]
        return {"kind": "LogGrew", "room_id": hint.room_id, "epoch": hint.epoch, "entries": packed}
    return {"kind": type(hint).__name__, **asdict(hint)}


def decode(packed: dict[str, Any]) -> Hint:
    """The hint again. Raises ValueError, KeyError or TypeError for what is none."""
    values = dict(packed)
    kind = _TYPES[values.pop("kind")]
    if kind is LogGrew:
        entries = tuple(Entry(int(seq), str(payload).encode(), evicts) for seq, payload, evicts in values["entries"])
        return LogGrew(str(values["room_id"]), str(values["epoch"]), entries)
    if set(values) != {known.name for known in fields(kind)}:
        raise ValueError("not a hint of ours")
    make: Callable[..., Hint] = kind
    return make(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def seal(hints: list[Hint], key: bytes) -> list[str]:
    """Hints as texts of bounded length, each with a keyed hash (HMAC-SHA-256, RFC 2104), so that nobody else on the
    queue can speak for us. Unsealed one after the other they are the same hints in the same order."""
    texts: list[str] = []
    waiting: list[bytes] = []
    size = 0
    for hint in hints:
        packed = jsontext.encode(encode(hint))
        if waiting and size + len(packed) > MAX_BYTES:
            texts.append(_sealed(waiting, key))
            waiting, size = [], 0
        waiting.append(packed)
        size += len(packed)
    return [*texts, _sealed(waiting, key)] if waiting else texts


def _sealed(packed: list[bytes], key: bytes) -> str:
    body = b"[" + b",".join(packed) + b"]"
    return _digest(body, key) + body.decode()


def _digest(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def unseal(sealed: object, key: bytes) -> list[Hint]:
    """The hints in a text that was sealed with `key`; none for anything else."""
    if not isinstance(sealed, str) or len(sealed) < 64:
        return []
    try:
        digest, body = sealed[:64].encode("ascii"), sealed[64:].encode()
    except UnicodeError:
        return []
    if not hmac.compare_digest(digest, _digest(body, key).encode()):
        return []
    try:
        return [decode(packed) for packed in jsontext.decode(body)]
    except (ValueError, KeyError, TypeError):
        return []
