"""Looking for a text in names and titles, a bounded look at a time, with the same answer on every database.

Neither LIKE nor lower(): `%` and `_` would be wildcards, and SQLite folds ASCII alone. Names are folded as usernames
are, and a look goes through at most `WINDOW` rows in their order. Where it stopped, the next page goes on: no page
reads the whole school.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from chatapp.contract import texts

WINDOW = 5000

T = TypeVar("T", bound=Sequence[Any])


def window(limit: int, *, everything_fits: bool) -> int:
    """How many rows to read for a page of `limit`: one more than may be looked at, to know whether there are more."""
    return (limit if everything_fits else WINDOW) + 1


def pick(rows: Sequence[T], fits: Callable[[T], bool], *, limit: int, size: int) -> tuple[list[T], T | None]:
    """The first `limit` rows that fit, and the row to go on behind, None where there is nothing more to look at.

    `rows` are those of a window of `size`.
    """
    found: list[T] = []
    for place, row in enumerate(rows[: size - 1]):
        if len(found) == limit:
            return found, rows[place - 1]
        if fits(row):
            found.append(row)
    return found, rows[size - 2] if len(rows) == size else None


def needle(search: str) -> str:
    """What to look for, folded; empty when everything is looked for."""
    return texts.username_key(search)


def stands_in(wanted: str, *names: str) -> bool:
    """Whether the folded `wanted` is a part of one of `names`, character by character. The empty one always is."""
    return not wanted or any(wanted in texts.username_key(name) for name in names)
