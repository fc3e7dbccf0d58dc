"""I8, I12, I14, I15: who may not receive, what must be answered, and who must be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.history import Data, Operation
from tests.faults.run_facts import Facts, Violation

JOINED, LEFT = "participant_joined", ("participant_left", "participant_removed")


def the_removed_are_out(facts: Facts) -> list[Violation]:
    """I8: above a removal's seq its user has sent nothing, and after the bound receives nothing above it."""
    found = [text for room, state in facts.rooms.items() for text in _spoke_outside(room, state.messages)]
    for removal in facts.history.operations:
        if removal.name != "remove" or removal.outcome != "ok" or removal.args["room"] not in facts.rooms:
            continue
        found += _received_outside(facts, removal)
    return [Violation("I8", text) for text in found]


def _spoke_outside(room: str, messages: Iterable[Data]) -> list[str]:
    out: dict[str, int] = {}
    found = []
    for message in messages:
        if message["code"] in LEFT:
            out[message["params"]["user"]["id"]] = message["seq"]
        elif message["code"] == JOINED:
            out.pop(message["params"]["user"]["id"], None)
        elif message["type"] != "system" and (left := out.get(message["sender"]["id"])) is not None:
            found.append(f"{message['seq']} in {room} is by somebody who was removed at {left}")
    return found


def _received_outside(facts: Facts, removal: Operation) -> list[str]:
    room, user, seq, acked = removal.args["room"], removal.args["user"], removal.result["seq"], removal.ended or 0.0
    again = next(
        (
            message["seq"]
            for message in facts.rooms[room].messages
            if message["seq"] > seq and message["code"] == JOINED and message["params"]["user"]["id"] == user
        ),
        None,
    )
    found = []
    for client in [each.name for each in facts.history.clients.values() if each.user == user]:
        redis_dead = facts.faults("redis", acked, acked + 1)
        bound = facts.bounds.evicted_redis_dead if redis_dead else facts.bounds.evicted
        for sight in facts.by_client.get((client, room), []):
            if sight.at <= acked + bound or sight.seq <= seq or (again is not None and sight.seq >= again):
                continue
            if again is not None and not sight.live:
                continue  # back again, and reading what was said meanwhile
            if facts.faults("network", acked, sight.at):
                continue  # it may have been under way
            found.append(f"{client} got {sight.seq} {sight.at - acked:.1f} s after its removal at {seq}")
    return found


def strangers_receive_nothing(facts: Facts) -> list[Violation]:
    """I12: no unauthenticated or foreign connection ever receives a message."""
    found = []
    since = _let_in(facts)
    for (client, room), sights in facts.by_client.items():
        user = facts.user(client)
        if room not in facts.rooms or user == facts.rooms[room].host:
            continue
        begun = since.get((room, user)) if user is not None else None
        for sight in sights:
            if begun is None or sight.at < begun:
                when = "was never let in" if begun is None else "was not yet let in"
                found.append(f"{client} got {sight.seq} of {room}, where it {when}")
    return [Violation("I12", text) for text in found]


def _let_in(facts: Facts) -> dict[tuple[str, str | None], float]:
    """(room, user) -> when the host could first let them in after their knock; for who was in before the run: 0. An
    approval of all that was under way when somebody knocked may have come to them."""
    knocks: dict[tuple[str, str], float] = {}
    approvals: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for operation in facts.history.operations:
        if operation.name == "knock" and operation.outcome != "fail":
            knocks.setdefault((operation.args["room"], operation.args["user"]), operation.invoked)
        elif operation.name == "approve" and operation.outcome != "fail":
            ended = float("inf") if operation.ended is None else operation.ended
            approvals[operation.args["room"]].append((operation.invoked, ended))

    def since(room: str, user: str) -> float:
        if (knocked := knocks.get((room, user))) is None:
            return 0.0
        return min((max(at, knocked) for at, ended in approvals[room] if ended >= knocked), default=float("inf"))

    joined = {
        (room, message["params"]["user"]["id"])
        for room, state in facts.rooms.items()
        for message in state.messages
        if message["code"] == JOINED
    }
    return {(room, user): since(room, user) for room, user in joined}


def nothing_hangs(facts: Facts) -> list[Violation]:
    """I14: every operation ends within 10 s. One whose connection was cut has ended; one that a frozen worker or a
    silent network held back is its own fault's."""
    found = []
    for operation in facts.history.operations:
        if operation.ended is None:
            found.append(f"{operation.name} of {operation.client} on {operation.worker} never ended")
            continue
        took = operation.ended - operation.invoked
        if took <= facts.bounds.hang or operation.result.get("why") == "cut":
            continue
        held = (
            facts.faults(kind, operation.invoked, operation.ended, operation.worker, operation.client)
            for kind in ("worker", "network")
        )
        if not any(held):
            found.append(f"{operation.name} of {operation.client} on {operation.worker} took {took:.1f} s")
    return [Violation("I14", text) for text in found]


def the_lobby_is_told(facts: Facts) -> list[Violation]:
    """I15: a knock reaches every connection of the host, and a decision its requester's, in time."""
    told: dict[tuple[str, int, str, str], float] = {}
    for what in ("join_request", "decided"):
        for note in facts.history.noted(what):
            told.setdefault((note.who, note.data["stay"], what, note.data["request"]), note.at)
    stays = _stays(facts)
    decided: set[str] = set()
    found = []
    for operation in facts.history.operations:
        if operation.outcome != "ok" or operation.name not in ("knock", "approve", "deny"):
            continue
        what = "join_request" if operation.name == "knock" else "decided"
        for request, user in operation.result.get("news", []):
            if operation.name != "knock":
                if request in decided:
                    continue  # the second of the host's devices to say so
                decided.add(request)
            for client, stay, begun, ended in stays.get(user, []):
                if what == "decided" and facts.history.clients[client].role != "waiting":
                    continue  # a member's device is on /chat alone, where no decision is told
                found += _late(facts, operation, (client, stay, what, request), (begun, ended), told)
    return [Violation("I15", text) for text in found]


def _late(
    facts: Facts,
    operation: Operation,
    key: tuple[str, int, str, str],
    stay: tuple[float, float],
    told: dict[tuple[str, int, str, str], float],
) -> list[str]:
    acked = operation.ended or 0.0
    redis_dead = facts.faults("redis", operation.invoked, acked + 1)
    bound = facts.bounds.lobby_redis_dead if redis_dead else facts.bounds.lobby
    client, _, what, request = key
    if stay[0] > operation.invoked or stay[1] < acked + bound:
        return []  # it came later and asked for itself, or was gone before the time was up
    hit = (facts.faults(kind, operation.invoked, acked + bound) for kind in ("worker", "database", "network"))
    if any(hit):
        return []
    if (at := told.get(key)) is None:
        return [f"{client} was never told of {what} {request}"]
    return [f"{client} was told of {what} {request} after {at - acked:.1f} s"] if at > acked + bound else []


def _stays(facts: Facts) -> dict[str, list[tuple[str, int, float, float]]]:
    """user -> (client, stay, when it began to listen, when it ended)."""
    begun: dict[tuple[str, int], float] = {}
    found: dict[str, list[tuple[str, int, float, float]]] = defaultdict(list)
    for note in facts.history.notes:
        if note.what == "listens":
            begun[note.who, note.data["stay"]] = note.at
        elif note.what == "cut" and (start := begun.pop((note.who, note.data["stay"]), None)) is not None:
            found[facts.user(note.who) or ""].append((note.who, note.data["stay"], start, note.at))
    for (client, stay), start in begun.items():
        found[facts.user(client) or ""].append((client, stay, start, float("inf")))
    return found
