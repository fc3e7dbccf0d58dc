"""`/api/chat/<room_id>/messages/`: a room's log. A send goes the way of all sends, through the process's committer."""

from __future__ import annotations

from chatapp.contract import inputs, pages, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import history
from chatapp.domain.actor import Actor
from chatapp.transports import process
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Messages", url_prefix="/api/chat/<id:room_id>", description="The log of a room")


@endpoint(
    blueprint,
    "GET",
    "/messages/",
    asks=pages.HistoryQuery,
    gives=things.HistorySchema,
    spends=Attempts.history,
    scope=Scope.MESSAGES_READ,
)
def show_history(actor: Actor, asked: Data, room_id: str) -> Answer:
    """A page of the log, ascending; without `before` and `after` the newest"""
    return history.read(actor, room_id=room_id, **asked)


@endpoint(
    blueprint,
    "POST",
    "/messages/",
    takes=inputs.SendInput,
    gives=things.MessageSchema,
    status=201,
    also=200,
    refuses=(Code.CONFLICT, Code.ROOM_CLOSED, Code.RATE_LIMITED),
    scope=Scope.MESSAGES_WRITE,
)
def send(actor: Actor, data: Data, room_id: str) -> Answer:
    """Send: 201 with the new message, 200 with the one that this client_id already made"""
    outcome = process.sends().submit_and_wait(actor, room_id=room_id, **data)
    return outcome.message, 200 if outcome.duplicate else 201
