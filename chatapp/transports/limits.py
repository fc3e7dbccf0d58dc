"""How often somebody may try: logins, registrations, guesses at join codes, pages. How often one may speak is not here.

How it is counted, and where, is `budgets`.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from limits import RateLimitItem, RateLimitItemPerSecond

from chatapp.contract import texts
from chatapp.contract.errors import Code, Refused
from chatapp.realtime.buckets import Buckets
from chatapp.transports.budgets import Budgets
from config import Rate, Settings

_EXTENSION = "chatapp.limits"

TRIED_TOO_OFTEN = "Too many passwords were tried here. Use a device that you have signed in on before, or wait."

UPLOADS_AT_ONCE = 4
"""Of a user, in this process."""

SHARED_ADDRESS = 50
"""A school behind one address may connect so many times as often as one account."""


class Attempts:
    """The budgets of one app. Each method raises rate_limited with `retry_after` when one is spent."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._budgets = Budgets(settings.redis_url, settings.queue_channel)
        self._requests = Buckets(settings.limit_requests.per_second, settings.limit_requests_burst)
        self._pages = Buckets(settings.limit_requests.per_second, settings.limit_requests_burst)
        self._login = _item(settings.limit_login)
        self._login_address = _item(settings.limit_login_address)
        self._login_account = _item(settings.limit_login_account)
        self._register = _item(settings.limit_register)
        self._code_lookup = _item(settings.limit_code_lookups)
        self._history = _item(settings.limit_history)
        self._exports = _item(settings.limit_exports)
        self._uploads = _item(settings.limit_uploads)
        self._uploading: Counter[str] = Counter()
        self._connects = _item(settings.limit_connects)
        self._connects_address = _item(
            Rate(settings.limit_connects.count * SHARED_ADDRESS, settings.limit_connects.seconds)
        )
        app.extensions[_EXTENSION] = self

    @contextmanager
    def guessing(self, username: str, address: str, known: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Around the checking of a password. Tries are few for an account from one address; beyond that it is failures
        that count, by address and by account, and they do not keep out who comes on a `known` device: a guesser must
        not shut out a school that shares the address, nor the owner of an account."""
        account = hashlib.sha256(texts.username_key(username[:200]).encode(errors="replace")).hexdigest()
        here = neighbourhood(address)
        self._hit(self._login, "login", account, here)
        failures = ((self._login_address, "login-address", here), (self._login_account, "login-account", account))
        wait = max(self._budgets.is_spent(item, *key) for item, *key in failures)
        if wait and not known():
            raise Refused(Code.RATE_LIMITED, TRIED_TOO_OFTEN, retry_after=wait)
        try:
            yield
        except Refused as refusal:
            if refusal.code in (Code.UNAUTHORIZED, Code.FORBIDDEN) and "otp" not in (refusal.fields or {}):
                for item, *key in failures:
                    self._budgets.spend(item, *key)
            raise

    def register(self, address: str) -> None:
        """An account asked for from an address."""
        self._hit(self._register, "register", neighbourhood(address))

    def code_lookup(self, user_id: str) -> None:
        """A join code looked up by a user."""
        self._hit(self._code_lookup, "code", user_id)

    def request(self, user_id: str) -> None:
        """Any request of a user; counted in this process, for there are too many to ask anybody else."""
        wait = self._requests.take(user_id)
        if wait:
            raise Refused(Code.RATE_LIMITED, "Too many requests. Wait a little.", retry_after=wait)

    def page(self, user_id: str) -> None:
        """A page of ours, or a file of one, seen by a user; counted like requests, and apart from them."""
        wait = self._pages.take(user_id)
        if wait:
            raise Refused(Code.RATE_LIMITED, "Too many requests. Wait a little.", retry_after=wait)

    def history(self, user_id: str) -> None:
        """A page of a history or list read by a user."""
        self._hit(self._history, "history", user_id)

    def export(self, user_id: str) -> None:
        """An archive taken by a user: reading all of a room costs what many pages cost."""
        self._hit(self._exports, "export", user_id)

    @contextmanager
    def uploading(self, user_id: str) -> Iterator[None]:
        """Around a file brought by a user. It counts whatever becomes of it, unless the server had no time for it: who
        then brings the same again has not brought two. A few at once, so that nobody takes all places."""
        wait = self._budgets.is_spent(self._uploads, "upload", user_id)
        if wait:
            raise Refused(Code.RATE_LIMITED, "Too many tries. Wait a little.", retry_after=wait)
        if self._uploading[user_id] >= UPLOADS_AT_ONCE:
            raise Refused(Code.RATE_LIMITED, "A few files at a time.", retry_after=1)
        self._uploading[user_id] += 1
        counts = True
        try:
            yield
        except Refused as refusal:
            counts = refusal.code is not Code.UNAVAILABLE
            raise
        finally:
            self._uploading[user_id] -= 1
            if not self._uploading[user_id]:
                del self._uploading[user_id]
            if counts:
                self._budgets.spend(self._uploads, "upload", user_id)

    def connect(self, user_id: str) -> None:
        """A socket opened by a user."""
        self._hit(self._connects, "connect", user_id)

    def connect_from(self, address: str) -> None:
        """A socket opened from an address, before it is known by whom."""
        self._hit(self._connects_address, "connect-address", neighbourhood(address))

    def _hit(self, item: RateLimitItem, *key: str) -> None:
        wait = self._budgets.spend(item, *key)
        if wait:
            raise Refused(Code.RATE_LIMITED, "Too many tries. Wait a little.", retry_after=wait)


def neighbourhood(address: str) -> str:
    """What counts as one address: of IPv6 the /64, since every subscriber has 2^64 of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def current() -> Attempts:
    """The budgets of the app that handles the current request."""
    attempts: Attempts = current_app.extensions[_EXTENSION]
    return attempts


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.count, rate.seconds)
