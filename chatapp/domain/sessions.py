"""Sessions: a user signed in on a device. Open, renew, resolve, list, end. How a token looks does not belong here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, union, update

from chatapp.contract import cursors, hints, ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import Act, Role
from chatapp.db import Transaction, database_now, now, reading, transaction
from chatapp.domain import access, audit, lifetimes, passwords, second_factor, views
from chatapp.domain.actor import Actor
from chatapp.models import ApiToken, SignIn, User
from chatapp.prepared import Prepared, looking

SEEN_EVERY = timedelta(minutes=1)
_DEVICE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """A session with a new right to refresh: what a transport makes its pair of tokens of. `password_is_given`: it was
    opened with one that the school made, and its user should choose their own."""

    user: views.Json
    session_id: str
    refresh_id: str
    expires_at: datetime
    password_is_given: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A session that is good now, and its user."""

    actor: Actor
    last_seen_at: datetime
    expires_at: datetime


def login(*, username: str, password: str, otp: str | None = None, device: str = "", address: str = "") -> Opened:
    """Open a session. Raises the same unauthorized, after the same time, for a wrong name and for a wrong password; and
    unauthorized with `errors.otp` for who needs a second factor and has not shown it."""
    with reading() as session:
        found = session.scalar(select(User).where(User.username_key == _key(username)))
    stored = found.password_hash if found is not None and found.active else None
    if not passwords.current().matches(stored, password) or found is None or stored is None:
        with transaction() as tx:
            audit.record(tx, None, Act.LOGIN_FAILED, subject_id=None if found is None else found.id, address=address)
        raise _wrong()
    renewed = passwords.current().hash(password) if passwords.current().is_outdated(stored) else stored
    with transaction() as tx:
        user = access.lock_users(tx.session, [found.id])[found.id]
        if not user.active or user.password_hash != stored:
            raise _wrong()
        if lifetimes.is_over(user):
            raise Refused(Code.UNAUTHORIZED, "This password was one to begin with, and is over. Ask for a new one.")
        user.password_hash = renewed
        verdict = second_factor.judge(tx, user, otp)
        if verdict is second_factor.Verdict.PASSED:
            return open_in(tx, user, device=device)
    raise second_factor.refusal(verdict)


def proof(*, username: str) -> str:
    """What shows later that somebody's password, which was right a moment ago, is still the same."""
    with reading() as session:
        found = session.scalar(select(User).where(User.username_key == _key(username)))
    return "" if found is None else _proof(found)


def finish(*, username: str, proof: str, otp: str, device: str = "") -> Opened:
    """Open a session for who has shown the password and got `proof`. Raises unauthorized, with `errors.otp` for a wrong
    code, and rate_limited."""
    with reading() as session:
        found = session.scalar(select(User).where(User.username_key == _key(username)))
    if found is None:
        raise _wrong()
    with transaction() as tx:
        user = access.lock_users(tx.session, [found.id])[found.id]
        if not user.active or lifetimes.is_over(user) or not hmac.compare_digest(_proof(user).encode(), proof.encode()):
            raise _wrong()
        verdict = second_factor.judge(tx, user, otp)
        if verdict is second_factor.Verdict.PASSED:
            return open_in(tx, user, device=device)
    raise second_factor.refusal(verdict)


def _proof(user: User) -> str:
    return hashlib.sha256(user.password_hash.encode()).hexdigest()


def open_in(tx: Transaction, user: User, *, device: str) -> Opened:
    """Open a session of `user`, who has proved to be it, in the caller's transaction."""
    moment = now()
    row = SignIn(
        id=ids.new_id(),
        user_id=user.id,
        refresh_id=ids.new_id(),
        device=_printable(device),
        created_at=moment,
        last_seen_at=moment,
        expires_at=lifetimes.expiry(moment, moment, user),
        revoked_at=None,
    )
    tx.session.add(row)
    given = user.password_until is not None
    return Opened(views.user(user), row.id, row.refresh_id, row.expires_at, password_is_given=given)


def refresh(*, session_id: str, refresh_id: str) -> Opened:
    """Exchange the right to refresh for a new one. An old one comes from a thief or from a thief's victim: the session
    ends for both. Raises unauthorized."""
    with transaction() as tx:
        query = select(SignIn).where(SignIn.id == session_id).with_for_update(key_share=True)
        row = tx.session.scalar(query)
        user = None if row is None else tx.session.get(User, row.user_id)
        if row is None or user is None or not _is_good(row, user):
            raise unauthorized()
        if row.refresh_id == refresh_id:
            row.refresh_id = ids.new_id()
            row.last_seen_at = now()
            row.expires_at = lifetimes.expiry(row.last_seen_at, row.created_at, user)
            return Opened(views.user(user), row.id, row.refresh_id, row.expires_at)
        end_in(tx, user.id, only=row.id)
        audit.record(tx, user.id, Act.REFRESH_REUSED, subject_id=row.id)
    raise unauthorized()


def resolve(session_id: str) -> Standing:
    """The session and its user as the database has them now. Raises unauthorized."""
    row = None
    if ids.is_id(session_id):
        with looking() as connection:
            row = _STANDING.first(connection, session_id=session_id)
    if row is None or not _is_good(row, row):
        raise unauthorized()
    actor = Actor(row.user_id, session_id, Role(row.role), row.username, row.display_name)
    return Standing(actor, row.last_seen_at, row.expires_at)


