"""Accounts: who is of the school, by which name, in which role, with which password. Signing in is `sessions`."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from chatapp.contract import cursors, ids, texts
from chatapp.contract.errors import Code, Refused, invalid, not_found
from chatapp.contract.words import Act, Registration, Role
from chatapp.db import Transaction, now, reading, transaction
from chatapp.domain import access, audit, limits, names, passwords, proving, sessions, views
from chatapp.domain.actor import Actor
from chatapp.models import User

_KEY_CHARS = 120
"""The column's width: one character of a username may fold to eighteen."""


def register(
    *,
    username: str,
    password: str,
    display_name: str | None = None,
    invite_code: str | None = None,
    device: str = "",
) -> sessions.Opened:
    """Make an account for whoever asks, and sign it in. Raises forbidden, invalid_payload, conflict (name taken)."""
    role = _role_of_newcomer(invite_code)
    user = _new_user(username, password, role, display_name)
    try:
        with transaction() as tx:
            _add(tx, user, actor_id=user.id)
            return sessions.open_in(tx, user, device=device)
    except IntegrityError as fault:
        raise _taken() from fault


def create(actor: Actor, *, username: str, password: str, role: Role, display_name: str | None = None) -> views.Json:
    """Make an account for somebody else, in any role: a User. Raises forbidden, invalid_payload, conflict."""
    access.must_run_the_school(actor)
    user = _new_user(username, password, role, display_name)
    try:
        with transaction() as tx:
            _add(tx, user, actor_id=actor.user_id)
            return views.user(user)
    except IntegrityError as fault:
        raise _taken() from fault


def me(actor: Actor) -> views.Json:
    """The actor as a User."""
    with reading() as session:
        return views.user(access.user(session, actor.user_id))


def by_username(actor: Actor, *, username: str) -> views.Json:
    """The User of that name, for who runs the school. Raises forbidden, not_found."""
    access.must_run_the_school(actor)
    with reading() as session:
        found = access.user_named(session, username)
    if found is None:
        raise not_found("There is no such user.")
    return views.user(found)


def list_all(actor: Actor, *, limit: int, cursor: str | None = None) -> views.Json:
    """A page of everybody by name, for who runs the school: `{items: [User + active], next_cursor}`."""
    access.must_run_the_school(actor)
    query = select(User).order_by(User.username_key).limit(limit + 1)
    if cursor is not None:
        query = query.where(User.username_key > cursors.decode(cursor, 1)[0])
    with reading() as session:
        rows = session.scalars(query).all()
    next_cursor = cursors.encode((rows[limit - 1].username_key,)) if len(rows) > limit else None
    return {"items": [views.user(row) | {"active": row.active} for row in rows[:limit]], "next_cursor": next_cursor}


def change_profile(
    actor: Actor,
    *,
    display_name: str | None = None,
    password: str | None = None,
    current_password: str | None = None,
) -> views.Json:
    """Change what the actor may change of itself: a User. A new password needs the current one and ends the other
    sessions. Raises invalid_payload, forbidden (wrong current password)."""
    name = None if display_name is None else _display_name(display_name)
    new_hash = None if password is None else _new_hash(actor, password, current_password)
    with transaction() as tx:
        user = _lock(tx, actor.user_id, renames=name is not None)
        if name is not None:
            user.display_name = name
        if new_hash is not None:
            user.password_hash, user.password_until = new_hash, None
            sessions.end_in(tx, user.id, keep=actor.session_id)
            audit.record(tx, actor.user_id, Act.PASSWORD_CHANGED, subject_id=user.id)
        return views.user(user)


def password_until(actor: Actor) -> str | None:
    """Until when the actor's password is good, if it is one that the school made."""
    with reading() as session:
        until = access.user(session, actor.user_id).password_until
    return None if until is None else views.instant(until)


def set_password(actor: Actor, *, user_id: str, password: str, until: datetime | None = None) -> views.Json:
    """Give somebody a new password, for a while or for good, and end their sessions: a User. Raises forbidden,
    not_found, invalid_payload."""
    access.must_run_the_school(actor)
    with reading() as session:
        username = access.user(session, user_id).username
    new_hash = passwords.current().hash(passwords.acceptable(password, username=username))
    with transaction() as tx:
        user = _lock(tx, user_id)
        user.password_hash, user.password_until = new_hash, until
        sessions.end_in(tx, user.id)
        audit.record(tx, actor.user_id, Act.PASSWORD_CHANGED, subject_id=user.id)
        return views.user(user)


def reset_password(actor: Actor, *, user_id: str) -> tuple[views.Json, str]:
    """Give somebody a random password, to begin with: the User, and the password, which nobody is told again. It is
    over after some days; by then they have chosen their own. Otherwise as `set_password`. Raises conflict for oneself:
    who came by a stolen session would have the account for good."""
    access.must_run_the_school(actor)
    _must_be_somebody_else(actor, user_id)
    password = passwords.random_password()
    until = now() + timedelta(seconds=limits.current().given_password_seconds)
    return set_password(actor, user_id=user_id, password=password, until=until), password


