"""I9: a room closes once, when its host is really gone, and not much later."""

from __future__ import annotations

from itertools import pairwise

from tests.faults.history import Data, RoomState
from tests.faults.run_facts import Facts, Violation

CLOSED, REOPENED, GONE = "room_closed", "room_reopened", "host_gone"


def rooms_close_once_and_in_time(facts: Facts) -> list[Violation]:
    """I9 for every room."""
    found = []
    for room, state in facts.rooms.items():
        found += _once(room, state.messages)
        found += _in_time(facts, room, state)
    return [Violation("I9", text) for text in found]


def _once(room: str, messages: list[Data]) -> list[str]:
    found = []
    for before, after in pairwise(messages):
        if before["code"] == CLOSED and after["code"] != REOPENED:
            found.append(f"{after['seq']} follows the closing of {room} at {before['seq']}")
        if after["code"] == REOPENED and before["code"] != CLOSED:
            found.append(f"{room} was reopened at {after['seq']} without having been closed")
    return found


def _in_time(facts: Facts, room: str, state: RoomState) -> list[str]:
    """Each closing for want of a host, against the host's absences as the host's own devices know them."""
    there = _presence(facts, room, state.host)
    if not there:
        return []
    found = []
    closings = _closings(facts, room, state)
    for seq, at in closings:
        if any(start <= at - facts.bounds.early and at + facts.bounds.early <= end for start, end in there):
            found.append(f"{room} closed at {seq} while its host was there")
            continue
        last = max((end for _, end in there if end <= at + facts.bounds.early), default=None)
        if last is not None and at - last < state.grace - facts.bounds.early:
            found.append(f"{room} closed at {seq}, {at - last:.1f} s after its host left, not {state.grace}")
    end_of_run = max((note.at for note in facts.history.noted("end")), default=None)
    if end_of_run is None:
        return found
    for gone, back in zip([end for _, end in there], [*[start for start, _ in there[1:]], end_of_run], strict=True):
        within = state.grace + facts.bounds.late
        due = _observed_from(facts, gone, within) + within
        if back > due and not _closed_between(facts, room, state, gone, due):
            found.append(f"{room} was still open {due - gone:.1f} s after its host left")
    return found


def _presence(facts: Facts, room: str, host: str) -> list[tuple[float, float]]:
    """When any device of the host was in the room, merged; the end of a stay on a worker that died is its death."""
    spans: list[tuple[float, float]] = []
    open_since: dict[tuple[str, int], float] = {}
    for note in facts.history.notes:
        if note.data.get("room") not in (None, room) or note.who not in facts.history.clients:
            continue
        if facts.user(note.who) != host:
            continue
        key = (note.who, note.data.get("stay", 0))
        if note.what == "entered":
            open_since.setdefault(key, note.at)
        elif note.what in ("cut", "left") and (start := open_since.pop(key, None)) is not None:
            lost = [
                fault.begun
                for fault in facts.history.faults
                if fault.kind in ("worker", "network")
                and fault.target in (note.data.get("worker"), note.who)
                and start <= fault.begun <= note.at
                and (fault.ended is None or fault.ended >= note.at)
            ]
            spans.append((start, min([note.at, *lost])))
    spans += [(start, float("inf")) for start in open_since.values()]
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _closings(facts: Facts, room: str, state: RoomState) -> list[tuple[int, float]]:
    """(seq, when it was first seen) of each closing for want of a host."""
    seqs = {
        message["seq"]
        for message in state.messages
        if message["code"] == CLOSED and message["params"].get("reason") == GONE
    }
    seen: dict[int, float] = {}
    for sight in facts.history.sights:
        if sight.room == room and sight.seq in seqs:
            seen.setdefault(sight.seq, sight.at)
    return sorted(seen.items())


def _closed_between(facts: Facts, room: str, state: RoomState, start: float, end: float) -> bool:
    """Whether the room was closed, by whomever, between these moments, or before and not reopened."""
    moments: dict[int, float] = {}
    codes = {message["seq"]: message["code"] for message in state.messages if message["code"] in (CLOSED, REOPENED)}
    for sight in facts.history.sights:
        if sight.room == room and sight.seq in codes:
            moments.setdefault(sight.seq, sight.at)
    closed = False
    for seq, at in sorted(moments.items()):
        if at > end:
            break
        closed = codes[seq] == CLOSED
        if closed and at >= start:
            return True
    return closed


def _observed_from(facts: Facts, gone: float, within: float) -> float:
    """When the last unbroken observation of an absence began. A worker that starts, or was frozen, counts anew, and so
    does everybody after the database was away; it matters only where nobody else watched all the time."""
    start, watching, fresh = gone, set[str](), dict[str, float]()
    for at, worker, up in _watches(facts):
        if watching and at > start + within:
            break
        if up:
            fresh[worker] = at
            if at <= gone:
                watching.add(worker)
        else:
            fresh.pop(worker, None)
            watching.discard(worker)
        if at > gone and not watching:
            start = max(start, min(fresh.values(), default=at))
            watching = {each for each, since in fresh.items() if since <= start}
    return start


def _watches(facts: Facts) -> list[tuple[float, str, bool]]:
    """(when, which worker, whether it begins to watch), in order."""
    changes = [(note.at, note.who, note.what == "up") for note in facts.history.notes if note.what in ("up", "down")]
    workers = {worker for _, worker, _ in changes}
    for fault in facts.history.faults:
        if fault.kind == "database":
            hit = {fault.target} & workers or workers
            changes += [(fault.begun, worker, False) for worker in hit]
            if fault.ended is not None:
                changes += [(fault.ended, worker, True) for worker in hit]
    return sorted(changes)
