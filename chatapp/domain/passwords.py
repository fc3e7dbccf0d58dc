"""Passwords: the rules for new ones, and their hashes. Hashing is slow on purpose, so it happens off the loop, a few
at a time, and never inside a transaction. Whose password it is does not belong here."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chatapp.contract import texts
from chatapp.contract.errors import Code, Refused, invalid
from chatapp.domain import common_passwords

MIN_CHARS = 8
MAX_CHARS = 256
MAX_WAIT_SECONDS = 5.0
"""How long a login waits for its turn before it answers `unavailable`; messages need the cores too."""


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Run it here and now: what a process without a loop does."""
    return function(*args)


class Passwords:
    """One bounded pool of hashing.

    `run` is `call` or something that runs a function elsewhere and waits for it; the serving process puts its loop's
    thread pool there. At most `slots` hashes are made at once, 64 MiB each with the default `hasher`.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, run: Callable[..., Any] = call, slots: int = 4) -> None:
        self._hasher = hasher or PasswordHasher()
        self._run = run
        self._slots = threading.BoundedSemaphore(slots)
        self._nobodys_hash = self._hash_that_fits_nothing()

    def hash(self, password: str) -> str:
        """An Argon2id hash to store. Raises unavailable when too many wait."""
        return str(self._in_turn(self._hasher.hash, _prepared(password)))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one of `stored`. Without a stored one it takes as long, and is never.

        Raises unavailable when too many wait.
        """
        if len(password) > MAX_CHARS:
            stored, password = None, ""
        fits = self._in_turn(self._verify, stored or self._nobodys_hash, _prepared(password))
        return bool(fits) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _in_turn(self, function: Callable[..., Any], *args: Any) -> Any:
        if not self._slots.acquire(timeout=MAX_WAIT_SECONDS):
            raise Refused(Code.UNAVAILABLE, "Too many sign-ins at once.", retry_after=2)
        try:
            return self._run(function, *args)
        finally:
            self._slots.release()

    def _verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _hash_that_fits_nothing(self) -> str:
        """Random bytes in the form of a hash with our parameters: verifying against it costs what a real one costs."""
        salt, digest = (
            b64encode(secrets.token_bytes(size)).decode().rstrip("=")
            for size in (self._hasher.salt_len, self._hasher.hash_len)
        )
        costs = f"m={self._hasher.memory_cost},t={self._hasher.time_cost},p={self._hasher.parallelism}"
        return f"$argon2id$v=19${costs}${salt}${digest}"


_current = Passwords()


def use(passwords: Passwords) -> None:
    """Hash with `passwords` from now on, in this process."""
    global _current  # noqa: PLW0603 — one pool a process, chosen at its start
    _current = passwords


def current() -> Passwords:
    """The pool in force."""
    return _current


def acceptable(password: str, *, username: str) -> str:
    """`password` if it may become one (NIST SP 800-63B: length counts, not composition). Raises invalid_payload."""
    if len(password) < MIN_CHARS:
        raise invalid("password", f"At least {MIN_CHARS} characters.")
    if len(password) > MAX_CHARS:
        raise invalid("password", f"At most {MAX_CHARS} characters.")
    if any(unicodedata.category(char) in ("Cs", "Cc") for char in password):
        raise invalid("password", "Control characters are not allowed.")
    if common_passwords.is_common(password):
        raise invalid("password", "Not one of the passwords that everybody tries.")
    if texts.username_key(password) == texts.username_key(username):
        raise invalid("password", "Not the same as the username.")
    return password


def random_password() -> str:
    """A password of 75 random bits, easy to read aloud."""
    return random_letters(5, 3)


def random_letters(groups: int, size: int) -> str:
    """So many groups of letters and digits, five random bits each, no two of which look alike."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(size)) for _ in range(groups))


_READABLE = "abcdefghijkmnpqrstuvwxyz23456789"


def _prepared(password: str) -> bytes:
    """The same bytes from every keyboard: NFKC, as NIST SP 800-63B asks."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace")
