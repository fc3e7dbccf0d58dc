"""The audit log: who did what, where, to whom."""

from __future__ import annotations

from flask import Blueprint, Response

from chatapp.contract.school import AuditQuery
from chatapp.domain import audit
from chatapp.transports.admin.asked import asked, filters
from chatapp.transports.admin.frame import administrator, page

blueprint = Blueprint("audit", __name__, url_prefix="/audit")


@blueprint.get("/")
def index() -> Response:
    """Newest first."""
    listed = audit.page(administrator(), **asked(AuditQuery))
    return page("audit.html", listed=listed, filters=filters())
