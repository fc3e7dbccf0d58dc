"""Where things are, which core does what, and how the product is set up while it is measured."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
PEERS = BENCH / ".peers"
RESULTS = BENCH / "results"
PYTHON = ROOT / ".venv" / "bin" / "python"

CORES = sorted(os.sched_getaffinity(0))
LOAD_CORE, SERVER_CORE = CORES[0], CORES[-1]


def put_first(pid: int) -> None:
    """Let a process go before whatever else the machine does, where we may say so: waking up only when the others'
    time slices are over would be most of what is measured. The kernel leaves those others 5 % at least."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


RAISED = {
    # One machine plays a whole school, and says more than a school would. Everything else stays as it ships.
    "LIMIT_SENDS": "100000000/second",
    "LIMIT_SENDS_BURST": "100000000",
    "LIMIT_PACKETS": "100000000/second",
    "LIMIT_PACKETS_BURST": "100000000",
    "LIMIT_CONNECTS": "1000000/minute",
    "LIMIT_HISTORY": "100000000/minute",
    "LIMIT_REQUESTS": "100000000/second",
    "LIMIT_REQUESTS_BURST": "100000000",
    "LIMIT_KNOCKS": "100000000/second",
    "LIMIT_PARTICIPANTS": "2000",
    "LIMIT_PENDING": "100000",
    "LIMIT_OPEN_ROOMS": "1000000",
}


@dataclass(frozen=True)
class Pace:
    """How long and how often. Repetitions of all contenders take turns, and the median counts."""

    seconds: float
    warm_up: float
    repetitions: int
    quick: bool


FULL = Pace(seconds=4.0, warm_up=1.5, repetitions=5, quick=False)
QUICK = Pace(seconds=2.0, warm_up=1.0, repetitions=3, quick=True)
