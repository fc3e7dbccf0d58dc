#!/usr/bin/env python3
"""Write constraints.txt: the version of every package that the requirements bring along.

    scripts/constrain.py        # in the environment in which all tests have passed

What is not constrained changes by itself, on another machine and another day.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
ASKED = ("requirements.txt", "requirements-dev.txt")
HEAD = "# What the requirements bring along: scripts/constrain.py writes it.\n"


def brought() -> dict[str, str]:
    """Name to version of all that is installed for the sake of the requirements."""
    asked = [Requirement(line) for name in ASKED for line in (ROOT / name).read_text().splitlines() if "==" in line]
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while asked:
        one = asked.pop()
        for extra in ("", *sorted(one.extras)):
            if (one.name.lower(), extra) in seen:
                continue
            seen.add((one.name.lower(), extra))
            try:
                dist = distribution(one.name)
            except PackageNotFoundError:
                continue  # for other machines than this
            found[dist.name] = dist.version
            needs = [Requirement(text) for text in dist.requires or ()]
            asked += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return found


def text() -> str:
    """The file."""
    lines = (f"{name}=={version}" for name, version in sorted(brought().items(), key=lambda each: each[0].lower()))
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text(text())
    sys.stdout.write(f"{len(brought())} packages\n")
