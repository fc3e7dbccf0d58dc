"""What these pages are made with: the site's own frame, as the composition root hands it over."""

from __future__ import annotations

from typing import Any, Protocol

from flask import Flask, Response, current_app

from chatapp.contract.errors import Refused, not_found
from chatapp.domain import policy
from chatapp.domain.actor import Actor
from chatapp.transports.admin import words

_EXTENSION = "chatapp.admin"


class Frame(Protocol):
    """How a page leaves, and whose browser asks."""

    def actor(self) -> Actor | None:
        """Whoever is signed in."""
        ...

    def page(self, template: str, status: int = 200, /, **context: Any) -> Response:
        """A page of a template."""
        ...

    def go(self, endpoint: str, **values: Any) -> Response:
        """On to another page."""
        ...

    def refused(self, error: Refused) -> Response:
        """A refusal as a page."""
        ...


def init_app(app: Flask, frame: Frame) -> None:
    """Make the pages of this app with `frame`."""
    app.extensions[_EXTENSION] = frame


def current() -> Frame:
    """The frame of the app that handles the current request."""
    frame: Frame = current_app.extensions[_EXTENSION]
    return frame


def administrator() -> Actor:
    """Who asks. Raises not_found for everybody but administrators: to them there is nothing here."""
    found = current().actor()
    if found is None or not policy.may_run_the_school(found):
        raise not_found()
    return found


def page(template: str, **context: Any) -> Response:
    """A page of one of our own templates."""
    return current().page(f"school/{template}", words=words, **context)


def go(endpoint: str, **values: Any) -> Response:
    """On to one of our own pages."""
    return current().go(f"pages.admin.{endpoint}", **values)
