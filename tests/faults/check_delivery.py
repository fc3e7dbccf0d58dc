"""I3, I5, I6, I10: the log itself, and how it reached everybody."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

from tests.faults.history import digest
from tests.faults.run_facts import Facts, Violation

BUSY_SHARE = 0.05


def the_log_has_no_hole(facts: Facts) -> list[Violation]:
    """I3: seq is 1..head."""
    found = []
    for room, state in facts.rooms.items():
        seqs = [message["seq"] for message in state.messages]
        if seqs != list(range(1, len(seqs) + 1)):
            expected = next(n for n, seq in enumerate([*seqs, None], start=1) if seq != n)
            found.append(f"{room} has {seqs[expected - 1 : expected + 2]} where {expected} should be")
        if len(seqs) != state.head:
            found.append(f"{room} says its head is {state.head}, its log has {len(seqs)} messages")
    return [Violation("I3", text) for text in found]


def everybody_applied_everything_once(facts: Facts) -> list[Violation]:
    """I5: each client's log grows by one at a time; who is in the room at the end has it up to the head."""
    found = []
    for (client, room), sights in facts.by_client.items():
        last = 0
        for sight in sights:
            if not sight.fresh and sight.seq != last + 1:
                way = "live" if sight.live else "in an answer"
                found.append(f"{client} got {sight.seq} {way} after {last} in {room}")
            last = sight.seq
    garbled = facts.history.noted("garbled")
    found += [f"{note.who} got what is no packet: {note.data['fault']}" for note in garbled]
    for note in facts.history.noted("final"):
        state = facts.rooms.get(note.data["room"])
        if state is not None and note.data["state"] == "in" and note.data["cursor"] != state.head:
            found.append(f"{note.who} ended at {note.data['cursor']}, the head of {note.data['room']} is {state.head}")
    return [Violation("I5", text) for text in found]


def observers_agree(facts: Facts) -> list[Violation]:
    """I6: all observers, and the log read back, agree on seq -> content."""
    agreed: dict[tuple[str, int], tuple[str, str]] = {
        (room, message["seq"]): (digest(message), "the log")
        for room, state in facts.rooms.items()
        for message in state.messages
    }
    found = []
    for sight in facts.history.sights:
        content, whose = agreed.setdefault((sight.room, sight.seq), (sight.digest, sight.client))
        if content != sight.digest:
            found.append(f"{sight.client} saw another {sight.seq} in {sight.room} than {whose}")
    return [Violation("I6", text) for text in found]


def delivery_is_quick(facts: Facts) -> list[Violation]:
    """I10: p99 of delivery, healthy and with Redis dead. Not judged where the machine was too busy to say anything."""
    found: list[str] = []
    if machine_was_busy(facts):
        return []
    for name, seconds in latencies(facts).items():
        bound = facts.bounds.delivery if name == "healthy" else facts.bounds.delivery_redis_dead
        if (worst := percentile(seconds, 0.99)) > bound:
            found.append(f"{name}: p99 of {len(seconds)} deliveries is {worst * 1000:.0f} ms, not {bound * 1000:.0f}")
    return [Violation("I10", text) for text in found]


def machine_was_busy(facts: Facts) -> bool:
    """Whether the laboratory itself waited for its turn for more than a twentieth of the run. Then so did the workers,
    and what is measured is the machine."""
    if not facts.history.notes:
        return False
    seconds = facts.history.notes[-1].at - facts.history.notes[0].at
    return sum(note.data["seconds"] for note in facts.history.noted("stall")) > BUSY_SHARE * seconds


def latencies(facts: Facts) -> dict[str, list[float]]:
    """Seconds from a send's invoke to each live sight of it, while healthy, and while only Redis was not.

    A send that needed a second attempt counts for neither: its time is the client's own. Nor does a delivery during
    which the laboratory itself did not get its turn.
    """
    invoked: dict[tuple[str, int], tuple[float, str]] = {}
    for attempts in facts.attempts.values():
        (send, *more) = attempts
        if more or send.outcome != "ok" or send.ended is None:
            continue
        if facts.quiet(send.invoked, send.invoked + 2):
            invoked[send.args["room"], send.result["seq"]] = (send.invoked, "healthy")
        elif all(
            fault.kind in ("redis", "load")
            for fault in facts.history.faults
            if fault.overlaps(send.invoked - facts.bounds.aftermath, send.invoked + 2)
        ):
            invoked[send.args["room"], send.result["seq"]] = (send.invoked, "Redis dead")
    found: dict[str, list[float]] = defaultdict(list)
    stalls = [(note.at - note.data["seconds"], note.at) for note in facts.history.noted("stall")]
    ends = [end for _, end in stalls]
    for sight in facts.history.sights:
        if sight.live and (sight.room, sight.seq) in invoked:
            start, name = invoked[sight.room, sight.seq]
            next_stall = bisect_left(ends, start)
            if next_stall == len(stalls) or stalls[next_stall][0] > sight.at:
                found[name].append(sight.at - start)
    return found


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
