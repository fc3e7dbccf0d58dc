"""What makes a function an endpoint: its path, who may call, what it takes and gives. Documents come from the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, request
from flask_smorest import Blueprint
from marshmallow import Schema
from werkzeug.routing import BaseConverter

from chatapp.contract import inputs, jsontext
from chatapp.contract.errors import MEANINGS, Code, Refused, invalid
from chatapp.contract.scopes import Scope
from chatapp.domain.actor import Actor
from chatapp.transports import auth, limits
from chatapp.transports.rest.parsing import StrictParser, query

Data = dict[str, Any]
Answer = Data | bytes | Response | None | tuple[Data | bytes | None, int]
View = Callable[..., Answer]
Spend = Callable[[limits.Attempts, str], None]


class IdConverter(BaseConverter):
    """An id in a path. What cannot be one of ours is a path that does not exist."""

    regex = r"[a-z2-9]{20}"


class Resource(Blueprint):
    """A blueprint that takes its input strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, *, url_prefix: str = "", description: str) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            name, __name__, url_prefix=url_prefix or None, description=description
        )


def endpoint(
    of: Resource,
    method: str,
    rule: str,
    *,
    gives: type[Schema] | None,
    takes: type[Schema] | None = None,
    asks: type[Schema] | None = None,
    status: int = 200,
    also: int | None = None,
    public: bool = False,
    spends: Spend | None = None,
    scope: Scope | None = None,
    refuses: tuple[Code, ...] = (),
    binary: bool = False,
    document: Data | None = None,
) -> Callable[[View], View]:
    """Register a view, called with the actor (unless `public`), then the body that it `takes` or the query that it
    `asks`, then the path's ids by name. It answers with a thing that `gives` describes, or with one and its status.

    `scope` is what an API token needs; without one the operation takes none. `spends` is the budget of the user that
    each call is charged to. `also` documents a second status, `refuses` the refusals that are this operation's own,
    beside those that follow from the rest: tests take no other for an answer.
    `binary`: it answers with bytes, as a Response of its own making. `document` is added to the OpenAPI document.
    """
    if takes is None and asks is None and method in ("POST", "PATCH"):
        takes = inputs.Nothing

    smorest: Any = of

    def decorate(view: View) -> View:
        handler: Any = _answering(view, status, drop_given=takes is inputs.Nothing, has_actor=not public)
        handler = _giving_bytes(smorest, handler) if binary else smorest.response(status, gives)(handler)
        if also is not None:
            handler = smorest.alt_response(also, schema=gives)(handler)
        if takes is not None:
            handler = smorest.arguments(takes, location="json")(handler)
        if asks is not None:
            handler = smorest.arguments(asks, location="query")(handler)
        handler = _admitting(handler, public=public, has_query=asks is not None, spends=spends, scope=scope)
        codes = _codes(refuses, public=public, takes=takes, rule=f"{of.url_prefix or ''}{rule}")
        handler.refuses = codes
        handler = smorest.doc(operationId=view.__name__, **{"x-refuses": [code.value for code in codes]})(handler)
        if public:
            handler = smorest.doc(security=[])(handler)
        elif scope is not None:
            handler = smorest.doc(security=[{"bearer": []}, {"apiToken": [scope.value]}])(handler)
        if document is not None:
            handler = smorest.doc(**document)(handler)
        smorest.route(rule, methods=[method])(handler)
        return view

    return decorate


def _codes(
    own: tuple[Code, ...],
    *,
    public: bool,
    takes: type[Schema] | None,
    rule: str,
) -> list[Code]:
    """Every code that an operation may answer with, in the order of the contract's table."""
    found = {Code.INVALID_PAYLOAD, Code.INTERNAL, Code.UNAVAILABLE, *own}
    if not public:
        found |= {Code.UNAUTHORIZED, Code.FORBIDDEN, Code.RATE_LIMITED}
    if takes is not None:
        found |= {Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE}
    if "<" in rule:
        found.add(Code.NOT_FOUND)
    return [code for code in MEANINGS if code in found]


def _giving_bytes(smorest: Any, handler: Any) -> Any:
    """`handler`, documented as one that gives bytes, whole or in part."""
    content: Data = {"type": "string", "format": "binary"}
    for each in (206, 200):
        handler = smorest.alt_response(each, schema=content, content_type="*/*")(handler)  # the file's own
    return smorest.alt_response(304, description="Not modified")(handler)


def _answering(view: View, status: int, *, drop_given: bool, has_actor: bool) -> Callable[..., Response]:
    """`view`, its answer encoded. Nothing is filtered on the way out: the views of the domain give what may go out."""

    @wraps(view)
    def answering(*args: Any, **path: str) -> Response:
        if drop_given:
            args = args[: 1 if has_actor else 0]
        given = view(*args, **path)
        if isinstance(given, Response):
            return given
        content, code = given if isinstance(given, tuple) else (given, status)
        if content is None:
            return Response(status=204)
        encoded = content if isinstance(content, bytes) else jsontext.encode(content)
        return Response(encoded, code, mimetype="application/json")

    return answering


def _admitting(handler: View, *, public: bool, has_query: bool, spends: Spend | None, scope: Scope | None) -> View:
    """`handler`, behind the door: first who it is, then whether they may ask again, then what they ask."""

    @wraps(handler)
    def admitting(**path: str) -> Answer:
        identity = None if public else auth.current().authenticate_request(request)
        actor = None if identity is None else identity.actor
        if identity is not None and identity.scopes is not None and scope not in identity.scopes:
            raise Refused(Code.FORBIDDEN, f"This token may not do that: it needs {scope or 'a session'}.")
        if actor is not None:
            g.actor_id = actor.user_id
            limits.current().request(actor.user_id)
            if spends is not None:
                spends(limits.current(), actor.user_id)
        if not has_query:
            for name in query(request):
                raise invalid(name[:64], "Unknown field.")
        return handler(**path) if actor is None else handler(actor, **path)

    return admitting


__all__ = ["Actor", "Answer", "Data", "IdConverter", "Resource", "endpoint"]
