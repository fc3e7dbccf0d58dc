"""Requests taken strictly: one reading of a body, one of a query string, or none. What they mean is the domain's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import marshmallow
from flask import Request
from webargs.flaskparser import FlaskParser

from chatapp.contract import jsontext
from chatapp.contract.errors import Code, Refused, invalid

MAX_BODY = 64 * 1024
IGNORED = frozenset({"token"})
"""Query parameters that are no input of any operation: a token in an address is no credential, and no fault either."""


class StrictParser(FlaskParser):
    """webargs with our reading of JSON and of queries. Unknown fields are the schemas' business, which refuse them."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": None, "query": None}  # noqa: RUF012 — the library's way to say it

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The body as an object; none counts as an empty one."""
        return body(req)

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The query string as an object; a parameter may come once."""
        return query(req)

    def handle_error(
        self, error: marshmallow.ValidationError, req: Request, schema: marshmallow.Schema, **_: Any
    ) -> NoReturn:
        """Refuse with every field's faults."""
        faults: dict[str, list[str]] = {}
        for located in error.normalized_messages().values():  # type: ignore[no-untyped-call]
            _gather(faults, "", located)
        field, texts = next(iter(faults.items()))
        raise Refused(Code.INVALID_PAYLOAD, f"{field}: {texts[0]}", fields=faults)


def body(req: Request) -> dict[str, Any]:
    """The JSON object in a request. Raises unsupported_media_type, too_large, invalid_payload."""
    if req.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, without Content-Encoding.")
    if (
        req.content_length is None
        and "Transfer-Encoding" in req.headers
        and not req.environ.get("wsgi.input_terminated")
    ):
        raise invalid("body", "Send it with a Content-Length.")  # Werkzeug would read it as empty
    req.max_content_length = MAX_BODY + 1  # without a Content-Length Werkzeug cuts there and says nothing
    raw = req.get_data(cache=False)
    if len(raw) > MAX_BODY:
        raise Refused(Code.TOO_LARGE)
    if not raw:
        return {}
    if req.mimetype != "application/json":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
    try:
        value = jsontext.decode(raw)
    except jsontext.BadJson as fault:
        raise invalid("body", f"Not JSON as this server takes it: {fault}.") from fault
    if not isinstance(value, dict):
        raise invalid("body", "Not a JSON object.")
    return value


def query(req: Request) -> dict[str, str]:
    """The query string's parameters. Raises invalid_payload for one that comes twice."""
    given: dict[str, str] = {}
    for name, values in req.args.lists():
        if name in IGNORED:
            continue
        if len(values) > 1:
            raise invalid(name[:64], "Name it once.")
        given[name] = values[0]
    return given


def _gather(faults: dict[str, list[str]], path: str, messages: object) -> None:
    """Flatten marshmallow's nested messages to `{"ids.0": ["…"]}`; a schema's own fault is the body's."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            _gather(faults, f"{path}.{name}" if path else str(name)[:64], inner)
    elif isinstance(messages, list):
        faults.setdefault("body" if path in ("", "_schema") else path, []).extend(map(str, messages))
