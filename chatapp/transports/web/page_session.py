"""The page session: a signed cookie that names a sign-in. Whether that is good, the database is asked at every request.

The cookie is no credential of the API: only pages read it, and only with a CSRF token does it change anything.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, g, session

from chatapp.contract.errors import Refused
from chatapp.domain import sessions
from chatapp.domain.actor import Actor
from chatapp.transports import auth, limits
from chatapp.transports.web import csrf
from config import Settings

SECURE_COOKIE = "__Host-chatapp"
LOOPBACK_COOKIE = "chatapp"
_SIGN_IN = "sid"


def init_app(app: Flask, settings: Settings) -> None:
    """Set the cookie's name and flags by the address that browsers use."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=SECURE_COOKIE if settings.https else LOOPBACK_COOKIE,
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_DOMAIN=None,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=settings.refresh_token_seconds),
    )


def begin(opened: sessions.Opened) -> None:
    """Let this browser hold a sign-in. What it held before ends: nobody can be handed a session prepared by others."""
    end()
    session[_SIGN_IN] = opened.session_id
    session.permanent = True
    csrf.renew()


def end() -> None:
    """End the sign-in that this browser holds, everywhere, and forget it."""
    found = actor()
    if found is not None:
        sessions.logout(found)
    session.clear()
    g.pop("page_actor", None)


def actor() -> Actor | None:
    """Who asks, or None. Asked of the database once a request."""
    if "page_actor" not in g:
        g.page_actor = _resolve(session.get(_SIGN_IN))
    found: Actor | None = g.page_actor
    return found


def spend() -> None:
    """Before each request of the pages' blueprints. Raises rate_limited for who asks without end."""
    found = actor()
    if found is not None:
        limits.current().page(found.user_id)


def required() -> Actor:
    """Who asks. Raises unauthorized for a browser without a good sign-in."""
    found = actor()
    if found is None:
        raise sessions.unauthorized()
    return found


def _resolve(session_id: str | None) -> Actor | None:
    if session_id is None:
        return None
    try:
        standing = sessions.resolve(session_id)
    except Refused:
        session.clear()
        return None
    auth.current().note_seen(standing)
    return standing.actor
