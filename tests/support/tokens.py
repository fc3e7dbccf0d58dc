"""Access tokens as the server makes them, made here instead: a hundred people need no hundred sign-ins, and a forger
needs wrong ones. `tests/wire/test_connect_auth.py` proves that these and the server's own have the same claims."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt


def claims(user_id: str, session_id: str, **changes: Any) -> dict[str, Any]:
    """The claims of an access token that is good for an hour; a change to None leaves that claim out."""
    now = int(time.time())
    usual = {
        "fresh": False,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "type": "access",
        "sub": user_id,
        "nbf": now,
        "iss": "chatapp",
        "aud": "chatapp",
        "exp": now + 3600,
        "sid": session_id,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def access_token(secret: str, user_id: str, session_id: str, **changes: Any) -> str:
    """A signed token with these claims."""
    return jwt.encode(claims(user_id, session_id, **changes), secret, algorithm="HS256")
