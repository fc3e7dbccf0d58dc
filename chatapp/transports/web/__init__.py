"""Pages for people: HTML that works by plain forms, and a small client that makes the room page live.

Rules are the domain's, as for every other way in. What stands here is who the browser's user is, and what a page shows.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from chatapp.contract.errors import Refused
from chatapp.transports.web import (
    accounts,
    assets,
    csrf,
    errors,
    files,
    language,
    lobby,
    page,
    page_session,
    profile,
    programs,
    rooms,
    second_step,
    site,
    texts,
    token,
)
from config import Settings


def register_web(app: Flask, settings: Settings, *others: Blueprint) -> None:
    """Serve the pages, those of `others` among them, their files and `/session/token/`."""
    site.init_app(app, settings)
    language.init_app(app)
    page_session.init_app(app, settings)
    page.init_app(app)
    errors.init_app(app)
    for blueprint in (_pages(*others), token.blueprint, assets.blueprint, texts.blueprint):
        app.register_blueprint(blueprint)


def _pages(*others: Blueprint) -> Blueprint:
    """All pages. Every change among them needs our CSRF token, every refusal becomes a page."""
    pages = Blueprint("pages", __name__)
    pages.before_request(csrf.check)
    pages.before_request(page_session.spend)
    pages.register_error_handler(Refused, errors.refused)
    pages.register_error_handler(Exception, errors.from_fault)
    for blueprint in (
        accounts.blueprint,
        rooms.blueprint,
        lobby.blueprint,
        files.blueprint,
        profile.blueprint,
        second_step.blueprint,
        programs.blueprint,
        *others,
    ):
        pages.register_blueprint(blueprint)
    return pages
