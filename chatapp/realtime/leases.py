"""Whether this worker may still serve, whether others still do, and how long each host has been away.

Everything is counted on this process's monotonic clock, from what it has itself observed without a break; after a
start, an outage or a pause it observes anew. So nothing happens early because a clock, a worker or a database
hiccupped. What is written is decided by functions it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from chatapp import meters

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Absence(Protocol):
    """An absence that lasts; see the domain."""

    @property
    def room_id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def grace_seconds(self) -> int: ...
    @property
    def told(self) -> bool: ...
    @property
    def closes_in(self) -> float | None: ...


class Ledger(Protocol):
    """What is read and written of workers and absences. Each call is a transaction."""

    def clock_error(self) -> float: ...
    def begin(self) -> str: ...
    def beat(self, worker_id: str) -> bool: ...
    def beats(self) -> dict[str, int]: ...
    def bury(self, worker_id: str) -> bool: ...
    def absences(self) -> Sequence[Absence]: ...
    def tell_away(self, *, room_id: str, absence: int, closes_in: float) -> None: ...
    def postpone(self, *, room_id: str, absence: int, closes_in: float) -> None: ...
    def close_abandoned(self, *, room_id: str, absence: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: between beats, until another's lease is dead, until one fences oneself, between two looks where the
    process must have stood still, until an absence is told, by how much the wall clock may be wrong."""

    beat: float = 3.0
    timeout: float = 15.0
    fence: float = 12.0
    jump: float = 5.0
    away: float = 5.0
    clock_error: float = 15.0


@dataclass(slots=True)
class _Sighting:
    """What was seen of something, and since when without a break."""

    value: int
    since: float
    not_before: float = 0.0
    """Of an absence: the moment that was announced for its end, on this process's clock."""


