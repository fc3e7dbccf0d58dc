"""The work log: one line a command and a request, who asked for what, how it ended and how long it took.

Every field is made by us (ids, names of the contract, codes, numbers), so an entry skips the cleaning that strangers'
text gets in `observability`, and costs a send next to nothing. What somebody wrote has no field here.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import UTC, datetime
from typing import TextIO

import orjson

LOGGER = "chatapp.work"
OUR_OWN = re.compile(r"[\w.:/<>-]{0,100}", re.ASCII)
"""What a text in an entry may look like. Anything else is not ours, and is left out."""

Field = str | int | float | None

_log = logging.getLogger(LOGGER)


def note(event: str, *, started: float | None = None, **fields: Field) -> None:
    """Log `event` at INFO. `started` is `time.monotonic()` of when the work began: it becomes `ms`."""
    if not _log.isEnabledFor(logging.INFO):
        return
    entry: dict[str, Field] = {"event": event}
    for name, value in fields.items():
        entry[name] = "?" if isinstance(value, str) and not OUR_OWN.fullmatch(value) else value
    if started is not None:
        entry["ms"] = round((time.monotonic() - started) * 1000, 1)
    _log.info(event, extra={"entry": entry})


def configure(level: str, stream: TextIO) -> None:
    """Send the entries to `stream`, as JSON where a program reads it. May be called again."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_KeyValues() if stream.isatty() else _Json())
    _log.handlers[:] = [handler]
    _log.propagate = False
    _log.setLevel(level)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(_head(record) | _entry(record)).decode()


class _KeyValues(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record)
        head = " ".join([*_head(record).values(), str(entry.pop("event"))])
        return " ".join([head, *(f"{name}={value}" for name, value in entry.items())])


def _entry(record: logging.LogRecord) -> dict[str, Field]:
    return dict(vars(record)["entry"])


def _head(record: logging.LogRecord) -> dict[str, str]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": moment, "level": record.levelname.lower(), "logger": record.name}
