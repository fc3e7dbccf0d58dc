"""`/api/chat/`: rooms themselves."""

from __future__ import annotations

from flask import Response

from chatapp.contract import answers, inputs, pages, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import exports, participants, rooms
from chatapp.domain.actor import Actor
from chatapp.transports import taking
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Rooms", url_prefix="/api/chat", description="Rooms themselves")


@endpoint(
    blueprint,
    "GET",
    "/",
    asks=pages.RoomsQuery,
    gives=pages.CardPage,
    spends=Attempts.history,
    scope=Scope.ROOMS_READ,
)
def list_rooms(actor: Actor, asked: Data) -> Answer:
    """Cards of active rooms; `mine` are those I am in"""
    return rooms.list_cards(actor, **asked)


@endpoint(
    blueprint,
    "POST",
    "/create/",
    takes=inputs.RoomCreateInput,
    gives=things.RoomSchema,
    status=201,
    refuses=(Code.FORBIDDEN, Code.LIMIT_REACHED),
    scope=Scope.ROOMS_WRITE,
)
def create_room(actor: Actor, data: Data) -> Answer:
    """Open a room (teachers)"""
    return rooms.create(actor, **data)


@endpoint(
    blueprint,
    "GET",
    "/by-code/<join_code>/",
    gives=things.CardSchema,
    spends=Attempts.code_lookup,
    scope=Scope.ROOMS_READ,
)
def find_by_code(actor: Actor, join_code: str) -> Answer:
    """The card of the room with this join code"""
    return rooms.by_code(actor, join_code=join_code)


@endpoint(
    blueprint,
    "POST",
    "/<id:room_id>/code/",
    gives=things.RoomSchema,
    refuses=(Code.FORBIDDEN, Code.ROOM_CLOSED),
    scope=Scope.ROOMS_WRITE,
)
def renew_code(actor: Actor, room_id: str) -> Answer:
    """A new join code (host)"""
    return rooms.renew_code(actor, room_id=room_id)


@endpoint(
    blueprint,
    "GET",
    "/<id:room_id>/",
    gives=answers.RoomOrCardSchema,
    scope=Scope.ROOMS_READ,
)
def show_room(actor: Actor, room_id: str) -> Answer:
    """The Room for those inside, its Card for others"""
    return rooms.show(actor, room_id=room_id)


@endpoint(
    blueprint,
    "PATCH",
    "/<id:room_id>/",
    takes=inputs.RoomUpdateInput,
    gives=things.RoomSchema,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
    scope=Scope.ROOMS_WRITE,
)
def update_room(actor: Actor, data: Data, room_id: str) -> Answer:
    """Change a room's settings (host)"""
    return rooms.update(actor, room_id=room_id, changes=data)


@endpoint(
    blueprint,
    "POST",
    "/<id:room_id>/close/",
    gives=things.RoomSchema,
    refuses=(Code.FORBIDDEN,),
    scope=Scope.ROOMS_WRITE,
)
def close_room(actor: Actor, room_id: str) -> Answer:
    """End the class (host)"""
    return rooms.close(actor, room_id=room_id)


@endpoint(
    blueprint,
    "POST",
    "/<id:room_id>/reopen/",
    gives=things.RoomSchema,
    refuses=(Code.FORBIDDEN, Code.LIMIT_REACHED),
    scope=Scope.ROOMS_WRITE,
)
def reopen_room(actor: Actor, room_id: str) -> Answer:
    """Open a closed room again (host)"""
    return rooms.reopen(actor, room_id=room_id)


@endpoint(
    blueprint,
    "POST",
    "/<id:room_id>/leave/",
    gives=answers.RoomOrCardSchema,
    scope=Scope.PEOPLE_WRITE,
)
def leave_room(actor: Actor, room_id: str) -> Answer:
    """Give up my place; the host leaving ends the class"""
    return participants.leave(actor, room_id=room_id)


@endpoint(blueprint, "GET", "/<id:room_id>/export/", gives=None, binary=True, refuses=(Code.FORBIDDEN,),
          spends=Attempts.export)  # fmt: skip
def export_room(actor: Actor, room_id: str) -> Response:
    """A ZIP of the room: its log as JSON, CSV and HTML, and its files (host, administrators)"""
    return taking.answer(taking.room_archive(exports.room(actor, room_id=room_id)), f"room-{room_id}")
