"""The rooms: the list, a new one, one by its code, and the room page. Who waits at a room is `lobby`."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, request, url_for

from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import MyRole, RequestStatus, RoomStatus
from chatapp.domain import limits as rules
from chatapp.domain import lobby, overview, participants, policy, rooms
from chatapp.domain.actor import Actor
from chatapp.filestore.kinds import ACCEPTED
from chatapp.transports import limits
from chatapp.transports.web import page_session, qr_picture, site, transcript
from chatapp.transports.web.page import dressed, go, page, picture

PAGE = 50
WAITING_PAGE = 100
_LINK = re.compile(r"(?:https?://[^/\s]{1,255})?/rooms/([a-z0-9]{1,40})/?")
_OUTSIDE = (MyRole.NONE, MyRole.PENDING)

blueprint = Blueprint("rooms", __name__)


def dashboard(actor: Actor, refused: Refused | None = None) -> Response:
    """The first page of who is signed in: the rooms one hosts, those one is in, and the open ones of others."""
    limits.current().history(actor.user_id)
    others = rooms.list_cards(actor, limit=PAGE, cursor=request.args.get("cursor"))
    mine = rooms.list_cards(actor, mine=True, limit=PAGE)["items"]
    hosted, ended = overview.hosted(actor) if policy.may_create_rooms(actor) else ([], [])
    return page(
        "rooms.html",
        200 if refused is None else refused.status,
        may_create=policy.may_create_rooms(actor),
        hosted=hosted,
        ended=ended,
        joined=[card for card in mine if card["my_role"] != MyRole.HOST],
        waiting=[card for card in others["items"] if card["my_role"] == MyRole.PENDING],
        others=[card for card in others["items"] if card["my_role"] == MyRole.NONE],
        next_cursor=others["next_cursor"],
        refused=refused,
        typed=request.values,
    )


@blueprint.post("/rooms/")
def create() -> Response:
    """A new room, and into it."""
    actor = page_session.required()
    try:
        room = rooms.create(actor, title=request.form.get("title", ""))
    except Refused as refused:
        return dashboard(actor, refused)
    return go("pages.rooms.show", room_id=room["id"])


@blueprint.get("/join/")
def by_code() -> Response:
    """To the room with a join code, or with a link that was pasted instead."""
    actor = page_session.required()
    limits.current().code_lookup(actor.user_id)
    given = request.args.get("code", "").strip()
    pasted = _LINK.fullmatch(given)
    if pasted is not None:
        return go("pages.rooms.show", room_id=pasted[1])
    try:
        card = rooms.by_code(actor, join_code=re.sub(r"[\s-]", "", given))
    except Refused as refused:
        return dashboard(actor, refused)
    return go("pages.rooms.show", room_id=card["id"])


@blueprint.get("/rooms/<room_id>/")
def show(room_id: str) -> Response:
    """The room as this user meets it: inside, waiting, turned away or at its door."""
    return room_page(page_session.required(), room_id)


@blueprint.get("/rooms/<room_id>/summary/")
def summary(room_id: str) -> Response:
    """What a class was, for its host."""
    return page("summary.html", **overview.summary(page_session.required(), room_id=room_id))


@blueprint.get("/rooms/<room_id>/transcript.txt")
def transcript_file(room_id: str) -> Response:
    """What was said, as a file, for the host."""
    actor = page_session.required()
    limits.current().export(actor.user_id)
    room = overview.summary(actor, room_id=room_id)["room"]
    return dressed(transcript.download(actor, room))


@blueprint.post("/rooms/<room_id>/reopen/")
def reopen(room_id: str) -> Response:
    """Open a class again, and into it."""
    rooms.reopen(page_session.required(), room_id=room_id)
    return go("pages.rooms.show", room_id=room_id)


@blueprint.get("/rooms/<room_id>/qr.svg")
def qr_code(room_id: str) -> Response:
    """The room's link for cameras, for whoever is in the room."""
    room = rooms.show(page_session.required(), room_id=room_id)
    if room["my_role"] in _OUTSIDE:
        raise not_found()
    return picture(qr_picture.svg(link(room_id)))


def link(room_id: str) -> str:
    """The whole address of a room, to be sent around."""
    return f"{site.settings().public_url}{url_for('pages.rooms.show', room_id=room_id)}"


def room_page(actor: Actor, room_id: str, refused: Refused | None = None) -> Response:
    """The room page, also for a form of it that was refused."""
    room = rooms.show(actor, room_id=room_id)
    knock = None if room["my_role"] != MyRole.NONE else _newest_knock(actor, room_id)
    return page(
        "room.html",
        200 if refused is None else refused.status,
        room=room,
        stage=stage(room, knock, may_ask=participants.may_ask(actor, room_id=room_id)),
        knock=knock,
        waiting=_waiting(actor, room),
        max_chars=rules.current().message_chars,
        max_file_bytes=rules.current().file_bytes,
        accepted=ACCEPTED,
        knocks=rules.current().knocks,
        school_days=rules.current().message_days,
        link=link(room_id),
        refused=refused,
    )


def stage(room: dict[str, Any], knock: dict[str, Any] | None, *, may_ask: bool) -> str:
    """Which of the room page's faces is shown first: inside, waiting, banned, ended, denied or door."""
    if room["my_role"] not in _OUTSIDE:
        return "inside"
    if room["my_role"] == MyRole.PENDING:
        return "waiting"
    if not may_ask:
        return "banned"
    if room["status"] == RoomStatus.CLOSED:
        return "ended"
    return "denied" if knock is not None and knock["status"] == RequestStatus.DENIED else "door"


def _newest_knock(actor: Actor, room_id: str) -> dict[str, Any] | None:
    try:
        return lobby.mine(actor, room_id=room_id)
    except Refused as refused:
        if refused.code is not Code.NOT_FOUND:
            raise
        return None


def _waiting(actor: Actor, room: dict[str, Any]) -> list[dict[str, Any]]:
    if room["my_role"] != MyRole.HOST:
        return []
    pending, cursor = RequestStatus.PENDING.value, None
    waiting: list[dict[str, Any]] = []
    while True:
        read = lobby.requests(actor, room_id=room["id"], status=pending, limit=WAITING_PAGE, cursor=cursor)
        waiting += read["items"]
        cursor = read["next_cursor"]
        if cursor is None:
            return waiting
