"""That a change was asked for by our own page: a token of the page session, and what the browser says of the origin."""

from __future__ import annotations

import hmac
import secrets

from flask import request, session

from chatapp.contract.errors import Code, Refused
from chatapp.transports.web import site

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_KEY = "csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token() -> str:
    """The page session's token, made when first asked for."""
    if _KEY not in session:
        renew()
    return str(session[_KEY])


def renew() -> None:
    """Forget the old token; pages that carry it have to be loaded again."""
    session[_KEY] = secrets.token_urlsafe(32)


def check() -> None:
    """Before each request of the pages' blueprints. Raises forbidden for a change that our page did not ask for."""
    if request.method in _SAFE:
        return
    if not _comes_from_us():
        raise Refused(Code.FORBIDDEN, "This came from another website, so nothing was done.")
    expected = session.get(_KEY)
    if expected is None:
        raise Refused(Code.FORBIDDEN, _without_cookie())
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not hmac.compare_digest(str(expected).encode(), given.encode(errors="replace")):
        raise Refused(Code.FORBIDDEN, "This page was out of date, so nothing was done. Load it again and repeat.")


def _comes_from_us() -> bool:
    """What the browser says about where the request comes from; pages cannot forge either header.

    With `Referrer-Policy: no-referrer` browsers send `Origin: null` for our own forms; then Sec-Fetch-Site decides.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    return request.headers.get("Origin", "null") in (
        "null",
        f"{request.scheme}://{request.host}",
        site.settings().public_url,
    )


def _without_cookie() -> str:
    address = site.settings().public_url
    return f"Your browser sent no cookie, so nobody can be signed in. Allow cookies, and open {address} exactly so."
