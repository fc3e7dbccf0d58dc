"""Deliveries: rooms of many sizes, few and many senders, all contenders taking turns in the same minutes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.contenders import Channels, Chatapp, ChatappPlain, Contender, FlaskSocketIO, Node
from bench.loader import Load, Reading
from bench.settings import Pace

Row = dict[str, Any]
Make = Callable[[], Contender]


@dataclass(frozen=True)
class Work:
    """`senders` of the `members` of each of `rooms` rooms keep `window` messages in flight."""

    members: int
    senders: int
    window: int
    rooms: int = 1

    def __str__(self) -> str:
        many = f"{self.rooms} rooms of {self.members}" if self.rooms > 1 else f"room of {self.members}"
        return f"{many}, {self.senders} sending, window {self.window}"


GOALS = [Work(300, 30, 1), Work(300, 1, 4), Work(30, 30, 1), Work(30, 1, 4), Work(2, 1, 1)]
BY_MEMBERS = [Work(members, 1, 4) for members in (2, 30, 100, 300, 1000)]
BY_SENDERS = [Work(300, senders, 1) for senders in (1, 10, 30, 100, 300)]
GROWTH = [
    *BY_MEMBERS,
    *BY_SENDERS,
    Work(2, 1, 32),
    Work(30, 1, 1),
    Work(30, 1, 32),
    Work(30, 30, 4),
    Work(300, 1, 32),
    Work(300, 30, 4),
    Work(300, 300, 4),
    Work(1000, 30, 1),
    Work(1000, 300, 1),
    Work(30, 1, 1, rooms=100),
    Work(30, 30, 1, rooms=100),
]
EVERYBODY: list[Make] = [Node, FlaskSocketIO, Channels, Chatapp]
SHARES = (0.1, 0.5, 0.9)


def goals(pace: Pace) -> list[Row]:
    """The works that have goals, everybody side by side."""
    return [row for work in GOALS for row in side_by_side(work, EVERYBODY, pace)]


def plotted(pace: Pace) -> list[Row]:
    """The product alone, by members and by senders: what `bench/plot.py` draws."""
    return [row for work in (*BY_MEMBERS, *BY_SENDERS) for row in side_by_side(work, [Chatapp], pace)]


def growth(pace: Pace) -> list[Row]:
    """How cost grows with members, senders, windows and rooms: the product and Node."""
    return [row for work in GROWTH for row in side_by_side(work, [Node, Chatapp], pace)]


def plain(pace: Pace) -> list[Row]:
    """The plain WebSocket against the same product's Socket.IO."""
    return side_by_side(Work(300, 30, 1), [Chatapp, ChatappPlain], pace)


def side_by_side(work: Work, makers: Sequence[Make], pace: Pace) -> list[Row]:
    """One row a contender: medians of repetitions that took turns. One that fails says so in its row."""
    with contextlib.ExitStack() as stack:
        loads: dict[str, Load] = {}
        rows: dict[str, Row] = {}
        for maker in makers:
            contender = stack.enter_context(maker())
            rows[contender.name] = {"work": str(work), "contender": contender.name, "command": contender.command()}
            load = contender.load(members=work.members, senders=work.senders, rooms=work.rooms)
            loads[contender.name] = stack.enter_context(load)
            load.connect()
        readings: dict[str, list[Reading]] = {name: [] for name in loads}
        for _ in range(pace.repetitions):
            for name in list(loads):
                try:
                    readings[name].append(loads[name].closed(pace.seconds, pace.warm_up, work.window))
                except RuntimeError as fault:
                    rows[name]["failed"] = str(fault)
                    loads.pop(name).settle()
                else:
                    loads[name].settle()
    for name, taken in readings.items():
        if "failed" not in rows[name]:
            rows[name] |= summed_up(taken)
    return list(rows.values())


def latencies(pace: Pace) -> list[Row]:
    """How long a message takes at 10, 50 and 90 % of what each can carry: `window` 1 finds out how much that is."""
    rows: list[Row] = []
    for work in (Work(300, 30, 1), Work(30, 1, 4)):
        with contextlib.ExitStack() as stack:
            loads: dict[str, Load] = {}
            for maker in (Node, Chatapp):
                contender = stack.enter_context(maker())
                load = contender.load(members=work.members, senders=work.senders)
                loads[contender.name] = stack.enter_context(load)
                load.connect()
            for name, load in loads.items():
                capacity = median(per_second(load.closed(pace.seconds, pace.warm_up, work.window)) for _ in range(3))
                for share in SHARES:
                    taken = [load.open(pace.seconds, pace.warm_up, share * capacity) for _ in range(pace.repetitions)]
                    load_row = {"work": f"{work}: {share:.0%} of capacity", "contender": name}
                    rows.append(load_row | summed_up(taken) | {"offered_per_second": share * capacity})
    return rows


def per_second(reading: Reading) -> float:
    """Acknowledged sends a second."""
    return float(reading["acks"] / reading["seconds"])


def summed_up(readings: Sequence[Reading]) -> Row:
    """Medians over repetitions. `others` is what else used the server's core: a row where it is large says little of
    rates, while its CPU per delivery still stands."""

    def middle(value: Callable[[Reading], float]) -> float:
        return float(median(value(reading) for reading in readings))

    return {
        "deliveries_per_second": middle(lambda r: r["deliveries"] / r["seconds"]),
        "sends_per_second": middle(per_second),
        "cpu_us_per_delivery": middle(lambda r: r["server_cpu"] / max(1, r["deliveries"]) * 1e6),
        "cpu_us_per_send": middle(lambda r: r["server_cpu"] / max(1, r["acks"]) * 1e6),
        "p50_ms": middle(lambda r: r["delivery_ms"]["p50"]),
        "p95_ms": middle(lambda r: r["delivery_ms"]["p95"]),
        "p99_ms": middle(lambda r: r["delivery_ms"]["p99"]),
        "ack_p99_ms": middle(lambda r: r["ack_ms"]["p99"]),
        "bytes_per_delivery": middle(lambda r: r["bytes"] / max(1, r["deliveries"])),
        "server_cpu": middle(lambda r: r["server_cpu"] / r["seconds"]),
        "load_cpu": middle(lambda r: r["load_cpu"] / r["seconds"]),
        "others": middle(lambda r: (r["server_core_busy"] - r["server_cpu"]) / r["seconds"]),
        "out_of_order": sum(r["gaps"] + r["doubles"] for r in readings),
    }
