# ruff: noqa: E402 — monkey_patch comes before the imports
"""Starts a worker with known mistakes or conditions in it, or with a wrong clock: the product has no switches for that.

python tests/faults/seeded_entry.py NAME[+NAME] [SECONDS OF CLOCK]
"""

import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")

import eventlet

eventlet.monkey_patch()

import os

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    from tests.faults import seeded_bugs

    names, *rest = sys.argv[1:]
    if rest and float(rest[0]):
        seeded_bugs.shift_clock(float(rest[0]))
    for name in names.split("+"):
        if name != seeded_bugs.NONE:
            (seeded_bugs.BUGS | seeded_bugs.CONDITIONS)[name]()
    sys.argv = ["wsgi.py"]
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "wsgi.py"), run_name="__main__")
