"""The site as pages know it: the settings of the running app, and what follows from its address."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, current_app

from config import Settings, is_loopback

_EXTENSION = "chatapp.web"


def init_app(app: Flask, settings: Settings) -> None:
    """Keep the settings where the pages of this app find them."""
    app.extensions[_EXTENSION] = settings


def settings() -> Settings:
    """The settings of the app that handles the current request."""
    found: Settings = current_app.extensions[_EXTENSION]
    return found


def can_sign_in() -> bool:
    """Whether a page session can be held safely: over https, or on this machine alone. A cookie over plain http on a
    network is everybody's."""
    return settings().https or is_loopback(urlsplit(settings().public_url).hostname or "")
