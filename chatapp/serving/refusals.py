"""Refusals of requests that never reach Flask: the same problem details, with the same headers, as those that do."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import NamedTuple

from chatapp import meters, worklog
from chatapp.contract import jsontext
from chatapp.contract.errors import Code, Refused
from chatapp.observability import new_request_id
from chatapp.transports import headers, problems


class Refusal(NamedTuple):
    """An answer. Nothing of the request is repeated in it."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


_REASONS = {
    HTTPStatus.BAD_REQUEST: Refused(Code.INVALID_PAYLOAD, "This is no request that this server can read safely."),
    HTTPStatus.FORBIDDEN: Refused(Code.FORBIDDEN, "Pages from this origin may not connect."),
    HTTPStatus.REQUEST_URI_TOO_LONG: Refused(Code.TOO_LARGE, "The address is too long."),
    HTTPStatus.UPGRADE_REQUIRED: Refused(Code.INVALID_PAYLOAD, "Only WebSockets (version 13) are served here."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Refused(Code.TOO_LARGE, "The headers are too many or too long."),
}


def refusal(code: int, *more: tuple[str, str]) -> Refusal:
    """The answer with this HTTP status, and `more` headers."""
    status = HTTPStatus(code)
    reason = _REASONS.get(status, _REASONS[HTTPStatus.BAD_REQUEST])
    request_id = new_request_id()
    meters.REFUSED.add(1, reason.code)
    worklog.note("request", started=time.monotonic(), request_id=request_id, outcome=status.value)
    body = jsontext.encode(problems.body(reason, request_id, status))
    named = {"Content-Type": problems.MEDIA_TYPE, "Content-Length": str(len(body))}
    always = headers.ALWAYS | headers.API | {"X-Request-Id": request_id}
    return Refusal(f"{status.value} {status.phrase}", [*(named | always).items(), *more], body)
