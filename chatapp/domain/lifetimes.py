"""How long a sign-in lasts, and a password that the school made. Opening and ending them is `sessions`."""

from __future__ import annotations

from datetime import datetime, timedelta

from chatapp.db import now
from chatapp.domain import limits
from chatapp.models import User


def expiry(moment: datetime, begun: datetime, user: User) -> datetime:
    """Until when a session goes on that is used at `moment`: some time without use, a longer one in all, and no longer
    than the password it was opened with."""
    rules = limits.current()
    ends = [
        moment + timedelta(seconds=rules.refresh_token_seconds),
        begun + timedelta(seconds=rules.session_seconds),
        *([user.password_until] if user.password_until is not None else []),
    ]
    return min(ends)


def is_over(user: User) -> bool:
    """Whether the password of this user was one to begin with, and its time is past."""
    return user.password_until is not None and user.password_until <= now()