_STANDING = Prepared(
    select(
        SignIn.user_id,
        SignIn.revoked_at,
        SignIn.expires_at,
        SignIn.last_seen_at,
        User.active,
        User.role,
        User.username,
        User.display_name,
    )
    .join(User, User.id == SignIn.user_id)
    .where(SignIn.id == bindparam("session_id"))
)
"""Every command asks."""


def actor_of(session_id: str) -> Actor:
    """Who acts in a session. Raises unauthorized when it ended, expired, or its user may not act."""
    return resolve(session_id).actor


def is_stale(standing: Standing) -> bool:
    """Whether it is time to write down that this session is in use: once in `SEEN_EVERY` is enough."""
    return now() - standing.last_seen_at >= SEEN_EVERY


def were_seen(moments: Mapping[str, datetime]) -> None:
    """Write down when these sessions were in use. Raises unavailable."""
    with transaction(fleeting=True) as tx:
        for session_id, moment in sorted(moments.items()):  # in one order, as other workers do
            _SEEN.run(tx.connection, session_id=session_id, moment=moment)


_SEEN = Prepared(
    update(SignIn)
    .where(SignIn.id == bindparam("session_id"), SignIn.last_seen_at < bindparam("moment"))
    .values(last_seen_at=bindparam("moment"))
)


def mine(actor: Actor, *, limit: int, cursor: str | None = None) -> views.Json:
    """A page of the actor's live sessions, without those of programs: `{items, next_cursor}`."""
    query = select(SignIn).where(
        SignIn.user_id == actor.user_id,
        SignIn.revoked_at.is_(None),
        SignIn.expires_at > now(),
        SignIn.id.not_in(select(ApiToken.session_id)),
    )
    if cursor is not None:
        query = query.where(SignIn.id > cursors.decode(cursor, 1)[0])
    with reading() as session:
        rows = session.scalars(query.order_by(SignIn.id).limit(limit + 1)).all()
    next_cursor = cursors.encode((rows[limit - 1].id,)) if len(rows) > limit else None
    return {"items": [_shown(row, actor) for row in rows[:limit]], "next_cursor": next_cursor}


def logout(actor: Actor) -> None:
    """End the actor's own session, everywhere."""
    end(actor, session_id=actor.session_id)


def end(actor: Actor, *, session_id: str) -> None:
    """End one of the actor's sessions, and its sockets. Raises not_found for anybody else's, and for an ended one."""
    with transaction() as tx:
        if not ids.is_id(session_id) or not end_in(tx, actor.user_id, only=session_id):
            raise not_found()
        audit.record(tx, actor.user_id, Act.SESSION_REVOKED, subject_id=session_id)


def end_others(actor: Actor) -> int:
    """End all of the actor's sessions but the one it came by; how many."""
    with transaction() as tx:
        ended = end_in(tx, actor.user_id, keep=actor.session_id)
        for session_id in ended:
            audit.record(tx, actor.user_id, Act.SESSION_REVOKED, subject_id=session_id)
    return len(ended)


def end_in(tx: Transaction, user_id: str, *, only: str | None = None, keep: str | None = None) -> tuple[str, ...]:
    """End sessions of a user in the caller's transaction: all, `only` one, or all but one to `keep`."""
    query = select(SignIn.id).where(SignIn.user_id == user_id, SignIn.revoked_at.is_(None))
    if only is not None:
        query = query.where(SignIn.id == only)
    if keep is not None:
        query = query.where(SignIn.id != keep)
    # In their order, as `were_seen` has it: two that took them crosswise would wait for each other.
    ended = tuple(tx.session.scalars(query.order_by(SignIn.id).with_for_update(key_share=True)))
    if ended:
        over = update(SignIn).where(SignIn.id.in_(ended)).values(revoked_at=now())
        tx.session.execute(over, execution_options={"synchronize_session": False})
        tx.announce(hints.SessionsEnded(ended))
    return ended


def unauthorized() -> Refused:
    """The one answer to whoever is not, or no longer, signed in."""
    return Refused(Code.UNAUTHORIZED, "Sign in again.")


def _wrong() -> Refused:
    return Refused(Code.UNAUTHORIZED, "Wrong username or password.")


def _is_good(row: Any, user: Any) -> bool:
    return row.revoked_at is None and row.expires_at > now() and user.active


def _key(username: str) -> str:
    """What to look for; what cannot be a username is looked for as nothing, at the same price."""
    try:
        return texts.username_key(texts.username(username))
    except Refused:
        return ""


def _printable(device: str) -> str:
    return "".join(char for char in device if char.isprintable())[:_DEVICE_CHARS]


def _shown(row: SignIn, actor: Actor) -> views.Json:
    return {
        "id": row.id,
        "device": row.device,
        "created_at": views.instant(row.created_at),
        "last_seen_at": views.instant(row.last_seen_at),
        "current": row.id == actor.session_id,
    }


def ended_lately(*, seconds: int = 60) -> set[str]:
    """Sessions revoked, or of users deactivated, within the last `seconds` of the database's time: for delivery, which
    asks in overlapping windows because commits become visible out of order."""
    with reading() as session:
        since = database_now(session) - timedelta(seconds=seconds)
        revoked = select(SignIn.id).where(SignIn.revoked_at > since)
        deactivated = select(SignIn.id).join(User).where(User.deactivated_at > since)
        return set(session.scalars(union(revoked, deactivated)))  # as one query with OR it would read every session
