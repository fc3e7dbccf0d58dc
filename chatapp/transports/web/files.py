"""Files for the pages' elements, which can send a cookie but no token. The rules are those of `/api/files/`."""

from __future__ import annotations

from flask import Blueprint, Response

from chatapp.transports import downloads
from chatapp.transports.web import page_session

blueprint = Blueprint("files", __name__)


@blueprint.get("/files/<file_id>/")
def show(file_id: str) -> Response:
    """The bytes of a file, or a range of them."""
    return _of_this_user(downloads.file(page_session.required(), file_id))


@blueprint.get("/files/<file_id>/thumbnail/")
def show_thumbnail(file_id: str) -> Response:
    """A picture's small copy."""
    return _of_this_user(downloads.thumbnail(page_session.required(), file_id))


def _of_this_user(response: Response) -> Response:
    response.vary.add("Cookie")
    return response
