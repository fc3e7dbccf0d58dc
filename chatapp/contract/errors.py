"""The one table of error codes, and the exception that says no. Transports map these, never invent them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every code an answer may carry, on all transports."""

    INVALID_PAYLOAD = "invalid_payload"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    UNKNOWN_COMMAND = "unknown_command"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    NOT_PENDING = "not_pending"
    ROOM_CLOSED = "room_closed"
    ROOM_FULL = "room_full"
    LIMIT_REACHED = "limit_reached"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    CONTENT_REJECTED = "content_rejected"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means everywhere: HTTP status, title for people, whether the same request may be sent again."""

    status: int
    title: str
    retryable: bool = False


MEANINGS: dict[Code, Meaning] = {
    Code.INVALID_PAYLOAD: Meaning(400, "The request is not understood"),
    Code.UNAUTHORIZED: Meaning(401, "Sign in first"),
    Code.FORBIDDEN: Meaning(403, "Not allowed"),
    Code.NOT_FOUND: Meaning(404, "Not found"),
    Code.UNKNOWN_COMMAND: Meaning(404, "Unknown command"),
    Code.METHOD_NOT_ALLOWED: Meaning(405, "Method not allowed"),
    Code.CONFLICT: Meaning(409, "Conflict"),
    Code.NOT_PENDING: Meaning(409, "Already decided"),
    Code.ROOM_CLOSED: Meaning(409, "The room is closed"),
    Code.ROOM_FULL: Meaning(409, "The room is full"),
    Code.LIMIT_REACHED: Meaning(409, "Limit reached"),
    Code.TOO_LARGE: Meaning(413, "Too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: Meaning(415, "Unsupported media type"),
    Code.RANGE_NOT_SATISFIABLE: Meaning(416, "There is no such part"),
    Code.CONTENT_REJECTED: Meaning(422, "Content rejected"),
    Code.RATE_LIMITED: Meaning(429, "Too many requests", retryable=True),
    Code.INTERNAL: Meaning(500, "Internal error", retryable=True),
    Code.UNAVAILABLE: Meaning(503, "Unavailable", retryable=True),
}


class Refused(Exception):
    """A request gets no for an answer, with its reason from the table.

    `fields` maps an input field to its faults. `retry_after` is in seconds. `data` is added to the answer as it
    stands, for the few refusals that tell more (`decided_by`, `my_role`).
    """

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        fields: dict[str, list[str]] | None = None,
        retry_after: float | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        self.code = code
        self.message = message or MEANINGS[code].title
        self.fields = fields
        self.retry_after = retry_after
        self.data = data or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status of this refusal."""
        return MEANINGS[self.code].status

    @property
    def retryable(self) -> bool:
        """Whether the same request may be sent again; for a send: outcome unknown, resend the same `client_id`."""
        return MEANINGS[self.code].retryable

    def as_socket_error(self) -> dict[str, Any]:
        """`{code, message, retryable, fields?, retry_after?, …data}`, the error object of the socket transports."""
        error: dict[str, Any] = {"code": self.code.value, "message": self.message, "retryable": self.retryable}
        if self.fields:
            error["fields"] = self.fields
        if self.retry_after is not None:
            error["retry_after"] = round(self.retry_after, 3)
        return error | self.data


def invalid(field: str, fault: str) -> Refused:
    """The refusal of one input field."""
    return Refused(Code.INVALID_PAYLOAD, f"{field}: {fault}", fields={field: [fault]})


def not_found(what: str = "This does not exist, or is not yours to see.") -> Refused:
    """The same answer for what is missing and for what the actor may not know of."""
    return Refused(Code.NOT_FOUND, what)
