"""Whether the service is well: this process's state and figures, and all workers with their beats."""

from __future__ import annotations

from flask import Blueprint, Response

from chatapp.domain import school
from chatapp.transports import process
from chatapp.transports.admin import words
from chatapp.transports.admin.frame import administrator, page

blueprint = Blueprint("service", __name__, url_prefix="/service")


@blueprint.get("/")
def show() -> Response:
    """At this moment."""
    state, reasons = process.readiness()
    return page(
        "service.html",
        state=state,
        reasons=reasons,
        figures=words.figures(process.figures()),
        workers=school.list_workers(administrator()),
        own_id=process.worker_id(),
    )
