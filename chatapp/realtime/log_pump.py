"""The pump of one room: hands its log on to this worker's readers, each message once and in the order of seq.

A hint is only a hint: the next seq is emitted, an earlier one dropped, a later one kept until the hole before it is
filled, from another hint or from the log. The pump never skips. Reading the log is the courier's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chatapp import meters
from chatapp.contract.hints import Entry
from chatapp.contract.names import CHAT
from chatapp.contract.names import Event as EventName
from chatapp.realtime.connection import Connection
from chatapp.realtime.outgoing import Bundle, Event, Outgoing

MAX_LATER = 2000
"""Entries kept behind a hole; beyond it they are dropped, for the log has them."""

MAX_HELD, MAX_BESIDE = 5000, 100
"""Entries held for one who enters, and what is told beside them; beyond it the entering begins again."""


@dataclass(slots=True, eq=False)
class Reader:
    """A connection in a room. While entering, what the pump emits is held for it, and what is told `beside` the log;
    `skip_to` is the head of its answer, which the pump may not have reached yet. `epoch` is the pump's when the
    entering began, None before it had one."""

    connection: Connection
    epoch: str | None
    entering: bool = True
    skip_to: int = 0
    held: list[tuple[Entry, Event]] = field(default_factory=list)
    beside: list[Outgoing] = field(default_factory=list)
    evicted_at: int | None = None
    outdated: bool = False
    """The log was replaced since it entered: it was told, and hears nothing of the new log before it enters again."""
    spoiled: bool = False
    """Not all that its answer needs behind it was held: the entering begins again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which version of the room, and of who is in it, somebody has been shown; 0 where nobody can say."""

    version: int = 0
    members_version: int = 0


_UNKNOWN = Shown()


class LogPump:
    """`cursor` is the last seq emitted here, None before the first reader's snapshot has set it. `shown` is the oldest
    that a reader may still take for the newest, None while there is no reader: what the poll compares with.

    `lock` is the hub's: an eviction runs from here into the hub, an entering from the hub into here.
    """

    def __init__(
        self, room_id: str, on_evicted: Callable[[Connection, str], None], lock: threading.RLock | None = None
    ) -> None:
        self.room_id = room_id
        self.epoch: str | None = None
        self.cursor: int | None = None
        self.shown: Shown | None = None
        self.readers: dict[str, Reader] = {}
        self._first = 0
        self._later: dict[int, Entry] = {}
        self._later_epoch: str | None = None
        self._on_evicted = on_evicted
        self.lock = lock or threading.RLock()

    @property
    def has_hole(self) -> bool:
        """Whether entries wait for an earlier one."""
        return bool(self._later)

    def begin(self, connection: Connection) -> Reader:
        """Make `connection` one who enters, so that an eviction finds it; before its snapshot is read."""
        with self.lock:
            reader = self.readers[connection.id] = Reader(connection, self.epoch)
            return reader

    def finish(
        self, reader: Reader, *, epoch: str, head: int, answer: Outgoing | Bundle, shown: Shown = _UNKNOWN
    ) -> bool:
        """Write the answer of a snapshot that ends at `head` and shows `shown`, then what was held behind it. False:
        nothing was written and the entering must begin again, because of an eviction or because not all was held that
        belongs behind."""
        with self.lock:
            if self.readers.get(reader.connection.id) is not reader:
                return False
            if self._is_spoiled(reader, epoch, head):
                del self.readers[reader.connection.id]
                return False
            reader.connection.send(answer)
            if epoch == self.epoch:
                behind = [(entry, event) for entry, event in reader.held if entry.seq > head]
                for _, event in behind:
                    reader.connection.send(event)
                if behind:
                    meters.delivered(behind[0][0].payload, len(behind), time.time())
            if self.epoch in (None, epoch):
                for outgoing in reader.beside:
                    reader.connection.send(outgoing)
            replaces = self.cursor is None or epoch != self.epoch
            if replaces:
                self.restart(epoch, head, but=reader)
            reader.held, reader.beside = [], []
            reader.entering = False
            reader.skip_to = head
            self._note_shown(shown)
            if replaces:
                self._emit(self._next_run())
            return True

    def _note_shown(self, shown: Shown) -> None:
        before = self.shown or shown
        self.shown = Shown(min(before.version, shown.version), min(before.members_version, shown.members_version))

    def _is_spoiled(self, reader: Reader, epoch: str, head: int) -> bool:
        if reader.spoiled or (reader.evicted_at is not None and reader.evicted_at > head):
            return True
        if self.cursor is None:
            return False
        if reader.epoch is None:  # began before the pump did: what lies between its head and the pump's first is lost
            return epoch != self.epoch or head < self._first
        return reader.epoch != self.epoch

    def leave(self, connection_id: str) -> bool:
        """This connection receives nothing more. Whether it was here."""
        with self.lock:
            return self.readers.pop(connection_id, None) is not None

    def take(self, epoch: str, entries: Iterable[Entry]) -> None:
        """Entries of the log, from anywhere, in any order, any number of times."""
        with self.lock:
            if self.epoch is None:
                if epoch != self._later_epoch:
                    self._later.clear()
                    self._later_epoch = epoch
            elif epoch != self.epoch:
                return
            for entry in entries:
                if self.cursor is None or entry.seq > self.cursor:
                    self._later[entry.seq] = entry
            if self.cursor is not None:
                self._emit(self._next_run())
            for seq in sorted(self._later)[MAX_LATER:]:
                del self._later[seq]

    def restart(self, epoch: str, head: int, *, but: Reader | None = None) -> None:
        """Begin at `head`; or the log was replaced by another (a restored backup): go on from its head. Readers of the
        old one learn that by `room_head` and are given nothing of the new one, all must enter again `but` one."""
        with self.lock:
            if epoch == self.epoch:
                return
            if self._later_epoch != epoch:
                self._later.clear()
            self._later_epoch = None
            replaced = self.epoch is not None
            self.epoch, self.cursor, self._first = epoch, head, head
            self._later = {seq: entry for seq, entry in self._later.items() if seq > head}
            if not replaced:
                return
            told = self.head()
            for reader in self.readers.values():
                if reader is but:
                    continue
                if reader.entering:
                    reader.spoiled = True
                elif not reader.outdated:
                    reader.outdated = True
                    reader.connection.send(told)

    def head(self) -> Event:
        """Where the log stands, as its members are told."""
        data = {"room_id": self.room_id, "head": self.cursor, "epoch": self.epoch}
        return Event.of(CHAT, EventName.ROOM_HEAD, data)

    def evict(self, user_id: str, *, seq: int) -> None:
        """Whoever of this user entered before `seq` receives nothing above it."""
        with self.lock:
            for reader in list(self.readers.values()):
                if reader.connection.user_id != user_id:
                    continue
                if reader.entering:
                    reader.evicted_at = max(seq, reader.evicted_at or 0)
                elif reader.outdated or reader.skip_to < seq:
                    del self.readers[reader.connection.id]
                    self._on_evicted(reader.connection, self.room_id)

    def entered(self) -> set[Reader]:
        """Those who have entered by now."""
        with self.lock:
            return {reader for reader in self.readers.values() if not reader.entering}

    def keep_only(self, user_ids: set[str], *, of: set[Reader]) -> bool:
        """Evict those `of` these who are not among `user_ids`, for removals that left no line in the log.

        `of` had entered before `user_ids` were read. Who came since cannot be judged by them: False if there is such
        a reader, then the members must be read again.
        """
        with self.lock:
            strangers = [each for each in self.readers.values() if each.connection.user_id not in user_ids]
            for reader in strangers:
                if reader in of:
                    del self.readers[reader.connection.id]
                    self._on_evicted(reader.connection, self.room_id)
                elif reader.entering:
                    reader.spoiled = True
            return all(reader in of for reader in strangers)

    def send_all(self, outgoing: Outgoing, *, but: str = "", user_ids: set[str] | None = None) -> None:
        """Something beside the log, to everybody here (of these users), save one connection. Who enters gets it behind
        their answer, which may be from before it: nobody would tell them again."""
        with self.lock:
            for reader in list(self.readers.values()):
                if reader.connection.id == but or (user_ids is not None and reader.connection.user_id not in user_ids):
                    continue
                if not reader.entering:
                    reader.connection.send(outgoing)
                elif len(reader.beside) < MAX_BESIDE:
                    reader.beside.append(outgoing)
                else:
                    reader.spoiled = True

    def _next_run(self) -> list[Entry]:
        """What follows the cursor without a hole, taken out of what waits."""
        run: list[Entry] = []
        if self.cursor is None:
            return run
        while (entry := self._later.pop(self.cursor + 1, None)) is not None:
            run.append(entry)
            self.cursor += 1
        return run

    def _emit(self, run: list[Entry]) -> None:
        """Send a run on. An eviction takes effect behind its own entry and before the next one."""
        start = 0
        for place, entry in enumerate(run):
            if entry.evicts is not None:
                self._send(run[start : place + 1])
                self.evict(entry.evicts, seq=entry.seq)
                start = place + 1
        self._send(run[start:])

    def _send(self, run: list[Entry]) -> None:
        if not run:
            return
        events = [Event(CHAT, EventName.MESSAGE, entry.payload) for entry in run]
        whole: Outgoing | Bundle = events[0] if len(events) == 1 else Bundle(events)
        readers = list(self.readers.values())
        missed = 0
        for reader in readers:
            if reader.entering:
                self._hold(reader, run, events)
                missed += len(run)
            elif reader.outdated:
                missed += len(run)
            elif reader.skip_to < run[0].seq:
                reader.connection.send(whole)
            else:
                for entry, event in zip(run, events, strict=True):
                    if entry.seq > reader.skip_to:
                        reader.connection.send(event)
                    else:
                        missed += 1
        meters.delivered(run[0].payload, len(run) * len(readers) - missed, time.time())

    def _hold(self, reader: Reader, run: list[Entry], events: list[Event]) -> None:
        if len(reader.held) + len(run) > MAX_HELD:
            reader.spoiled = True
            reader.held = []
        elif not reader.spoiled:
            reader.held.extend(zip(run, events, strict=True))
