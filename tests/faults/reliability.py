"""Every scenario, one group after the other, and the table of docs/reliability.md from what was seen.

python -m tests.faults.reliability --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults import report
from tests.faults.groups import GROUPS, SEED, survive
from tests.faults.run import PAGE


def main() -> int:
    """The command. Exit status 1 when a promise was broken; the page is written all the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.reliability", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--groups", default=",".join(GROUPS), help="comma separated; the page is for all of them")
    given = parser.parse_args()
    groups = given.groups.split(",")
    summaries, broken = [], 0
    for name in groups:
        folder = Path(tempfile.mkdtemp(prefix="chatapp-faults-"))
        verdict, summary = asyncio.run(survive(folder, name, seed=given.seed))
        sys.stdout.write(f"{name}: {verdict}\n{report.figures(summary)}{folder}\n\n")
        summaries.append(summary)
        broken += not verdict
    table = report.markdown(summaries)
    sys.stdout.write(table)
    if groups == list(GROUPS):
        head = f"`python -m tests.faults.reliability --seed {given.seed}` on {report.machine()}.\n\n"
        figures = "".join(f"\n{each['run']}:\n{report.figures(each)}" for each in summaries)
        report.put(PAGE, "scenarios", f"{head}{table}{figures}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
