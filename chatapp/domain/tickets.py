"""Tickets: a one-time way into a socket for clients that can only put it into an address, which gets logged."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete

from chatapp.db import now, transaction
from chatapp.domain import limits, sessions, views
from chatapp.domain.actor import Actor
from chatapp.models import Ticket

_MAX_CHARS = 100


def create(actor: Actor) -> views.Json:
    """A ticket of the actor's session: `{ticket, expires_in}`. Only its hash stays here."""
    secret = secrets.token_urlsafe(32)
    life = limits.current().ticket_seconds
    moment = now()
    with transaction() as tx:
        tx.session.execute(delete(Ticket).where(Ticket.expires_at <= moment))
        tx.session.add(
            Ticket(token_hash=_hash(secret), session_id=actor.session_id, expires_at=moment + timedelta(seconds=life))
        )
    return {"ticket": secret, "expires_in": life}


def use(ticket: str) -> sessions.Standing:
    """The session that `ticket` stands for; a second time it stands for nothing. Raises unauthorized."""
    if len(ticket) > _MAX_CHARS:
        raise sessions.unauthorized()
    query = delete(Ticket).where(Ticket.token_hash == _hash(ticket)).returning(Ticket.session_id, Ticket.expires_at)
    with transaction() as tx:
        used = tx.session.execute(query).one_or_none()
    if used is None or used.expires_at <= now():
        raise sessions.unauthorized()
    return sessions.resolve(used.session_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
