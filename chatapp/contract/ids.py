"""Ids that leave the server: opaque, unguessable, not countable. Join codes are for people and live here too."""

from __future__ import annotations

import re
import secrets

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 20
_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O, which people mistake for 1 and 0."""

ID = re.compile(r"[a-z2-9]{20}", re.ASCII)
CODE = re.compile(r"[A-Z]{6}", re.ASCII)


def new_id() -> str:
    """A fresh id of 100 random bits."""
    bits = secrets.randbits(5 * _ID_LENGTH)
    return "".join(_ALPHABET[(bits >> (5 * place)) & 31] for place in range(_ID_LENGTH))


def is_id(value: object) -> bool:
    """Whether `value` could be one of our ids; what cannot is never looked up."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


def new_join_code() -> str:
    """Six letters that can be read aloud: 1 in 191 million."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(6))


def message_id(room_id: str, seq: int) -> str:
    """A message's id, derived: nothing is stored for it."""
    return f"{room_id}-{seq}"
