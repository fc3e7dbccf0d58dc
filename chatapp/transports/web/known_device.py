"""A browser on which somebody has signed in before: its marks, in a cookie. What they do is `device_marks`."""

from __future__ import annotations

from flask import Response, request

from chatapp.transports import device_marks
from chatapp.transports.web import site

SECURE_COOKIE = "__Host-chatapp-device"
LOOPBACK_COOKIE = "chatapp-device"


def is_known(username: str) -> bool:
    """Whether this browser was let in as `username`, with the password of today."""
    return device_marks.is_known(username, _kept())


def remember(response: Response, username: str) -> Response:
    """Let this browser be known, from now on."""
    response.set_cookie(
        _name(), device_marks.with_mark(username, _kept()), max_age=device_marks.DAYS * 86400, path="/",
        secure=site.settings().https, httponly=True, samesite="Lax",
    )  # fmt: skip
    return response


def _kept() -> str:
    return request.cookies.get(_name(), "")


def _name() -> str:
    return SECURE_COOKIE if site.settings().https else LOOPBACK_COOKIE
