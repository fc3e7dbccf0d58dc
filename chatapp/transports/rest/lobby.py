"""`/api/chat/<room_id>/`: knocking, and answering knocks."""

from __future__ import annotations

from chatapp.contract import answers, inputs, pages, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import lobby
from chatapp.domain.actor import Actor
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Join requests", url_prefix="/api/chat/<id:room_id>", description="Knocking, and answering knocks")


@endpoint(
    blueprint,
    "POST",
    "/join/",
    takes=inputs.KnockInput,
    gives=answers.KnockSchema,
    status=201,
    also=200,
    refuses=(Code.FORBIDDEN, Code.ROOM_CLOSED, Code.ROOM_FULL, Code.LIMIT_REACHED, Code.RATE_LIMITED),
    scope=Scope.PEOPLE_WRITE,
)
def knock(actor: Actor, data: Data, room_id: str) -> Answer:
    """Ask to join: 201 with a new request, 200 with the one that stands"""
    request, created = lobby.knock(actor, room_id=room_id, **data)
    return request, 201 if created else 200


@endpoint(
    blueprint,
    "GET",
    "/join/",
    gives=things.JoinRequestSchema,
    scope=Scope.PEOPLE_READ,
)
def show_my_request(actor: Actor, room_id: str) -> Answer:
    """My newest join request"""
    return lobby.mine(actor, room_id=room_id)


@endpoint(
    blueprint,
    "DELETE",
    "/join/",
    gives=things.JoinRequestSchema,
    refuses=(Code.NOT_PENDING,),
    scope=Scope.PEOPLE_WRITE,
)
def withdraw(actor: Actor, room_id: str) -> Answer:
    """Take my join request back"""
    return lobby.withdraw(actor, room_id=room_id)


@endpoint(
    blueprint,
    "GET",
    "/requests/",
    asks=pages.RequestsQuery,
    gives=pages.RequestPage,
    spends=Attempts.history,
    refuses=(Code.FORBIDDEN,),
    scope=Scope.PEOPLE_READ,
)
def list_requests(actor: Actor, asked: Data, room_id: str) -> Answer:
    """Join requests, oldest first (host)"""
    return lobby.requests(actor, room_id=room_id, **asked)


@endpoint(
    blueprint,
    "POST",
    "/approve/",
    takes=inputs.SelectorInput,
    gives=answers.DecisionsSchema,
    refuses=(Code.FORBIDDEN, Code.NOT_PENDING, Code.ROOM_CLOSED, Code.ROOM_FULL),
    scope=Scope.PEOPLE_WRITE,
)
def approve(actor: Actor, data: Data, room_id: str) -> Answer:
    """Let one, several or all in (host)"""
    return lobby.approve(actor, room_id=room_id, selector=data)


@endpoint(
    blueprint,
    "POST",
    "/deny/",
    takes=inputs.DenyInput,
    gives=answers.DecisionsSchema,
    refuses=(Code.FORBIDDEN, Code.NOT_PENDING),
    scope=Scope.PEOPLE_WRITE,
)
def deny(actor: Actor, data: Data, room_id: str) -> Answer:
    """Do not let one, several or all in (host)"""
    reason = data.pop("reason", None)
    return lobby.deny(actor, room_id=room_id, selector=data, reason=reason)
