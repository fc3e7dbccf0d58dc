"""The load generator as seen from here: compiled when needed, given a plan and orders, one line read a measure."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.settings import BENCH, LOAD_CORE, PEERS, SERVER_CORE, put_first

Reading = dict[str, Any]
SETTLE_SECONDS = 90


@dataclass(frozen=True)
class Seat:
    """One connection to be: what it waits for and answers, in turn, until it is in its room."""

    room: str
    sends: bool
    port: int
    path: str
    steps: list[tuple[str, str]]


@dataclass(frozen=True)
class Dialect:
    """How a contender's deliveries and acknowledgements look, and how a message is said."""

    event: str
    ack: str
    good: str
    send: str
    seq: str
    engine_io: bool
    cycle: tuple[int, int, int] = (0, 0, 1)


@dataclass
class Load:
    """A running load generator. `pids` are the server's processes; with a + their children count, too."""

    pids: list[str]
    dialect: Dialect
    seats: list[Seat]
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> Load:
        lines = [f"{name}\t{value}" for name, value in _words(self.dialect).items()]
        for seat in self.seats:
            steps = [text for step in seat.steps for text in step]
            lines.append("\t".join(["seat", seat.room, str(int(seat.sends)), str(seat.port), seat.path, *steps]))
        with tempfile.NamedTemporaryFile("w", prefix="bench-plan-", delete=False) as plan:
            plan.write("\n".join(lines) + "\n")
        self._plan = Path(plan.name)
        self._process = subprocess.Popen(
            [str(program()), plan.name, str(LOAD_CORE), str(SERVER_CORE), *self.pids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        put_first(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None and process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)
        self._plan.unlink()

    def connect(self, at_once: int = 16) -> Reading:
        """Open every seat. Raises when one could not be taken."""
        reading = self._order(f"connect {at_once}")
        if reading["ready"] != len(self.seats):
            raise RuntimeError(f"only {reading['ready']} of {len(self.seats)} came in")
        return reading

    def closed(self, seconds: float, warm_up: float, window: int) -> Reading:
        """Every sender keeps `window` messages in flight."""
        return _proven(self._order(f"closed {seconds} {warm_up} {window}"))

    def open(self, seconds: float, warm_up: float, per_second: float) -> Reading:
        """Messages at their times, whether acknowledged or not."""
        return _proven(self._order(f"open {seconds} {warm_up} {per_second}"))

    def settle(self) -> None:
        """Wait until the server has done what it was left with: the next one needs its core."""
        for _ in range(SETTLE_SECONDS):
            if self.idle(1)["server_cpu"] < 0.1:
                return

    def idle(self, seconds: float) -> Reading:
        """Heartbeats alone."""
        return self._order(f"idle {seconds}")

    def _order(self, order: str) -> Reading:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(order + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended at: {order}")
        reading: Reading = json.loads(line)
        return reading


def _proven(reading: Reading) -> Reading:
    """A reading whose messages all came; one that lost any measures something else."""
    lost = {name: reading[name] for name in ("refused", "ended", "unanswered") if reading[name]}
    if lost or not reading["acks"]:
        raise RuntimeError(f"this is no measure: {lost}, {reading['acks']} acknowledged")
    return reading


def _words(dialect: Dialect) -> dict[str, str]:
    return {
        "event": dialect.event,
        "ack": dialect.ack,
        "good": dialect.good,
        "send": dialect.send,
        "seq": dialect.seq,
        "engine_io": str(int(dialect.engine_io)),
        "cycle": " ".join(map(str, dialect.cycle)),
    }


def program() -> Path:
    """The compiled load generator, newer than its source."""
    source = sorted((BENCH / "load").glob("*.[ch]"))
    built = PEERS / "load"
    if not built.exists() or built.stat().st_mtime < max(file.stat().st_mtime for file in source):
        PEERS.mkdir(exist_ok=True)
        units = [str(file) for file in source if file.suffix == ".c"]
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", str(built), *units], check=True)
    return built
