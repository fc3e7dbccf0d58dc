"""Join requests of all rooms: who knocked where, and what became of it. Deciding is the host's alone."""

from __future__ import annotations

from flask import Blueprint, Response

from chatapp.contract.school import KnocksQuery
from chatapp.domain import school
from chatapp.transports.admin.asked import asked, filters
from chatapp.transports.admin.frame import administrator, page

blueprint = Blueprint("knocks", __name__, url_prefix="/requests")


@blueprint.get("/")
def index() -> Response:
    """Newest first."""
    listed = school.list_requests(administrator(), **asked(KnocksQuery))
    return page("knocks.html", listed=listed, filters=filters())
