"""`/api/chat/<room_id>/files/` and `/api/files/`: files of a room. Bytes come and go here and by the pages alone."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from chatapp.contract import jsontext, pages, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import files
from chatapp.domain.actor import Actor
from chatapp.filestore.patience import Patience
from chatapp.transports import downloads, limits, process, uploads
from chatapp.transports.limits import Attempts
from chatapp.transports.rest import multipart
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

KEY = "Idempotency-Key"

_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {multipart.FIELD: {"type": "string", "format": "binary"}},
                "required": [multipart.FIELD],
                "additionalProperties": False,
            }
        }
    },
}
_KEY_HEADER: dict[str, Any] = {
    "in": "header",
    "name": KEY,
    "required": False,
    "description": "The client's own name of this upload: the same again makes no second file. With `send` it is the"
    " client_id if left out.",
    "schema": {"type": "string", "maxLength": files.KEY_CHARS, "pattern": "^[A-Za-z0-9_-]+$"},
}

blueprint = Resource("Files", url_prefix="/api", description="Files of a room")


@endpoint(
    blueprint,
    "POST",
    "/chat/<id:room_id>/files/",
    asks=pages.UploadQuery,
    gives=things.UploadedSchema,
    status=201,
    also=200,
    refuses=(
        Code.CONFLICT,
        Code.ROOM_CLOSED,
        Code.TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
        Code.CONTENT_REJECTED,
    ),
    document={"requestBody": _FORM, "parameters": [_KEY_HEADER]},
    scope=Scope.MESSAGES_WRITE,
)
def upload(actor: Actor, asked: Data, room_id: str) -> Answer:
    """Bring a file into a room: 201, or 200 for one that this Idempotency-Key has already brought"""
    taker = uploads.current()
    bounded = limits.current().uploading(actor.user_id)
    with multipart.read_to_its_end(request, taker.max_bytes) as stream, bounded:
        given: str | None = request.headers.get(KEY) or asked["client_id"]
        key = None if given is None else files.upload_key(given)
        size = max(0, multipart.announced_bytes(request) - multipart.OVERHEAD)
        files.may_upload(actor, room_id=room_id, size=size, key=key)
        part = multipart.FilePart(request, stream)
        patience = Patience()
        added = taker.take(actor, room_id=room_id, name=part.name, blocks=part.blocks(), key=key, patience=patience)
    status = 200 if added.duplicate else 201
    if not asked["send"]:
        return added.shown, status
    sent = process.sends().submit_and_wait(
        actor,
        room_id=room_id,
        client_id=asked["client_id"],
        file_id=added.shown["id"],
        within=patience.left(),
    )
    return added.shown | {"message": jsontext.decode(sent.message)}, status


@endpoint(blueprint, "GET", "/chat/<id:room_id>/files/", asks=pages.PageQuery, gives=pages.FilePage,
          spends=Attempts.history,
    scope=Scope.MESSAGES_READ,
)  # fmt: skip
def list_files(actor: Actor, asked: Data, room_id: str) -> Answer:
    """What was sent into the room, newest first"""
    return files.shared(actor, room_id=room_id, **asked)


@endpoint(blueprint, "GET", "/files/<id:file_id>/", gives=None, binary=True,
          refuses=(Code.RANGE_NOT_SATISFIABLE,),
    scope=Scope.MESSAGES_READ,
)  # fmt: skip
def download(actor: Actor, file_id: str) -> Response:
    """The bytes; `Range` and `If-None-Match` are honoured"""
    return downloads.file(actor, file_id)


@endpoint(blueprint, "DELETE", "/files/<id:file_id>/", gives=None, status=204, refuses=(Code.CONFLICT,),
    scope=Scope.MESSAGES_WRITE,
)  # fmt: skip
def take_back(actor: Actor, file_id: str) -> Answer:
    """Take back a file of mine that was not sent; it counts against no quota any more"""
    uploads.current().delete(files.take_back(actor, file_id=file_id))
    return None


@endpoint(
    blueprint,
    "GET",
    "/files/<id:file_id>/thumbnail/",
    gives=None,
    binary=True,
    scope=Scope.MESSAGES_READ,
)
def show_thumbnail(actor: Actor, file_id: str) -> Response:
    """A picture's small copy"""
    return downloads.thumbnail(actor, file_id)
