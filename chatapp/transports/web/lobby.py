"""The lobby's forms, for browsers without our scripts: asking to join, and the host's answer."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.errors import Refused
from chatapp.domain import lobby
from chatapp.transports.web import page_session
from chatapp.transports.web.page import go
from chatapp.transports.web.rooms import room_page

blueprint = Blueprint("lobby", __name__, url_prefix="/rooms/<room_id>")


@blueprint.post("/ask/")
def ask(room_id: str) -> Response:
    """Ask to join."""
    actor = page_session.required()
    try:
        lobby.knock(actor, room_id=room_id, note=request.form.get("note"))
    except Refused as refused:
        return room_page(actor, room_id, refused)
    return go("pages.rooms.show", room_id=room_id)


@blueprint.post("/withdraw/")
def withdraw(room_id: str) -> Response:
    """Ask no longer."""
    lobby.withdraw(page_session.required(), room_id=room_id)
    return go("pages.rooms.show", room_id=room_id)


@blueprint.post("/approve/")
def approve(room_id: str) -> Response:
    """Let one in, or all."""
    lobby.approve(page_session.required(), room_id=room_id, selector=_selector())
    return go("pages.rooms.show", room_id=room_id)


@blueprint.post("/deny/")
def deny(room_id: str) -> Response:
    """Do not let one in, with a reason if one was given."""
    lobby.deny(page_session.required(), room_id=room_id, selector=_selector(), reason=request.form.get("reason"))
    return go("pages.rooms.show", room_id=room_id)


def _selector() -> dict[str, object]:
    if "all" in request.form:
        return {"all": True}
    return {"request_id": request.form.get("request_id", "")}
