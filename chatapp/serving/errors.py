"""Why a process does not start."""

from __future__ import annotations

EX_CONFIG = 78
"""sysexits.h: the operator must change something first; a process manager need not try again."""


class CannotStartError(Exception):
    """One line for the operator."""
