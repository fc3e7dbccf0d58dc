"""The way in and out: sign in, register, sign out. Limits, audit and answers are those of the API."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.errors import Code, Refused
from chatapp.domain import accounts, second_factor, sessions
from chatapp.transports import limits
from chatapp.transports.web import halfway, known_device, page_session, rooms, site, words
from chatapp.transports.web.page import go, go_to, page

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/")
def home() -> Response:
    """The list of rooms, or the way in."""
    actor = page_session.actor()
    return _sign_in_page() if actor is None else rooms.dashboard(actor)


@blueprint.post("/sign-in/")
def sign_in() -> Response:
    """Sign in, then go where one wanted to."""
    username, password = request.form.get("username", ""), request.form.get("password", "")
    try:
        _must_be_safe()
        with limits.current().guessing(username, _address(), lambda: known_device.is_known(username)):
            opened = sessions.login(username=username, password=password, device=_device(), address=_address())
    except Refused as refused:
        if second_factor.FIELD in (refused.fields or {}):
            halfway.begin(username)
            return _code_page()
        return _sign_in_page(refused)
    return _enter(opened, username)


@blueprint.post("/sign-in/code/")
def sign_in_with_code() -> Response:
    """The second step, for who has shown their password a moment ago."""
    known = halfway.who()
    if known is None:
        return go("pages.accounts.home")
    username, proof = known
    try:
        _must_be_safe()
        with limits.current().guessing(username, _address(), lambda: True):  # they have shown the password
            opened = sessions.finish(username=username, proof=proof, otp=request.form.get("otp", ""), device=_device())
    except Refused as refused:
        return _code_page(refused)
    return _enter(opened, username)


@blueprint.get("/register/")
def registering() -> Response:
    """The form for a new account."""
    return go("pages.accounts.home") if page_session.actor() else _register_page()


@blueprint.post("/register/")
def register() -> Response:
    """Make an account and sign in."""
    wanted = {name: request.form.get(name, "") for name in ("username", "password", "display_name", "invite_code")}
    try:
        _must_be_safe()
        limits.current().register(_address())
        opened = accounts.register(
            username=wanted["username"],
            password=wanted["password"],
            display_name=wanted["display_name"].strip() or None,
            invite_code=wanted["invite_code"].strip() or None,
            device=_device(),
        )
    except Refused as refused:
        return _register_page(refused)
    return _enter(opened, wanted["username"])


@blueprint.post("/sign-out/")
def sign_out() -> Response:
    """End this sign-in everywhere."""
    page_session.end()
    return go("pages.accounts.home")


def _enter(opened: sessions.Opened, username: str) -> Response:
    page_session.begin(opened)
    leads_on = go("pages.profile.show") if opened.password_is_given else go_to(request.form.get("next", "/"))
    return known_device.remember(leads_on, username)


def _sign_in_page(refused: Refused | None = None) -> Response:
    return _form("sign_in.html", refused)


def _code_page(refused: Refused | None = None) -> Response:
    return _form("sign_in_code.html", refused)


def _register_page(refused: Refused | None = None) -> Response:
    return _form("register.html", refused)


def _form(template: str, refused: Refused | None) -> Response:
    """A form of this page, with what was typed except for the password, and with what was wrong."""
    return page(
        template,
        200 if refused is None else refused.status,
        can_sign_in=site.can_sign_in(),
        refused=refused,
        later="" if refused is None else words.later(refused),
        typed=request.form,
        next=request.values.get("next", "/"),
    )


def _must_be_safe() -> None:
    if not site.can_sign_in():
        raise Refused(Code.FORBIDDEN, "Signing in needs https here.")


def _address() -> str:
    return request.remote_addr or ""


def _device() -> str:
    return request.headers.get("User-Agent", "")
