"""Refusals as pages: what happened, what to do, and an id to quote. Programs get theirs from `transports.problems`."""

from __future__ import annotations

import structlog
from flask import Flask, Response, request
from flask_babel import gettext, lazy_gettext
from werkzeug.exceptions import HTTPException

from chatapp.contract.errors import Code, Refused
from chatapp.transports import problems
from chatapp.transports.web import said_below, words
from chatapp.transports.web.page import go, is_own_path, page

_log = structlog.get_logger(__name__)
_WORDS = {
    404: (lazy_gettext("Not found"), lazy_gettext("There is nothing at this address, or it is not yours to see.")),
    405: (lazy_gettext("Not possible"), lazy_gettext("This address does not do that. Go back to your rooms.")),
    413: (lazy_gettext("Too much at once"), lazy_gettext("What was sent is too large.")),
    429: (lazy_gettext("Too many tries"), lazy_gettext("Wait a little, then try again.")),
}
_FALLBACK = (
    lazy_gettext("Something went wrong"),
    lazy_gettext("Nothing you did. Try again; if it stays, tell your school the number below."),
)


def init_app(app: Flask) -> None:
    """Answer with a page wherever people look, also where no page of ours is."""
    for status in (400, 404, 405, 413):
        app.register_error_handler(status, from_http)


def refused(error: Refused) -> Response:
    """A page for a refusal. Who is not signed in is shown the way in, and then back here."""
    if error.code is Code.UNAUTHORIZED:
        return go("pages.accounts.home", next=request.full_path.rstrip("?") if request.method == "GET" else None)
    if error.code is Code.NOT_FOUND or error.status >= 500:
        return _error_page(error.status)
    text = f"{said_below.refusal(error)}{words.later(error)}"
    return page(
        "error.html", error.status, title=gettext("That did not work"), text=text, request_id=problems.request_id()
    )


def from_http(error: HTTPException) -> Response | HTTPException:
    """The framework's own refusals, outside of the programs' paths. Which methods are allowed is still told."""
    if problems.is_for_programs():
        return problems.from_http(error)
    response = _error_page(error.code or 500)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name.lower() == "allow"])
    return response


def from_fault(error: Exception) -> Response | HTTPException:
    """A bug, or a database that does not answer. Its story goes to the log, never into the page."""
    if isinstance(error, HTTPException):
        return from_http(error)
    _log.error("page failed", request_id=problems.request_id(), endpoint=request.endpoint, exc_info=error)
    return _error_page(500)


def _error_page(status: int) -> Response:
    title, text = _WORDS.get(status, _FALLBACK)
    again = request.full_path.rstrip("?") if status >= 500 and request.method == "GET" else None
    retry = again if again and is_own_path(again) else None
    return page("error.html", status, title=title, text=text, request_id=problems.request_id(), retry=retry)
