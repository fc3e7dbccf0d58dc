"""One mixed run: a school at work, a nemesis, healing, reading back, judgement, and a table of what clients saw.

python -m tests.faults.run --seed 7 --seconds 150 --workers 3
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults import report
from tests.faults.checker import Verdict
from tests.faults.lab import Lab
from tests.faults.nemesis import Nemesis
from tests.faults.run_facts import Bounds
from tests.faults.workload import Workload

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


async def mixed(
    folder: Path,
    *,
    seed: int,
    seconds: float,
    workers: int,
    members: int = 20,
    per_second: float = 20.0,
    kinds: tuple[str, ...] = (),
    bounds: Bounds | None = None,
    **options: Any,
) -> tuple[Verdict, dict[str, object]]:
    """The run; its judgement, and its summary for the report. `kinds` are first words of the nemesis's faults."""
    async with Lab(folder, workers=workers, seed=seed, bounds=bounds, **options) as lab:
        workload = await Workload(lab, members=members, waiting=max(2, members // 4), per_second=per_second).open()
        nemesis = Nemesis(lab, workload.big, seed, kinds=kinds)
        async with workload.going(seconds):
            await asyncio.sleep(5)  # what is healthy, for comparison
            await nemesis.run(seconds - 5)
        verdict = await lab.judge()
        about = {"seed": seed, "seconds": seconds, "workers": workers, "members": members, "drawn": nemesis.drawn}
        return verdict, report.summary(lab.facts, verdict, **about)


def main() -> int:
    """The command. Exit status 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description="Break everything, lose nothing.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=20.0, help="messages in the big class")
    parser.add_argument("--kinds", default="", help="comma separated: worker, redis, database, network, host")
    parser.add_argument("--folder", type=Path, help="where history, logs and report go; a temporary one unless told")
    parser.add_argument("--into", metavar="PART", help=f"write the report into this part of {PAGE.name}")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="chatapp-faults-"))
    kinds = tuple(filter(None, given.kinds.split(",")))
    verdict, summary = asyncio.run(
        mixed(
            folder,
            seed=given.seed,
            seconds=given.seconds,
            workers=given.workers,
            members=given.members,
            per_second=given.per_second,
            kinds=kinds,
        )
    )
    report.save(folder, [summary])
    text = f"{report.figures(summary)}\n{report.markdown([summary])}"
    sys.stdout.write(f"{text}\n{summary['operations']}\n{verdict}\nhistory, logs and report: {folder}\n")
    if given.into:
        said = ("seed", "seconds", "workers", "members", "per_second")
        command = " ".join(f"--{name.replace('_', '-')} {getattr(given, name):g}" for name in said)
        head = f"`python -m tests.faults.run {command}` on {report.machine()}.\n\n"
        report.put(PAGE, given.into, head + text)
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main())
