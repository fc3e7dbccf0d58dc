"""Light or dark: what the browser asks for, or what somebody chose on this device. A cookie keeps it, so that a page is
in its colours from its first byte."""

from __future__ import annotations

from enum import StrEnum

from flask import Response, request

from chatapp.transports.web import site

SECURE_COOKIE = "__Host-chatapp-look"
LOOPBACK_COOKIE = "chatapp-look"
DAYS = 365


class Look(StrEnum):
    """The choices; each is also what the page's `color-scheme` says, but for the first."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


def chosen() -> Look:
    """The look of the current request's browser."""
    found = request.cookies.get(_name(), "")
    return Look(found) if found in set(Look) else Look.SYSTEM


def schemes() -> str:
    """What the page tells the browser to draw its own parts in."""
    look = chosen()
    return "light dark" if look is Look.SYSTEM else look.value


def remember(response: Response, wanted: str) -> Response:
    """Keep a choice on this device. Anything that is none is the system's."""
    if wanted not in (Look.LIGHT, Look.DARK):
        response.delete_cookie(_name(), path="/", secure=site.settings().https, httponly=True, samesite="Lax")
    else:
        response.set_cookie(
            _name(), wanted, max_age=DAYS * 86400, path="/", secure=site.settings().https, httponly=True, samesite="Lax"
        )
    return response


def _name() -> str:
    return SECURE_COOKIE if site.settings().https else LOOPBACK_COOKIE
