"""Rooms: finding one, what it is doing, ending it, and reading what was said in it, which is on record."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.pages import HistoryQuery
from chatapp.contract.school import SchoolRoomsQuery
from chatapp.domain import school
from chatapp.transports.admin.asked import DONE, asked, filters
from chatapp.transports.admin.frame import administrator, go, page

blueprint = Blueprint("rooms", __name__, url_prefix="/rooms")


@blueprint.get("/")
def index() -> Response:
    """All rooms, newest first."""
    listed = school.list_rooms(administrator(), **asked(SchoolRoomsQuery))
    return page("rooms.html", listed=listed, filters=filters())


@blueprint.get("/<room_id>/")
def show(room_id: str) -> Response:
    """One of them."""
    return page("room.html", room=school.room(administrator(), room_id=room_id), done=request.args.get(DONE))


@blueprint.post("/<room_id>/close/")
def close(room_id: str) -> Response:
    """End the class in its host's stead."""
    school.close_room(administrator(), room_id=room_id)
    return go("rooms.show", room_id=room_id, done="closed")


@blueprint.get("/<room_id>/messages/")
def messages(room_id: str) -> Response:
    """What was said."""
    actor = administrator()
    room = school.room(actor, room_id=room_id)
    read = school.read_messages(actor, room_id=room_id, **asked(HistoryQuery))
    return page("messages.html", room=room, messages=read["items"], head=read["head"])
