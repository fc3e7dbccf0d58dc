"""Between password and code: that a browser has shown the one, kept for some minutes in its signed cookie. It opens
nothing by itself."""

from __future__ import annotations

import time

from flask import session

from chatapp.domain import sessions

SECONDS = 300
_KEY = "halfway"


def begin(username: str) -> None:
    """Remember who has shown their password."""
    session[_KEY] = {"username": username, "proof": sessions.proof(username=username), "at": int(time.time())}


def who() -> tuple[str, str] | None:
    """The username and its proof, for as long as that counts."""
    found = session.get(_KEY)
    if not found or time.time() - found["at"] > SECONDS:
        return None
    return str(found["username"]), str(found["proof"])
