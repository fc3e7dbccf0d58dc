"""Programs that act for me or are told what happens: my API tokens and my webhooks, by forms alone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext

from chatapp.contract.errors import Refused, invalid
from chatapp.contract.scopes import Scope
from chatapp.domain import api_tokens, overview, policy, webhooks
from chatapp.domain.actor import Actor
from chatapp.transports import limits
from chatapp.transports.web import page_session, words
from chatapp.transports.web.page import go, page

PAGE = 50
TOKEN, WEBHOOK = "token", "webhook"
"""The page's two forms."""
TOKENS, WEBHOOKS = "tokens", "webhooks"
"""Its two lists; in the query, from where on one is shown."""
GOOD_FOR = (7, 30, 90, 365)
"""Days that a token may be good for; the third is the one that is offered."""
SCHOOL = "school"
"""What the form says instead of a room."""

MAY = {
    Scope.PROFILE_READ: lazy_gettext("Read your name and role"),
    Scope.ROOMS_READ: lazy_gettext("See rooms and their settings"),
    Scope.ROOMS_WRITE: lazy_gettext("Open, change and end rooms"),
    Scope.PEOPLE_READ: lazy_gettext("See who is in a room and who waits"),
    Scope.PEOPLE_WRITE: lazy_gettext("Ask to join and leave; let in, remove and ban"),
    Scope.MESSAGES_READ: lazy_gettext("Read conversations and files"),
    Scope.MESSAGES_WRITE: lazy_gettext("Write messages and send files"),
    Scope.NOTIFICATIONS_READ: lazy_gettext("Read your news"),
    Scope.NOTIFICATIONS_WRITE: lazy_gettext("Mark your news as read"),
    Scope.WEBHOOKS_READ: lazy_gettext("See webhooks and their deliveries"),
    Scope.WEBHOOKS_WRITE: lazy_gettext("Register, change and delete webhooks"),
}
"""What each scope allows, for who chooses. A test compares the list with the contract."""

blueprint = Blueprint("programs", __name__, url_prefix="/me/programs")


@blueprint.get("/")
def show() -> Response:
    """All of it."""
    return _programs()


@blueprint.post("/tokens/")
def create_token() -> Response:
    """A new token; the page shows it this once."""
    actor = page_session.required()
    try:
        chosen = request.form.getlist("scopes")
        if not chosen or not set(chosen) <= set(Scope):
            raise invalid("scopes", "Choose what it may do.")
        with limits.current().guessing(actor.username, request.remote_addr or ""):
            made = api_tokens.create(
                actor,
                name=request.form.get("name", ""),
                scopes=chosen,
                days=_days(),
                current_password=request.form.get("current_password", ""),
            )
    except Refused as refused:
        return _programs(TOKEN, refused)
    return _programs(shown={"kind": TOKEN, "name": made["name"], "secret": made["token"]})


@blueprint.post("/tokens/revoke/")
def revoke_token() -> Response:
    """End one."""
    api_tokens.revoke(page_session.required(), token_id=request.form.get("token_id", ""))
    return go("pages.programs.show", done="revoked")


@blueprint.post("/webhooks/")
def create_webhook() -> Response:
    """A new webhook; the page shows its secret this once."""
    actor = page_session.required()
    place = request.form.get("place", "")
    try:
        made = webhooks.create(
            actor, url=request.form.get("url", "").strip(), room_id=None if place == SCHOOL else place
        )
    except Refused as refused:
        return _programs(WEBHOOK, refused)
    return _programs(shown={"kind": WEBHOOK, "name": made["url"], "secret": made["secret"]})


@blueprint.get("/webhooks/<webhook_id>/")
def show_webhook(webhook_id: str) -> Response:
    """One webhook, and what became of each delivery."""
    return _webhook(webhook_id)


@blueprint.post("/webhooks/<webhook_id>/secret/")
def renew_secret(webhook_id: str) -> Response:
    """Another secret; the page shows it this once."""
    made = webhooks.renew_secret(page_session.required(), webhook_id=webhook_id)
    return _webhook(webhook_id, secret=made["secret"])


def _webhook(webhook_id: str, secret: str = "") -> Response:
    actor = page_session.required()
    tried = webhooks.deliveries(actor, webhook_id=webhook_id, limit=PAGE, cursor=request.args.get("cursor"))
    hook = webhooks.show(actor, webhook_id=webhook_id)
    return page(
        "webhook.html",
        hook=hook,
        title=_titles(actor).get(hook["room_id"]),
        deliveries=tried["items"],
        next_cursor=tried["next_cursor"],
        secret=secret,
        done=request.args.get("done"),
    )


@blueprint.post("/webhooks/<webhook_id>/switch/")
def switch(webhook_id: str) -> Response:
    """Off, or on again."""
    on = request.form.get("enabled") == "true"
    webhooks.update(page_session.required(), webhook_id=webhook_id, enabled=on)
    return go("pages.programs.show_webhook", webhook_id=webhook_id, done="on" if on else "off")


@blueprint.post("/webhooks/<webhook_id>/replay/")
def replay(webhook_id: str) -> Response:
    """One delivery once more."""
    wanted = request.form.get("delivery_id", "")
    delivery_id = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else 0
    webhooks.replay(page_session.required(), webhook_id=webhook_id, delivery_id=delivery_id)
    return go("pages.programs.show_webhook", webhook_id=webhook_id, done="replayed")


@blueprint.post("/webhooks/<webhook_id>/delete/")
def delete(webhook_id: str) -> Response:
    """Forget it."""
    webhooks.delete(page_session.required(), webhook_id=webhook_id)
    return go("pages.programs.show", done="deleted")


def _programs(form: str | None = None, refused: Refused | None = None, shown: dict[str, str] | None = None) -> Response:
    """The page, also for that one of its forms that was refused, and with what is shown once."""
    actor = page_session.required()
    listed = {name: request.args[name] for name in (TOKENS, WEBHOOKS) if name in request.args}
    may_listen = policy.may_have_webhooks(actor)
    return page(
        "programs.html",
        200 if refused is None else refused.status,
        tokens=api_tokens.mine(actor, limit=PAGE, cursor=listed.get(TOKENS)),
        hooks=webhooks.page(actor, limit=PAGE, cursor=listed.get(WEBHOOKS)) if may_listen else None,
        listed=listed,
        places=_places(actor),
        may=MAY,
        titles=_titles(actor),
        good_for=GOOD_FOR,
        days=_days(),
        form=form,
        refused=refused,
        later="" if refused is None else words.later(refused),
        typed=request.form,
        shown=shown,
        done=request.args.get("done"),
    )


def _places(actor: Actor) -> list[dict[str, Any]]:
    """The rooms that the actor hosts and that are not over."""
    return overview.hosted(actor)[0] if policy.may_create_rooms(actor) else []


def _titles(actor: Actor) -> dict[str, str]:
    """What the actor's own rooms are called."""
    active, ended = overview.hosted(actor)
    return {room["id"]: room["title"] for room in (*active, *ended)}


def _days() -> int:
    """What was chosen of `GOOD_FOR`."""
    chosen = request.form.get("days", "")
    return int(chosen) if chosen in map(str, GOOD_FOR) else GOOD_FOR[2]
