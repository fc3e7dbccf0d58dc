"""`/api/chat/<room_id>/`: who is in a room, and who may not come back."""

from __future__ import annotations

from chatapp.contract import answers, inputs, pages
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import participants
from chatapp.domain.actor import Actor
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource(
    "Participants", url_prefix="/api/chat/<id:room_id>", description="Who is in a room, and who may not come back"
)


@endpoint(
    blueprint,
    "GET",
    "/participants/",
    asks=pages.PageQuery,
    gives=pages.ParticipantPage,
    spends=Attempts.history,
    scope=Scope.PEOPLE_READ,
)
def list_participants(actor: Actor, asked: Data, room_id: str) -> Answer:
    """Participants, in the order they joined"""
    return participants.list_all(actor, room_id=room_id, **asked)


@endpoint(
    blueprint,
    "POST",
    "/remove/",
    takes=inputs.RemoveInput,
    gives=answers.RemovalSchema,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
    scope=Scope.PEOPLE_WRITE,
)
def remove(actor: Actor, data: Data, room_id: str) -> Answer:
    """Remove a participant, with `ban` for good (host)"""
    return participants.remove(actor, room_id=room_id, **data)


@endpoint(
    blueprint,
    "GET",
    "/bans/",
    asks=pages.PageQuery,
    gives=pages.BanPage,
    spends=Attempts.history,
    refuses=(Code.FORBIDDEN,),
    scope=Scope.PEOPLE_READ,
)
def list_bans(actor: Actor, asked: Data, room_id: str) -> Answer:
    """Who may not ask again (host)"""
    return participants.bans(actor, room_id=room_id, **asked)


@endpoint(
    blueprint,
    "POST",
    "/unban/",
    takes=inputs.UserInput,
    gives=answers.UnbanSchema,
    refuses=(Code.FORBIDDEN,),
    scope=Scope.PEOPLE_WRITE,
)
def unban(actor: Actor, data: Data, room_id: str) -> Answer:
    """Let a banned user ask again (host)"""
    return participants.unban(actor, room_id=room_id, **data)
