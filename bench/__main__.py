"""`make bench`: measures everything, or only what is named, and prints one table."""

from __future__ import annotations

import argparse
import time

from bench import connections, fanout, report, rest, several, stored
from bench.fanout import Row
from bench.settings import FULL, QUICK, ROOT

MEASURES = {
    "goals": fanout.goals,
    "connects": connections.connects,
    "idle": connections.idle,
    "history": stored.history,
    "latencies": fanout.latencies,
    "postgres": several.postgres,
    "workers": several.workers,
    "rest": rest.requests,
    "plain": fanout.plain,
    "growth": fanout.growth,
    "plotted": fanout.plotted,
}
IN_A_HURRY = ("goals", "connects", "idle", "history")
BY_NAME_ONLY = ("plotted",)  # a part of growth


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in about five minutes")
    parser.add_argument("measures", nargs="*", help=f"some of: {', '.join(MEASURES)}")
    asked = parser.parse_args()
    pace = QUICK if asked.quick else FULL
    rows: list[Row] = []
    for name in asked.measures or (
        IN_A_HURRY if asked.quick else [each for each in MEASURES if each not in BY_NAME_ONLY]
    ):
        begun = time.monotonic()
        fresh = [{"measure": name, **row} for row in MEASURES[name](pace)]
        print(f"\n{name} ({time.monotonic() - begun:.0f} s)\n{report.table(fresh)}", flush=True)
        rows += fresh
    print(f"\nwritten to {report.write(rows, pace).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
