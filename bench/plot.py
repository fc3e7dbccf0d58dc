"""Draws docs/images/performance.svg from results: `python -m bench.plot bench/results/*.json`, later files win.

Three panels: CPU per message by members, CPU per delivery by senders, CPU per page by what the room holds.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.settings import ROOT

Point = tuple[float, float]
TARGET = ROOT / "docs" / "images" / "performance.svg"
WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 310, 240, 56, 34, 48, 34
INK, SOFT, LINE = "#1f2937", "#6b7280", "#2563eb"


def main(files: Sequence[str]) -> None:
    """Read, draw, write."""
    rows = [row for file in files for row in json.loads(Path(file).read_text())["rows"]]
    panels = [
        panel(0, "one sender: CPU µs per message", "members of the room", by_members(rows), scale=float),
        panel(1, "room of 300: CPU µs per delivery", "senders", by_senders(rows)),
        panel(2, "page of 100: CPU ms", "messages that the room holds", by_stored(rows)),
    ]
    body = "\n".join(panels)
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'role="img" aria-label="What chatapp costs, by members, by senders and by stored messages">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def by_members(rows: list[dict[str, object]]) -> list[Point]:
    """(members, CPU µs per message) with one sender and window 4."""
    return _points(rows, r"room of (\d+), 1 sending, window 4", "cpu_us_per_send")


def by_senders(rows: list[dict[str, object]]) -> list[Point]:
    """(senders, CPU µs per delivery) in a room of 300 with window 1."""
    return _points(rows, r"room of 300, (\d+) sending, window 1", "cpu_us_per_delivery")


def by_stored(rows: list[dict[str, object]]) -> list[Point]:
    """(messages stored, CPU ms per page from the middle)."""
    found = {
        float(str(row["contender"]).split()[0].replace(",", "")): float(str(row["cpu_ms_per_answer"]))
        for row in rows
        if str(row["work"]).startswith("page of 100 from the middle")
    }
    return sorted(found.items())


def _points(rows: list[dict[str, object]], pattern: str, value: str) -> list[Point]:
    found: dict[float, float] = {}
    for row in rows:
        match = re.fullmatch(pattern, str(row["work"]))
        if match and row["contender"] == "chatapp" and value in row:
            found[float(match[1])] = float(str(row[value]))
    return sorted(found.items())


def panel(
    place: int, title: str, axis: str, points: list[Point], *, scale: Callable[[float], float] = math.log10
) -> str:
    """One curve, from zero upwards; to the right by `scale`."""
    if len(points) < 2:
        raise SystemExit(f"nothing to draw for: {title}")
    low, high = scale(points[0][0]), scale(points[-1][0])
    top = max(value for _, value in points) * 1.2

    def x(amount: float) -> float:
        return place * WIDTH + LEFT + (scale(amount) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)

    drawn = [
        text(place * WIDTH + LEFT, 20, title, INK, 13, "start"),
        text(place * WIDTH + LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 10, axis, SOFT, 11),
    ]
    for part in (0.0, 0.5, 1.0):
        level = top / 1.2 * part
        drawn.append(
            f'<line x1="{x(points[0][0]):.0f}" x2="{x(points[-1][0]):.0f}" y1="{y(level):.0f}" y2="{y(level):.0f}" '
            f'stroke="#e5e7eb"/>'
        )
        drawn.append(
            text(
                place * WIDTH + LEFT - 8,
                y(level) + 4,
                f"{level:,.0f}" if level >= 100 else f"{level:.3g}",
                SOFT,
                11,
                "end",
            )
        )
    labelled = -math.inf
    path = " ".join(f"{x(amount):.1f},{y(value):.1f}" for amount, value in points)
    drawn.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for amount, value in points:
        drawn.append(f'<circle cx="{x(amount):.1f}" cy="{y(value):.1f}" r="3.5" fill="{LINE}"/>')
        if x(amount) - labelled > 22:  # two labels must not meet
            labelled = x(amount)
            drawn.append(text(labelled, HEIGHT - BOTTOM + 16, f"{amount:,.0f}", SOFT, 11))
    return "\n".join(drawn)


def text(x: float, y: float, words: str, colour: str, size: int, anchor: str = "middle") -> str:
    """Words at a place."""
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


if __name__ == "__main__":
    main(sys.argv[1:])
