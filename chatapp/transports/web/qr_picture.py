"""A QR code as a picture: black on white in every theme, because cameras want it so."""

from __future__ import annotations

from itertools import groupby

from chatapp.transports.web import qr

QUIET = 4
"""Modules of white around the code, without which readers do not find it."""


def svg(text: str) -> str:
    """An SVG document, one path for all dark modules; the size is whoever shows it to choose."""
    matrix = qr.encode(text)
    size = len(matrix) + 2 * QUIET
    path = "".join(_row(y + QUIET, row) for y, row in enumerate(matrix))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
    )


def _row(y: int, row: list[bool]) -> str:
    """The dark runs of one row."""
    drawn, x = "", QUIET
    for dark, run in groupby(row):
        length = len(list(run))
        drawn += f"M{x} {y}h{length}v1h-{length}z" if dark else ""
        x += length
    return drawn
