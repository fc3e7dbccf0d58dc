"""The school's administrator under `/school/`: people, rooms, who knocked, what was said, the audit log, the processes.

To everybody else these paths do not exist. Which library was not taken for it, and why, is in docs/decisions.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from chatapp.contract.errors import Refused
from chatapp.domain import sessions
from chatapp.transports import limits
from chatapp.transports.admin import audit, frame, knocks, people, rooms, service
from chatapp.transports.admin.frame import Frame

PATH = "/school"


def school_pages(app: Flask, made_with: Frame) -> Blueprint:
    """The administrator's pages of `app`, to be hung under the site's pages."""
    frame.init_app(app, made_with)
    app.before_request(_shut_out)
    admin = Blueprint("admin", __name__, url_prefix=PATH)
    admin.before_request(_spend)
    admin.add_url_rule("/", "home", _home)
    for blueprint in (people.blueprint, rooms.blueprint, knocks.blueprint, audit.blueprint, service.blueprint):
        admin.register_blueprint(blueprint)
    return admin


def _home() -> Response:
    return frame.go("people.index")


def _shut_out() -> Response | None:
    """Before any request of the app, and so before anything could tell a path that exists from one that does not, by a
    redirect, by the methods it takes or by what a form lacks."""
    if request.path != PATH and not request.path.startswith(f"{PATH}/"):
        return None
    try:
        if frame.current().actor() is None:
            raise sessions.unauthorized()
        frame.administrator()
    except Refused as refused:
        return frame.current().refused(refused)
    return None


def _spend() -> None:
    """Pages are read as often as anybody may read lists: nobody copies the school out, with a stolen session either."""
    limits.current().history(frame.administrator().user_id)
