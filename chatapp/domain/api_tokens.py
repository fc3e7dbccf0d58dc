"""Personal API tokens: made, listed, believed, revoked. A token is the secret of a session that does less than others,
so everything that ends a session ends it, too: signing out elsewhere, another password, the school."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.scopes import PREFIX, TOKEN, Scope
from chatapp.contract.words import Act
from chatapp.db import now, reading, transaction
from chatapp.domain import access, audit, limits, proving, sessions, views
from chatapp.domain.actor import Actor
from chatapp.models import ApiToken, SignIn

DAYS = 90


def create(actor: Actor, *, name: str, scopes: list[str], current_password: str, days: int = DAYS) -> views.Json:
    """A new token, shown this once, for who knows the password: it outlasts the session. Raises invalid_payload,
    forbidden, limit_reached."""
    name = texts.line("name", name, max_chars=limits.current().title)
    proving.must_know_the_password(actor, current_password)
    secret = secrets.token_urlsafe(32)
    with transaction() as tx:
        user = access.lock_users(tx.session, [actor.user_id])[actor.user_id]
        _check_count(tx.session, actor)
        opened = sessions.open_in(tx, user, device=name)
        tx.session.flush()
        session = tx.session.get_one(SignIn, opened.session_id)
        session.expires_at = tx.moment + timedelta(days=days)
        row = ApiToken(
            id=ids.new_id(),
            session_id=session.id,
            token_hash=_hash(secret),
            name=name,
            scopes=" ".join(scope.value for scope in Scope if scope in scopes),
        )
        tx.session.add(row)
        audit.record(tx, actor.user_id, Act.TOKEN_CREATED, subject_id=row.id, scopes=row.scopes)
        return _shown(row, session) | {"token": f"{PREFIX}{row.id}_{secret}"}


def mine(actor: Actor, *, limit: int, cursor: str | None = None) -> views.Json:
    """A page of the actor's tokens that are good: `{items, next_cursor}`."""
    query = _good(actor).order_by(ApiToken.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(ApiToken.id > cursors.decode(cursor, 1)[0])
    with reading() as session:
        rows = session.execute(query).all()
    next_cursor = cursors.encode((rows[limit - 1][0].id,)) if len(rows) > limit else None
    return {"items": [_shown(*row) for row in rows[:limit]], "next_cursor": next_cursor}


def revoke(actor: Actor, *, token_id: str) -> None:
    """End one of the actor's tokens. Raises not_found for anybody else's, and for an ended one."""
    with transaction() as tx:
        row = tx.session.get(ApiToken, token_id) if ids.is_id(token_id) else None
        if row is None or not sessions.end_in(tx, actor.user_id, only=row.session_id):
            raise not_found()
        audit.record(tx, actor.user_id, Act.TOKEN_REVOKED, subject_id=row.id)


def resolve(text: str) -> tuple[sessions.Standing, frozenset[Scope]]:
    """Whose token this is, and what it may do. Raises unauthorized."""
    parts = TOKEN.fullmatch(text)
    with reading() as session:
        row = session.get(ApiToken, parts[1]) if parts else None
    if parts is None or row is None or not hmac.compare_digest(row.token_hash, _hash(parts[2])):
        raise sessions.unauthorized()
    return sessions.resolve(row.session_id), frozenset(Scope(word) for word in row.scopes.split())


def _good(actor: Actor):  # type: ignore[no-untyped-def]  # a select of two entities
    return (
        select(ApiToken, SignIn)
        .join(SignIn, SignIn.id == ApiToken.session_id)
        .where(SignIn.user_id == actor.user_id, SignIn.revoked_at.is_(None), SignIn.expires_at > now())
    )


def _check_count(session: Session, actor: Actor) -> None:
    cap = limits.current().tokens
    if (session.scalar(select(func.count()).select_from(_good(actor).subquery())) or 0) >= cap:
        raise Refused(Code.LIMIT_REACHED, f"You have {cap} tokens. Revoke one first.")


def _hash(secret: str) -> str:
    """Of 256 random bits, which need no salt and no slowness."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _shown(row: ApiToken, session: SignIn) -> views.Json:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes.split(),
        "created_at": views.instant(session.created_at),
        "last_used_at": views.instant(session.last_seen_at),
        "expires_at": views.instant(session.expires_at),
    }
