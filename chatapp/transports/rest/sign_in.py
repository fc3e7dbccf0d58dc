"""`/api/auth/`: in and out. Passwords are judged by the domain, tokens by `transports.auth`."""

from __future__ import annotations

from flask import request

from chatapp.contract import answers, inputs, pages
from chatapp.contract.errors import Code
from chatapp.domain import accounts, sessions, tickets
from chatapp.domain.actor import Actor
from chatapp.transports import auth, device_marks, limits
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Signing in", url_prefix="/api/auth", description="In, out, and the tokens between")


@endpoint(
    blueprint,
    "POST",
    "/register/",
    takes=inputs.RegisterInput,
    gives=answers.TokensSchema,
    status=201,
    public=True,
    refuses=(Code.FORBIDDEN, Code.CONFLICT, Code.TOO_LARGE, Code.RATE_LIMITED),
)
def register(data: Data) -> Answer:
    """Make an account and sign in"""
    limits.current().register(_address())
    opened = accounts.register(**data, device=_device())
    return auth.current().tokens(opened) | _kept_by_the_device(data["username"])


@endpoint(
    blueprint,
    "POST",
    "/login/",
    takes=inputs.LoginInput,
    gives=answers.TokensSchema,
    public=True,
    refuses=(Code.UNAUTHORIZED, Code.FORBIDDEN, Code.RATE_LIMITED),
)
def login(data: Data) -> Answer:
    """Sign in"""
    name, kept = data["username"], data.pop("device_token", "")
    with limits.current().guessing(name, _address(), lambda: device_marks.is_known(name, kept)):
        opened = sessions.login(**data, device=_device(), address=_address())
    return auth.current().tokens(opened) | _kept_by_the_device(name, kept)


@endpoint(
    blueprint,
    "POST",
    "/refresh/",
    takes=inputs.RefreshInput,
    gives=answers.TokensSchema,
    public=True,
    refuses=(Code.UNAUTHORIZED,),
)
def refresh(data: Data) -> Answer:
    """Exchange a refresh token for a new pair; used twice, it ends the session"""
    return auth.current().refresh(data.get("refresh_token") or auth.bearer(request))


@endpoint(blueprint, "POST", "/logout/", gives=None, status=204)
def logout(actor: Actor) -> Answer:
    """End this session everywhere, its sockets too"""
    sessions.logout(actor)
    return None


@endpoint(blueprint, "GET", "/sessions/", asks=pages.PageQuery, gives=pages.SessionPage)
def list_sessions(actor: Actor, asked: Data) -> Answer:
    """My sessions"""
    return sessions.mine(actor, **asked)


@endpoint(blueprint, "DELETE", "/sessions/<id:session_id>/", gives=None, status=204)
def end_session(actor: Actor, session_id: str) -> Answer:
    """End one of my sessions, its sockets too"""
    sessions.end(actor, session_id=session_id)
    return None


@endpoint(blueprint, "POST", "/ticket/", gives=answers.TicketSchema)
def make_ticket(actor: Actor) -> Answer:
    """A one-time way into a plain WebSocket"""
    return tickets.create(actor)


def _kept_by_the_device(username: str, kept: str = "") -> Data:
    return {"device_token": device_marks.with_mark(username, kept)}


def _address() -> str:
    return request.remote_addr or ""


def _device() -> str:
    return request.headers.get("User-Agent", "")
