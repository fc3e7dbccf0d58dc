"""Marks of devices on which somebody has signed in before. While others guess, from the same school or at the same
account, its owner still gets in (OWASP: device cookie). One opens nothing by itself, and ends with the password.

Browsers keep theirs in a cookie, which is `web.known_device`; programs get theirs with their tokens.
"""

from __future__ import annotations

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from chatapp.domain import sessions

DAYS = 180
PEOPLE = 20
"""So many share the computers of a classroom."""

_MARK_CHARS = 24


def is_known(username: str, kept: str) -> bool:
    """Whether what the device kept says that it was let in as `username`, with the password of today."""
    mark = _mark(username)
    return bool(mark) and mark in _marks(kept)


def with_mark(username: str, kept: str = "") -> str:
    """What a device keeps from now on, on which `username` has just signed in."""
    mark = _mark(username)
    return _signer().dumps([mark, *(each for each in _marks(kept) if each != mark)][:PEOPLE])


def _mark(username: str) -> str:
    return sessions.proof(username=username)[:_MARK_CHARS]


def _marks(kept: str) -> list[str]:
    try:
        found = _signer().loads(kept, max_age=DAYS * 86400)
    except BadData:
        return []
    return [str(each) for each in found][:PEOPLE] if isinstance(found, list) else []


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="chatapp known device")
