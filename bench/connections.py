"""What a connection costs: to open, authenticate and enter, and then to keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.contenders import Chatapp, Contender, FlaskSocketIO, Node
from bench.fanout import Row
from bench.settings import Pace

IDLE_SECONDS = 20.0


def connects(pace: Pace) -> list[Row]:
    """A class of 30 comes in, again and again: into rooms of 30, and into a lecture of 300. The product authenticates,
    notes the presence and gives the snapshot with everybody in it; the others join."""
    rows = []
    for members, rooms in ((30, 10), (300, 1)):
        makers: list[type[Contender]] = [Node, FlaskSocketIO, Chatapp]
        readings: dict[str, list[tuple[float, float]]] = {maker.name: [] for maker in makers}
        for _ in range(max(1, pace.repetitions - 2)):
            for maker in makers:
                with maker() as contender:
                    with contender.load(members=1, senders=0) as first:
                        first.connect()  # what is only ever done once is done
                    with contender.load(members=members, senders=0, rooms=rooms) as load:
                        reading = load.connect()
                        each = reading["server_cpu"] / len(load.seats)
                        readings[maker.name].append((each, len(load.seats) / reading["seconds"]))
        for name, taken in readings.items():
            rows.append(
                {
                    "work": f"connect and enter, {rooms} rooms of {members}",
                    "contender": name,
                    "cpu_ms_per_connection": median(each for each, _ in taken) * 1000,
                    "connects_per_second": median(rate for _, rate in taken),
                }
            )
    return rows


def idle(pace: Pace) -> list[Row]:
    """Memory and CPU of connections that only wait, in rooms of 30."""
    counts = (1000,) if pace.quick else (1000, 5000, 10000)
    rows = []
    for count in counts:
        makers: list[Callable[[], Contender]] = [Node, FlaskSocketIO, Chatapp]
        for maker in makers:
            with maker() as contender:
                with contender.load(members=30, senders=0) as first:
                    first.connect()
                with contender.load(members=25, senders=0, rooms=count // 25) as load:
                    before = resident(contender)
                    load.connect()
                    load.idle(5)
                    held = resident(contender) - before
                    reading = load.idle(IDLE_SECONDS)
                rows.append(
                    {
                        "work": f"{count} idle connections",
                        "contender": contender.name,
                        "kib_per_connection": held / count,
                        "cpu_share": reading["server_cpu"] / reading["seconds"],
                        "cpu_us_per_connection_second": reading["server_cpu"] / reading["seconds"] / count * 1e6,
                    }
                )
    return rows


def resident(contender: Contender) -> float:
    """KiB of memory that its processes hold."""
    kib = 0
    for process in contender.processes:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return float(kib)
