"""The authenticator app of a teacher or an administrator: set up, confirmed, taken away. Judging what it shows is
`second_factor`."""

from __future__ import annotations

import time

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from chatapp.contract.errors import Code, Refused, invalid
from chatapp.contract.words import Act
from chatapp.db import Transaction, now, reading, transaction
from chatapp.domain import access, audit, passwords, policy, proving, sealed, second_factor, sessions, totp, views
from chatapp.domain.actor import Actor
from chatapp.models import RecoveryCode, SecondFactor

CODES = 10


def show(actor: Actor) -> views.Json:
    """`{enabled, recovery_codes_left}`."""
    with reading() as session:
        row = session.get(SecondFactor, actor.user_id)
        left = _codes_left(session, actor.user_id)
    return {"enabled": second_factor.counts(row), "recovery_codes_left": left}


def is_on(actor: Actor, *, user_id: str) -> bool:
    """Whether somebody has one, for who runs the school."""
    access.must_run_the_school(actor)
    with reading() as session:
        return second_factor.counts(session.get(SecondFactor, user_id))


def set_up(actor: Actor, *, current_password: str) -> views.Json:
    """Make a secret for the actor's app: `{setup_key, uri}`, shown once. It counts when a code of it has been shown.
    Raises forbidden, conflict."""
    if not policy.may_have_a_second_factor(actor):
        raise Refused(Code.FORBIDDEN, "Only teachers and administrators use a second step.")
    proving.must_know_the_password(actor, current_password)
    secret = totp.new_secret()
    with transaction() as tx:
        access.lock_users(tx.session, [actor.user_id])
        row = _unconfirmed(tx, actor)
        row.sealed_secret = sealed.current().close(secret, owner=actor.user_id)
    return {"setup_key": totp.in_letters(secret), "uri": totp.uri(secret, actor.username)}


def confirm(actor: Actor, *, otp: str) -> views.Json:
    """Show that the app works, and have it asked for from now on: `{recovery_codes}`, shown once. The actor's other
    sessions end. Raises conflict, invalid_payload."""
    with transaction() as tx:
        access.lock_users(tx.session, [actor.user_id])
        row = tx.session.get(SecondFactor, actor.user_id, populate_existing=True)
        if row is None or row.confirmed_at is not None:
            raise Refused(Code.CONFLICT, "Begin again with setting up the app.")
        step = totp.matching_step(second_factor.secret_of(row), second_factor.plain(otp), moment=time.time(), after=0)
        if step is None:
            raise invalid(second_factor.FIELD, "Wrong.")
        row.last_step, row.confirmed_at = step, now()
        tx.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == actor.user_id))
        codes = [passwords.random_letters(4, 6) for _ in range(CODES)]
        tx.session.add_all(
            RecoveryCode(user_id=actor.user_id, code_hash=second_factor.hash_of(code), used_at=None) for code in codes
        )
        sessions.end_in(tx, actor.user_id, keep=actor.session_id)
        audit.record(tx, actor.user_id, Act.SECOND_FACTOR_ON, subject_id=actor.user_id)
    return {"recovery_codes": codes}


def remove(actor: Actor, *, current_password: str, otp: str) -> None:
    """Do without it, for who shows password and code. Raises forbidden, conflict, rate_limited."""
    proving.must_know_the_password(actor, current_password)
    with transaction() as tx:
        user = access.lock_users(tx.session, [actor.user_id])[actor.user_id]
        if not second_factor.counts(tx.session.get(SecondFactor, actor.user_id)):
            raise Refused(Code.CONFLICT, "There is no second step to take away.")
        verdict = second_factor.judge(tx, user, otp)
        if verdict is second_factor.Verdict.PASSED:
            _forget(tx, user.id)
            audit.record(tx, actor.user_id, Act.SECOND_FACTOR_OFF, subject_id=user.id)
    if verdict is not second_factor.Verdict.PASSED:
        raise second_factor.refusal(verdict, Code.FORBIDDEN)


def reset(actor: Actor, *, user_id: str) -> views.Json:
    """Take it from somebody who has lost phone and codes: a User, who is signed out. Raises forbidden, not_found,
    conflict (oneself)."""
    access.must_run_the_school(actor)
    if actor.user_id == user_id:
        raise Refused(Code.CONFLICT, "Ask another administrator to do this to you.")
    with transaction() as tx:
        user = access.user(tx.session, user_id)
        access.lock_users(tx.session, [user_id])
        if tx.session.get(SecondFactor, user_id) is not None:
            _forget(tx, user_id)
            sessions.end_in(tx, user_id)
            audit.record(tx, actor.user_id, Act.SECOND_FACTOR_RESET, subject_id=user_id)
        return views.user(user)


def _unconfirmed(tx: Transaction, actor: Actor) -> SecondFactor:
    row = tx.session.get(SecondFactor, actor.user_id, populate_existing=True)
    if row is None:
        row = SecondFactor(
            user_id=actor.user_id, sealed_secret="", confirmed_at=None, failing_since=None, created_at=now()
        )
        tx.session.add(row)
    elif row.confirmed_at is not None:
        raise Refused(Code.CONFLICT, "The second step is on already. Take it away first.")
    return row


def _forget(tx: Transaction, user_id: str) -> None:
    tx.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    tx.session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))


def _codes_left(session: Session, user_id: str) -> int:
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(query) or 0
