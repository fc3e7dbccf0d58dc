"""One-time codes by the clock: RFC 6238 on RFC 4226, with what every authenticator app takes for granted: SHA-1, six
digits, thirty seconds. Whose secret it is does not belong here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
WINDOW = 1
"""Steps that a phone's clock may be ahead or behind."""

ISSUER = "chatapp"


def new_secret() -> bytes:
    """A secret of the length that RFC 4226 recommends."""
    return secrets.token_bytes(SECRET_BYTES)


def code(secret: bytes, step: int) -> str:
    """The code of one step (RFC 4226, section 5.3)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_at(moment: float) -> int:
    """The step of a Unix time."""
    return int(moment) // STEP_SECONDS


def matching_step(secret: bytes, given: str, *, moment: float, after: int) -> int | None:
    """The step that `given` is the code of, near `moment` and later than `after`; None when there is none. Every step
    is tried, so that how long it takes tells nothing."""
    found = None
    here = step_at(moment)
    if not is_code(given):
        return None
    for step in range(here - WINDOW, here + WINDOW + 1):
        if hmac.compare_digest(code(secret, step), given) and step > after:
            found = step
    return found


def is_code(text: str) -> bool:
    """Whether this has the form of one."""
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def in_letters(secret: bytes) -> str:
    """The secret as one types it into an app."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, username: str) -> str:
    """What an app reads from a picture (Key Uri Format). A name too long for a picture is left out."""
    label = quote(f"{ISSUER}:{username}", safe=":") if len(quote(username)) <= 60 else ISSUER
    return f"otpauth://totp/{label}?secret={in_letters(secret)}&issuer={ISSUER}"
