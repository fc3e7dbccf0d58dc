"""Judging the code that somebody shows beside a password. The app that makes it belongs to `authenticator`, how
one is made to `totp`; signing in, which asks for it, is `sessions`."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta
from enum import Enum

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Act
from chatapp.db import Transaction, now
from chatapp.domain import audit, sealed, totp
from chatapp.models import RecoveryCode, SecondFactor, User

FIELD = "otp"
"""What a code is called in every input, and in every refusal that is about one."""

MOST_FAILURES = 10
FAILURE_WINDOW = timedelta(hours=1)
"""So many wrong codes in so long, then only recovery codes are taken, which nobody guesses."""


class Verdict(Enum):
    """What became of a code."""

    PASSED = "passed"
    MISSING = "missing"
    WRONG = "wrong"
    BLOCKED = "blocked"


def judge(tx: Transaction, user: User, otp: str | None) -> Verdict:
    """Whether `otp`, a code of the app or a recovery code, lets this user in; who has no second factor needs none. The
    user's row is locked. What is to be remembered of it is in the caller's transaction, which must be committed."""
    row = tx.session.get(SecondFactor, user.id, populate_existing=True)
    if row is None or row.confirmed_at is None:
        return Verdict.PASSED
    given = plain(otp or "")
    if not given:
        return Verdict.MISSING
    if _is_recovery_code(tx, user.id, given):
        row.failures = 0
        return Verdict.PASSED
    moment = now()
    if row.failing_since is None or moment - row.failing_since > FAILURE_WINDOW:
        row.failures, row.failing_since = 0, moment
    if row.failures >= MOST_FAILURES:
        return Verdict.BLOCKED
    step = totp.matching_step(secret_of(row), given, moment=time.time(), after=row.last_step)
    if step is None:
        row.failures += 1
        audit.record(tx, None, Act.LOGIN_FAILED, subject_id=user.id, second_factor=True)
        return Verdict.WRONG
    row.last_step, row.failures = step, 0
    return Verdict.PASSED


def refusal(verdict: Verdict, code: Code = Code.UNAUTHORIZED) -> Refused:
    """The answer to a code that did not pass: `errors.otp` tells a client to ask for one."""
    if verdict is Verdict.BLOCKED:
        wait = FAILURE_WINDOW.total_seconds()
        return Refused(
            Code.RATE_LIMITED,
            "Too many wrong codes. Use a recovery code, or wait.",
            retry_after=wait,
            fields={FIELD: ["Blocked."]},
        )
    if verdict is Verdict.MISSING:
        return Refused(code, "Enter the code of your app.", fields={FIELD: ["Missing."]})
    return Refused(code, "This code is not valid.", fields={FIELD: ["Wrong."]})


def secret_of(row: SecondFactor) -> bytes:
    """The app's secret. Raises forbidden where SECRET_KEY was changed: an administrator has to take the factor away."""
    try:
        return sealed.current().open(row.sealed_secret, owner=row.user_id)
    except sealed.UnreadableError as fault:
        raise Refused(Code.FORBIDDEN, "Your app is not known any more. Ask an administrator.") from fault


def _is_recovery_code(tx: Transaction, user_id: str, given: str) -> bool:
    if totp.is_code(given):
        return False
    row = tx.session.get(RecoveryCode, (user_id, hash_of(given)))
    if row is None or row.used_at is not None:
        return False
    row.used_at = now()
    audit.record(tx, user_id, Act.RECOVERY_CODE_USED, subject_id=user_id)
    return True


def counts(row: SecondFactor | None) -> bool:
    """Whether this is asked for."""
    return row is not None and row.confirmed_at is not None


def plain(otp: str) -> str:
    """As people type it: with spaces or dashes anywhere, in capitals or not."""
    return "".join(char for char in otp[:64] if char not in " -").lower()


def hash_of(code: str) -> str:
    """What is stored of a recovery code. Of 120 random bits, hence without salt or slowness."""
    return hashlib.sha256(plain(code).encode(errors="replace")).hexdigest()