def set_role(actor: Actor, *, user_id: str, role: Role) -> views.Json:
    """Give somebody another role: a User. Their sessions end, so that nothing goes on in the old one.

    Raises forbidden, not_found, conflict (one's own role: the school would lose who runs it).
    """
    access.must_run_the_school(actor)
    _must_be_somebody_else(actor, user_id)
    with transaction() as tx:
        user = _lock(tx, user_id, renames=True)
        if user.role == role:
            return views.user(user)
        audit.record(tx, actor.user_id, Act.ROLE_CHANGED, subject_id=user.id, old=user.role, new=role.value)
        user.role = role.value
        sessions.end_in(tx, user.id)
        return views.user(user)


def deactivate(actor: Actor, *, user_id: str) -> views.Json:
    """Shut somebody out, keeping what they said: a User. Raises forbidden, not_found, conflict (oneself)."""
    access.must_run_the_school(actor)
    _must_be_somebody_else(actor, user_id)
    with transaction() as tx:
        user = _lock(tx, user_id)
        if not user.active:
            return views.user(user)
        user.active = False
        user.deactivated_at = now()
        sessions.end_in(tx, user.id)
        audit.record(tx, actor.user_id, Act.USER_DEACTIVATED, subject_id=user.id)
        return views.user(user)


def reactivate(actor: Actor, *, user_id: str) -> views.Json:
    """Let somebody in again who was shut out: a User, who has to sign in anew. Raises forbidden, not_found."""
    access.must_run_the_school(actor)
    with transaction() as tx:
        user = _lock(tx, user_id)
        if not user.active:
            user.active = True
            user.deactivated_at = None
            audit.record(tx, actor.user_id, Act.USER_REACTIVATED, subject_id=user.id)
        return views.user(user)


def _role_of_newcomer(invite_code: str | None) -> Role:
    """Student, unless the invite code of the school says teacher."""
    rules = limits.current()
    if rules.registration == Registration.CLOSED:
        raise Refused(Code.FORBIDDEN, "Accounts are made by the school.")
    if invite_code:
        if not rules.invite_code or not hmac.compare_digest(invite_code.encode(), rules.invite_code.encode()):
            raise Refused(Code.FORBIDDEN, "This invite code is not valid.", fields={"invite_code": ["Not valid."]})
        return Role.TEACHER
    if rules.registration == Registration.INVITE:
        raise Refused(Code.FORBIDDEN, "Registering needs an invite code.", fields={"invite_code": ["Missing."]})
    return Role.STUDENT


def _new_user(username: str, password: str, role: Role, display_name: str | None) -> User:
    """A row that is not stored yet. It hashes, hence outside of any transaction."""
    username = texts.username(username)
    key = texts.username_key(username)
    if len(key) > _KEY_CHARS:
        raise invalid("username", "Too long.")
    name = _display_name(username if display_name is None else display_name)
    passwords.acceptable(password, username=username)
    with reading() as session:
        if session.scalar(select(User.id).where(User.username_key == key)) is not None:
            raise _taken()
    return User(
        id=ids.new_id(),
        username=username,
        username_key=key,
        display_name=name,
        password_hash=passwords.current().hash(password),
        role=role.value,
        active=True,
        created_at=now(),
        deactivated_at=None,
    )


def _add(tx: Transaction, user: User, *, actor_id: str) -> None:
    tx.session.add(user)
    tx.session.flush()
    audit.record(tx, actor_id, Act.USER_CREATED, subject_id=user.id, role=user.role)


def _new_hash(actor: Actor, password: str, current_password: str | None) -> str:
    if current_password is None:
        raise invalid("current_password", "Needed to change the password.")
    passwords.acceptable(password, username=actor.username)
    proving.must_know_the_password(actor, current_password)
    return passwords.current().hash(password)


def _display_name(name: str) -> str:
    return texts.line("display_name", name, max_chars=limits.current().display_name)


def _lock(tx: Transaction, user_id: str, *, renames: bool = False) -> User:
    """`renames` says that they will be shown otherwise."""
    user = None
    if ids.is_id(user_id):
        user = names.lock(tx, user_id) if renames else access.lock_users(tx.session, [user_id]).get(user_id)
    if user is None:
        raise not_found("There is no such user.")
    return user


def _must_be_somebody_else(actor: Actor, user_id: str) -> None:
    if actor.user_id == user_id:
        raise Refused(Code.CONFLICT, "Ask another administrator to do this to you.")


def _taken() -> Refused:
    return Refused(Code.CONFLICT, "This username is taken.", fields={"username": ["Taken."]})
