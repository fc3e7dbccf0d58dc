"""How long to wait before the next try: a school comes back over seconds, and not at once."""

from __future__ import annotations

import random

FIRST, LONGEST = 0.5, 15.0


def delay(tries: int) -> float:
    """Seconds after so many tries in vain."""
    return spread(min(FIRST * 2 ** min(tries, 10), LONGEST))


def spread(seconds: float) -> float:
    """So long at least, and not as long as everybody else."""
    return seconds * random.uniform(1, 1.5)  # noqa: S311 — no secret
