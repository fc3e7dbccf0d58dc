"""The readings as one table for people and one file for machines."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from bench.fanout import Row
from bench.settings import LOAD_CORE, PEERS, RESULTS, ROOT, SERVER_CORE, Pace

COLUMNS = {
    "deliveries_per_second": ("deliveries/s", "{:,.0f}"),
    "sends_per_second": ("sends/s", "{:,.0f}"),
    "cpu_us_per_delivery": ("CPU µs/delivery", "{:,.2f}"),
    "cpu_us_per_send": ("CPU µs/send", "{:,.0f}"),
    "p50_ms": ("p50 ms", "{:,.1f}"),
    "p95_ms": ("p95 ms", "{:,.1f}"),
    "p99_ms": ("p99 ms", "{:,.1f}"),
    "cpu_ms_per_connection": ("CPU ms/connect", "{:,.2f}"),
    "connects_per_second": ("connects/s", "{:,.0f}"),
    "kib_per_connection": ("KiB each", "{:,.1f}"),
    "cpu_us_per_connection_second": ("CPU µs/s each", "{:,.0f}"),
    "cpu_ms_per_answer": ("CPU ms/answer", "{:,.2f}"),
    "requests_per_second": ("requests/s", "{:,.0f}"),
    "server_cpu": ("server core", "{:.0%}"),
    "load_cpu": ("load core", "{:.0%}"),
    "others": ("others", "{:.0%}"),
    "out_of_order": ("out of order", "{:,}"),
}


def table(rows: Iterable[Row]) -> str:
    """Rows as Markdown, one table for each set of columns, in the order given."""
    blocks: list[str] = []
    heads: tuple[str, ...] | None = None
    for row in rows:
        names = tuple(name for name in COLUMNS if name in row) or (heads or ())
        if names != heads or not blocks:
            heads = names
            titles = ["work", "who", *(COLUMNS[name][0] for name in names)]
            blocks.append("\n| " + " | ".join(titles) + " |\n|---|---|" + "---:|" * len(names))
        cells = [COLUMNS[name][1].format(row[name]) if name in row else row.get("failed", "") for name in names]
        blocks.append(f"| {row['work']} | {row['contender']} | " + " | ".join(cells) + " |")
    return "\n".join(blocks)


def write(rows: list[Row], pace: Pace) -> Path:
    """Everything in a file of its own, with what it takes to do it again."""
    RESULTS.mkdir(exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    path = RESULTS / f"{moment}.json"
    path.write_text(json.dumps({"machine": machine(), "pace": vars(pace), "rows": rows}, indent=1))
    return path


def machine() -> dict[str, object]:
    """What this was measured on and with."""
    packages = ("flask", "flask-socketio", "python-socketio", "python-engineio", "eventlet", "sqlalchemy", "orjson")
    return {
        "commit": said("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "changed": bool(said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")),
        "kernel": platform.release(),
        "cpu": cpu(),
        "cores": {"all": os.cpu_count(), "server": SERVER_CORE, "load": LOAD_CORE},
        "python": sys.version.split()[0],
        "node": said("node", "--version"),
        "packages": {name: metadata.version(name) for name in packages},
        "channels": said(str(PEERS / "channels" / "bin" / "pip"), "freeze").split(),
    }


def cpu() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def said(*command: str) -> str:
    """What a command prints; nothing when it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
