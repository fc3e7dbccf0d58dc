"""Me: my name, my password, light or dark, and where I am signed in."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.errors import Refused
from chatapp.domain import accounts, authenticator, policy, sessions
from chatapp.transports import limits
from chatapp.transports.web import devices, look, page_session, words
from chatapp.transports.web.page import go, page

PAGE = 50
NAME, PASSWORD, SECOND_STEP = "name", "password", "second-step"
"""The page's forms."""

blueprint = Blueprint("profile", __name__, url_prefix="/me")


@blueprint.get("/")
def show() -> Response:
    """All of it."""
    return shown()


@blueprint.post("/name/")
def rename() -> Response:
    """Another name, as others see it."""
    actor = page_session.required()
    try:
        accounts.change_profile(actor, display_name=request.form.get("display_name", ""))
    except Refused as refused:
        return shown(NAME, refused)
    return go("pages.profile.show", done=NAME)


@blueprint.post("/password/")
def change_password() -> Response:
    """Another password, for who knows the current one. Guessing it here is counted as guessing it at the door."""
    actor = page_session.required()
    try:
        with limits.current().guessing(actor.username, request.remote_addr or ""):
            accounts.change_profile(
                actor,
                password=request.form.get("password", ""),
                current_password=request.form.get("current_password", ""),
            )
    except Refused as refused:
        return shown(PASSWORD, refused)
    return go("pages.profile.show", done=PASSWORD)


@blueprint.post("/look/")
def choose_look() -> Response:
    """Light or dark, on this device."""
    page_session.required()
    return look.remember(go("pages.profile.show", done="look"), request.form.get("look", ""))


@blueprint.post("/sessions/end/")
def end_session() -> Response:
    """Sign one device out."""
    sessions.end(page_session.required(), session_id=request.form.get("session_id", ""))
    return go("pages.profile.show", done="ended")


@blueprint.post("/sessions/end-others/")
def end_other_sessions() -> Response:
    """Sign all devices out but this one."""
    sessions.end_others(page_session.required())
    return go("pages.profile.show", done="others-ended")


def shown(form: str | None = None, refused: Refused | None = None) -> Response:
    """The page, also for that one of its forms that was refused."""
    actor = page_session.required()
    can_step = policy.may_have_a_second_factor(actor)
    listed = sessions.mine(actor, limit=PAGE, cursor=request.args.get("cursor"))
    return page(
        "profile.html",
        200 if refused is None else refused.status,
        sessions=[row | devices.parts(row["device"]) for row in listed["items"]],
        next_cursor=listed["next_cursor"],
        second_step=authenticator.show(actor) if can_step else None,
        password_until=accounts.password_until(actor),
        form=form,
        refused=refused,
        later="" if refused is None else words.later(refused),
        typed=request.form if form == NAME else {"display_name": actor.display_name},
        done=request.args.get("done"),
    )
