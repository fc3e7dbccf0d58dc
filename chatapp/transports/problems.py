"""Refusals over HTTP, as RFC 9457 problem details. It maps codes of the contract and invents none."""

from __future__ import annotations

import logging
import math
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, InternalServerError

from chatapp import meters
from chatapp.contract import jsontext
from chatapp.contract.errors import MEANINGS, Code, Refused, not_found
from chatapp.db import OUTAGES

MEDIA_TYPE = "application/problem+json"
API_PATHS = ("/api/", "/healthz/", "/readyz/", "/metrics/")
"""Where programs from anywhere ask."""
SCRIPT_PATHS = ("/session/",)
"""Where our pages' scripts ask, with their cookie."""

_log = logging.getLogger(__name__)
_BY_STATUS = {meaning.status: code for code, meaning in reversed(MEANINGS.items())} | {
    404: Code.NOT_FOUND,
    409: Code.CONFLICT,
}


def init_app(app: Flask) -> None:
    """Answer every error of `app` in the contract's words."""
    app.register_error_handler(Refused, problem)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(Exception, from_fault)
    for lost in OUTAGES:
        app.register_error_handler(lost, from_database)


def problem(refused: Refused) -> Response:
    """The answer to a refused request."""
    meters.REFUSED.add(1, refused.code)
    content = jsontext.encode(body(refused, request_id()))
    response = Response(content, refused.status, content_type=MEDIA_TYPE)
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(refused.retry_after))
    if refused.code is Code.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def body(refused: Refused, request_id: str, status: int | None = None) -> dict[str, Any]:
    """`{type, title, status, code, detail, request_id, errors?, retry_after?}` and what the refusal itself tells.

    `status` is the answer's where HTTP has a closer one than the code's.
    """
    told: dict[str, Any] = {
        "type": f"urn:chatapp:error:{refused.code.value}",
        "title": MEANINGS[refused.code].title,
        "status": refused.status if status is None else int(status),
        "code": refused.code.value,
        "detail": refused.message,
        "request_id": request_id,
    }
    if refused.fields:
        told["errors"] = refused.fields
    if refused.retry_after is not None:
        told["retry_after"] = round(refused.retry_after, 3)
    return told | refused.data


def from_http(error: HTTPException) -> Response | HTTPException:
    """The framework's own refusals: unknown paths and methods, bodies too large. Headers such as Allow are kept."""
    status = error.code or 500
    if status < 400 or not is_for_programs():
        return error
    code = _BY_STATUS.get(status, Code.INVALID_PAYLOAD if status < 500 else Code.INTERNAL)
    response = problem(not_found() if code is Code.NOT_FOUND else Refused(code))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def from_database(error: Exception) -> Response:
    """The database does not answer: whatever was asked may be asked again."""
    _log.error("request %s failed for want of a database: %s", request_id(), request.endpoint, exc_info=error)
    return problem(Refused(Code.UNAVAILABLE, "The database does not answer.", retry_after=1))


def from_fault(error: Exception) -> Response | HTTPException:
    """A bug. Its story goes to the log under the request's id, never to the client."""
    _log.error("request %s failed: %s", request_id(), request.endpoint, exc_info=error)
    if not is_for_programs():
        return InternalServerError()
    return problem(Refused(Code.INTERNAL, "Something went wrong. Tell us the request id."))


def is_api() -> bool:
    """Whether the request's path is the API's."""
    return f"{request.path}/".startswith(API_PATHS)


def is_for_programs() -> bool:
    """Whether a program asks; elsewhere people look at pages, and errors are pages too."""
    return is_api() or f"{request.path}/".startswith(SCRIPT_PATHS)


def request_id() -> str:
    """The id of the current request, as its answer tells it."""
    return str(g.get("request_id", ""))