class Leases:
    """`fence` is called when this worker must stop serving at once; it is told whether it may serve by `serving`."""

    def __init__(
        self,
        ledger: Ledger,
        terms: Terms,
        *,
        fence: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._terms = terms
        self._fence = fence
        self._clock = clock
        self._last_beat = self._last_guard = self._last_look = clock()
        self._workers: dict[str, _Sighting] = {}
        self._absences: dict[str, _Sighting] = {}
        self.worker_id = ""
        self.clock_is_wrong = False

    @property
    def serving(self) -> bool:
        """Whether this worker holds a lease."""
        return bool(self.worker_id)

    def begin(self) -> None:
        """Become a new worker; not while the wall clock is wrong. Raises what the database raises."""
        moment = self._clock()
        if self._has_wrong_clock():
            return
        self.worker_id = self._ledger.begin()
        self._last_beat, self._last_guard = moment, self._clock()

    def guard(self) -> None:
        """Fence when the process stood still, or when the last beat is too old. It asks nobody, for a beat may wait for
        its database: to be called every second."""
        moment, before = self._clock(), self._last_guard
        self._last_guard = moment
        if not self.serving:
            return
        if moment - before > self._terms.jump:
            self._stop("the process stood still")
        elif moment - self._last_beat > self._terms.fence:
            self._stop("the database is out of reach")

    def beat(self) -> None:
        """Renew the lease, or fence when it was taken. Without one: begin anew."""
        if not self.serving:
            self.begin()
            return
        self.guard()
        if self.serving:
            self._renew(self.worker_id)

    def watch(self) -> None:
        """One look at the other workers and at the absent hosts. Raises what the database raises: while it could not be
        asked nobody could come back, and all is observed anew."""
        try:
            self._watch_workers()
            self._watch_absences()
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Observe everything anew: what was seen before a break counts for nothing."""
        self._workers.clear()
        self._absences.clear()

    def _keeps_time(self, worker_id: str) -> bool:
        """Fence when the wall clock has become wrong. Whether this worker goes on."""
        try:
            wrong = self._has_wrong_clock()
        except Exception as fault:  # noqa: BLE001 — whatever the database says, an old lease ends
            log.warning("beat_failed", fault=type(fault).__name__)
            return False
        if self.worker_id != worker_id:
            return False
        if wrong:
            self._stop("the clock is wrong")
        return not wrong

    def _has_wrong_clock(self) -> bool:
        """Nothing here goes by wall clocks, but tokens do: who has a wrong one takes good ones for bad."""
        error = self._ledger.clock_error()
        wrong = abs(error) > self._terms.clock_error
        if wrong and not self.clock_is_wrong:
            log.error("clock_is_wrong", seconds=round(error))
        self.clock_is_wrong = wrong
        return wrong

    def _stop(self, reason: str) -> None:
        meters.FENCES.add()
        log.warning("fenced", reason=reason, worker_id=self.worker_id)
        self.worker_id = ""
        self.forget()
        self._fence()

    def _renew(self, worker_id: str) -> None:
        """A beat that took long may be answered late, by a time when the lease was taken: it is asked again."""
        if not self._keeps_time(worker_id):
            return
        for _ in range(2):
            moment = self._clock()
            try:
                renewed = self._ledger.beat(worker_id)
            except Exception as fault:  # noqa: BLE001 — whatever the database says, an old lease ends
                log.warning("beat_failed", fault=type(fault).__name__)
                return
            if self.worker_id != worker_id:
                return
            if not renewed:
                self._stop("the lease was taken")
                return
            self._last_beat = moment
            if self._clock() - moment <= self._terms.jump:
                return

    def _read(self, ask: Callable[[], T]) -> tuple[T, float, float]:
        """What is asked, and the moments before and behind the answer. Something lasts from behind the answer that
        first named it until before the one that did so last."""
        before = self._look()
        answer = ask()
        return answer, before, self._look()

    def _look(self) -> float:
        """Now. If the last look is too long ago the process stood still, and all is observed anew."""
        moment, before = self._clock(), self._last_look
        self._last_look = moment
        if moment - before > self._terms.jump:
            self.forget()
        return moment

    def _watch_workers(self) -> None:
        beats, before, behind = self._read(self._ledger.beats)
        beats.pop(self.worker_id, None)
        self._workers = {
            worker_id: seen
            if (seen := self._workers.get(worker_id)) is not None and seen.value == beat
            else _Sighting(beat, behind)
            for worker_id, beat in beats.items()
        }
        for worker_id, seen in list(self._workers.items()):
            if before - seen.since >= self._terms.timeout and _done(self._ledger.bury, worker_id):
                log.warning("worker_buried", worker_id=worker_id)

    def _watch_absences(self) -> None:
        absences, before, behind = self._read(self._ledger.absences)
        lasting = {absence.room_id for absence in absences}
        self._absences = {room_id: seen for room_id, seen in self._absences.items() if room_id in lasting}
        for absence in absences:
            seen = self._absences.get(absence.room_id)
            if seen is None or seen.value != absence.number:
                seen = self._absences[absence.room_id] = _Sighting(absence.number, behind)
            self._note_announced(absence, seen, behind)
            observed = max(0.0, before - seen.since)
            _done(self._act, absence, observed, max(absence.grace_seconds - observed, seen.not_before - before))

    def _note_announced(self, absence: Absence, seen: _Sighting, moment: float) -> None:
        """What another has announced it may have counted from a later look than ours; nobody closes before it. No
        longer than a pause that goes unnoticed, lest a wrong clock keep a class open."""
        if absence.closes_in is not None:
            longest = seen.since + absence.grace_seconds + self._terms.jump
            seen.not_before = max(seen.not_before, min(moment + absence.closes_in, longest))

    def _act(self, absence: Absence, observed: float, remaining: float) -> None:
        """Close, tell or postpone, by how long this very absence was observed and what was announced."""
        which = {"room_id": absence.room_id, "absence": absence.number}
        if remaining <= 0:
            if self._ledger.close_abandoned(room_id=absence.room_id, absence=absence.number):
                log.info("room_closed_without_host", **which)
        elif not absence.told:
            if observed >= self._terms.away or absence.grace_seconds < 2 * self._terms.away:
                self._ledger.tell_away(room_id=absence.room_id, absence=absence.number, closes_in=remaining)
        elif self._is_overdue(absence, remaining):
            self._ledger.postpone(room_id=absence.room_id, absence=absence.number, closes_in=remaining)

    def _is_overdue(self, absence: Absence, remaining: float) -> bool:
        """Whether the announced moment cannot be kept, and nobody is left who might: then it is moved, not missed."""
        if absence.closes_in is None or absence.closes_in + 1 >= remaining:
            return False
        return absence.closes_in <= 0 or not self._workers


def _done(act: Callable[..., T], *args: Any) -> T | None:
    """What `act` returns. What fails for one worker or room is tried at the next look, and keeps no other waiting."""
    try:
        return act(*args)
    except Exception as fault:  # noqa: BLE001 — if the database is away, the next look's first question raises
        log.warning("act_failed", act=act.__name__, fault=type(fault).__name__)
        return None
