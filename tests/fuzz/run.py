"""Coverage-guided fuzzing with atheris, by hand: `make fuzz TARGET=packet MINUTES=10`. What it finds new goes into the
corpus, which the tests replay; what breaks is left as `crash-…` in the current folder."""

from __future__ import annotations

import importlib
import sys
from typing import Any

WATCHED = ["chatapp.contract.texts", "chatapp.contract.jsontext", "chatapp.transports.sio.gate"]
"""Whose branches steer it; the others run as they are."""


def main(name: str, minutes: str) -> None:
    """Fuzz one target for so long."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=WATCHED):
        targets = importlib.import_module("tests.fuzz.targets")
    options = [f"-max_total_time={int(minutes) * 60}", "-max_len=1000", str(targets.CORPUS / name)]
    atheris.Setup([sys.argv[0], *options], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:3])
