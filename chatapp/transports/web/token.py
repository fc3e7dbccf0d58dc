"""`POST /session/token/`: what a page needs for REST and sockets, kept in its memory only. Refusals are problems."""

from __future__ import annotations

from flask import Blueprint, Response

from chatapp.contract import jsontext
from chatapp.transports import auth
from chatapp.transports.web import csrf, page_session

blueprint = Blueprint("page_token", __name__, url_prefix="/session")
blueprint.before_request(csrf.check)


@blueprint.post("/token/")
def give() -> Response:
    """An access token for the page's own sign-in: `{access_token, expires_in}`."""
    actor = page_session.required()
    answer = Response(jsontext.encode(auth.current().access(actor.session_id)), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    answer.vary.add("Cookie")
    return answer
