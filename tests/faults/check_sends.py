"""I1, I2, I4, I7: what became of every send."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from tests.faults.history import Operation
from tests.faults.run_facts import Facts, Violation


def acked_sends_stand(facts: Facts) -> list[Violation]:
    """I1: every acked send is in the history, same seq, same content."""
    found = []
    for send in facts.sends:
        if send.outcome != "ok" or send.args["room"] not in facts.rooms:
            continue
        seq, messages = send.result["seq"], facts.rooms[send.args["room"]].messages
        stored = messages[seq - 1] if 0 < seq <= len(messages) else None
        if stored is None or stored["seq"] != seq:
            stored = next((message for message in messages if message["seq"] == seq), None)
        who = facts.user(send.client)
        if stored is None:
            found.append(f"{_named(send)} was acked as {seq}, and {seq} is not in the log")
        elif stored["client_id"] != send.args["client_id"] or stored["body"] != send.args["body"]:
            found.append(f"{_named(send)} was acked as {seq}, where {stored['client_id']} {stored['body']!r} stands")
        elif stored["sender"]["id"] != who:
            found.append(f"{_named(send)} was acked as {seq}, where another sender stands")
    return [Violation("I1", text) for text in found]


def nothing_uninvoked_or_doubled(facts: Facts) -> list[Violation]:
    """I2: nothing uninvoked appears; a send refused for good never; any other 0 or 1 times."""
    found = []
    for key, messages in facts.texts.items():
        room, _, client_id = key
        attempts = facts.attempts.get(key, [])
        seqs = [message["seq"] for message in messages]
        if len(messages) > 1:
            found.append(f"{client_id} stands {len(messages)} times in {room}: {seqs}")
        if not any(attempt.args["body"] == message["body"] for attempt in attempts for message in messages):
            found.append(f"{client_id} stands at {seqs} in {room}, and nobody sent it")
        elif all(attempt.outcome == "fail" for attempt in attempts):
            found.append(f"{client_id} stands at {seqs} in {room}, and was refused: {attempts[-1].result}")
    known = {(room, message["seq"]) for room, state in facts.rooms.items() for message in state.messages}
    ghosts = {
        (sight.room, sight.seq)
        for sight in facts.history.sights
        if sight.room in facts.rooms and (sight.room, sight.seq) not in known
    }
    found += [f"{seq} was seen in {room}, and is not in its log" for room, seq in sorted(ghosts)]
    return [Violation("I2", text) for text in found]


def a_sender_keeps_its_order(facts: Facts) -> list[Violation]:
    """I4: what one device sent one after the other stands in that order."""
    found = []
    lines: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    settled: dict[tuple[str, str], set[str]] = defaultdict(set)
    for send in facts.sends:
        line = (send.client, send.args["room"])
        if send.args["client_id"] in settled[line]:
            continue
        settled[line].add(send.args["client_id"])
        messages = facts.texts.get((send.args["room"], facts.user(send.client) or "", send.args["client_id"]), [])
        lines[line] += [(send.args["client_id"], message["seq"]) for message in messages[:1]]
    for (client, _), sent in lines.items():
        for (earlier, low), (later, high) in pairwise(sent):
            if low > high:
                found.append(f"{client} sent {earlier} before {later}, and they stand at {low} and {high}")
    return [Violation("I4", text) for text in found]


def acked_before_is_below(facts: Facts) -> list[Violation]:
    """I7: ack of A before invoke of B: seq(A) < seq(B)."""
    found = []
    rooms: dict[str, list[Operation]] = defaultdict(list)
    for send in facts.sends:
        if send.outcome == "ok":
            rooms[send.args["room"]].append(send)
    for sends in rooms.values():
        acked = sorted(sends, key=lambda send: send.ended or 0.0)
        place, highest = 0, None
        for send in sends:  # by invoke
            while place < len(acked) and (acked[place].ended or 0.0) < send.invoked:
                if highest is None or acked[place].result["seq"] > highest.result["seq"]:
                    highest = acked[place]
                place += 1
            if highest is None or send.result.get("duplicate") or highest.args["client_id"] == send.args["client_id"]:
                continue
            if send.result["seq"] < highest.result["seq"]:
                found.append(
                    f"{_named(send)} got {send.result['seq']}, and was sent after the ack of {highest.result['seq']}"
                )
    return [Violation("I7", text) for text in found]


def _named(send: Operation) -> str:
    return f"{send.args['client_id']} of {send.client}"
