"""Opaque cursors of the pages: where the next one begins. They carry places, never rights."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from chatapp.contract import jsontext
from chatapp.contract.errors import Refused, invalid

Part = str | int
_MAX_CHARS = 400
_MAX_WHOLE = 2**63 - 1
"""The largest number that both databases compare with a column."""


def encode(place: tuple[Part, ...]) -> str:
    """`place`, the sort key of a page's last row, as URL-safe text."""
    return urlsafe_b64encode(jsontext.encode(list(place))).decode().rstrip("=")


def decode(text: str, arity: int) -> tuple[str, ...]:
    """The place in `text`, of `arity` texts. Raises invalid_payload for what no server of ours gave out."""
    parts = _parts(text)
    if len(parts) != arity or not all(isinstance(part, str) and "\x00" not in part for part in parts):
        raise _foreign()
    return tuple(parts)


def decode_whole(text: str) -> int:
    """The place in `text` where it is one whole number. Raises invalid_payload."""
    parts = _parts(text)
    if len(parts) != 1 or type(parts[0]) is not int or abs(parts[0]) > _MAX_WHOLE:
        raise _foreign()
    return parts[0]


def moment(part: str) -> datetime:
    """A time that was put in as ISO 8601, in UTC. Raises invalid_payload."""
    try:
        found = datetime.fromisoformat(part)
        if found.tzinfo is None:
            raise _foreign()
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise _foreign() from fault


def _parts(text: str) -> list[Any]:
    try:
        if len(text) > _MAX_CHARS:
            raise ValueError("too long")
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        parts = jsontext.decode(raw)
    except (ValueError, binascii.Error) as fault:
        raise _foreign() from fault
    if not isinstance(parts, list):
        raise _foreign()
    return parts


def _foreign() -> Refused:
    return invalid("cursor", "Not a cursor of this list.")
