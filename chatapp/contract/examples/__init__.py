"""What really went over the wire, one small lesson long: the examples of both documents. `scripts/record_examples.py`
writes them from a running app; nobody edits them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
Json = dict[str, Any]


@cache
def rest() -> list[Json]:
    """Requests in their order: `{operation, title, path, query?, body?, status, answer?}`."""
    return _read("rest.json")


@cache
def sockets() -> list[Json]:
    """Frames in their order: `{who, kind: "command" | "event" | …, name, data, answer?}`."""
    return _read("sockets.json")


def _read(name: str) -> list[Json]:
    path = FOLDER / name
    found: list[Json] = json.loads(path.read_text()) if path.exists() else []
    return found
