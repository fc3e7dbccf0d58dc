"""The second step of signing in, under Me: an authenticator app set up, shown to work, and taken away again."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.errors import Refused
from chatapp.domain import authenticator
from chatapp.transports import limits
from chatapp.transports.web import page_session, profile, qr_picture, words
from chatapp.transports.web.page import go, page

blueprint = Blueprint("second_step", __name__, url_prefix="/me/second-step")


@blueprint.post("/")
def set_up() -> Response:
    """A secret, on this very answer: a redirect would have to keep it somewhere."""
    actor = page_session.required()
    try:
        with limits.current().guessing(actor.username, request.remote_addr or ""):
            made = authenticator.set_up(actor, current_password=request.form.get("current_password", ""))
    except Refused as refused:
        return profile.shown(profile.SECOND_STEP, refused)
    return page("second_step.html", secret=made["setup_key"], picture=_picture(made["uri"]), refused=None, later="")


@blueprint.post("/confirm/")
def confirm() -> Response:
    """The app works: its codes are asked for from now on."""
    actor = page_session.required()
    try:
        made = authenticator.confirm(actor, otp=request.form.get("otp", ""))
    except Refused as refused:
        return page(
            "second_step.html", refused.status, secret="", picture="", refused=refused, later=words.later(refused)
        )
    return page("recovery_codes.html", codes=made["recovery_codes"])


@blueprint.post("/remove/")
def remove() -> Response:
    """No codes any more."""
    actor = page_session.required()
    try:
        with limits.current().guessing(actor.username, request.remote_addr or ""):
            authenticator.remove(
                actor, current_password=request.form.get("current_password", ""), otp=request.form.get("otp", "")
            )
    except Refused as refused:
        return profile.shown(profile.SECOND_STEP, refused)
    return go("pages.profile.show", done=profile.SECOND_STEP)


def _picture(uri: str) -> str:
    """What a camera reads; nothing where it would be too much for one."""
    try:
        return qr_picture.svg(uri)
    except ValueError:
        return ""
