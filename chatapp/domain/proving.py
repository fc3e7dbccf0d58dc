"""Asking for the password once more, before something that a session left open somewhere must not be enough for. How
often one may guess is counted by the transports."""

from __future__ import annotations

from chatapp.contract.errors import Code, Refused
from chatapp.db import reading
from chatapp.domain import access, passwords
from chatapp.domain.actor import Actor


def must_know_the_password(actor: Actor, current_password: str) -> None:
    """It hashes, hence outside of any transaction. Raises forbidden."""
    with reading() as session:
        stored = access.user(session, actor.user_id).password_hash
    if not passwords.current().matches(stored, current_password):
        raise Refused(Code.FORBIDDEN, "The current password is wrong.", fields={"current_password": ["Wrong."]})
