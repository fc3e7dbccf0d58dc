"""Who asks. Made by `sessions.actor_of` from the database, handed to every operation; knows no token and no request."""

from __future__ import annotations

from dataclasses import dataclass

from chatapp.contract.words import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in user as the database had them a moment ago, and the session they came by."""

    user_id: str
    session_id: str
    role: Role
    username: str
    display_name: str


OPERATOR = Actor(user_id="", session_id="", role=Role.ADMIN, username="operator", display_name="Operator")
"""Whoever sits at the machine's console. No session leads to it; the audit log shows it as nobody."""
