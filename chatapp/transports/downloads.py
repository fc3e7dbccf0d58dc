"""A file on its way out, the same by every door: in parts, with validators, and told to be nothing but what it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import structlog
from flask import Response, request

from chatapp.contract.errors import not_found
from chatapp.domain import files
from chatapp.domain.actor import Actor
from chatapp.filestore.kinds import is_inline
from chatapp.filestore.store import NotThere, Store
from chatapp.models import StoredFile
from chatapp.transports import uploads

BLOCK = 256 * 1024
MAX_THUMBNAIL = 4 * 1024 * 1024

HEADERS = {
    # Kept by the browser, but asked about each time: who was removed gets no 304 either.
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

log = structlog.get_logger(__name__)


def file(actor: Actor, file_id: str) -> Response:
    """The bytes of a file, or a range of them. Raises not_found."""
    row = files.opened(actor, file_id=file_id)
    house = uploads.current()
    body = Body(house.store, house.run, row.storage_key, row.size)
    response = _response(row, row.media_type, row.sha256, inline=is_inline(row.media_type))
    response.response = body
    response.content_length = row.size
    _answer_conditions(response, row.size)
    if response.status_code in (200, 206) and request.method != "HEAD":
        begin = response.content_range.start if response.status_code == 206 else 0
        body.seek(begin or 0)
        _found(row, body.load)
    return response


def thumbnail(actor: Actor, file_id: str) -> Response:
    """The small copy of a picture. Raises not_found."""
    row = files.opened(actor, file_id=file_id)
    if row.thumbnail_key is None:
        raise not_found()
    house = uploads.current()
    content = _found(row, lambda: house.run(house.store.read, row.thumbnail_key, 0, MAX_THUMBNAIL))
    response = _response(row, "image/webp", f"{row.sha256}-small", inline=True)
    response.set_data(content)
    response.make_conditional(request.environ)
    return response


def _answer_conditions(response: Response, size: int) -> None:
    """304, 206 or 416 where the request asks for it. What is no range of bytes, or several, is the whole (RFC 9110)."""
    asked = request.range
    if asked is not None and asked.units == "bytes" and len(asked.ranges) == 1:
        response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
    else:
        response.make_conditional(request.environ)
        response.headers["Accept-Ranges"] = "bytes"


class Body:
    """The stored bytes, a block at a time; what is asked for is read, not what stands before it."""

    def __init__(self, store: Store, run: Callable[..., Any], key: str, size: int) -> None:
        self._store = store
        self._run = run
        self._key = key
        self._size = size
        self._place = 0
        self._loaded: tuple[int, bytes] | None = None

    def load(self) -> None:
        """Read the next block ahead. Raises NotThere, while the answer can still say so."""
        self._loaded = (self._place, self._block())

    def seekable(self) -> bool:
        return True

    def seek(self, place: int) -> None:
        self._place = place

    def tell(self) -> int:
        return self._place

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._place >= self._size:
            raise StopIteration
        loaded, self._loaded = self._loaded, None
        block = loaded[1] if loaded is not None and loaded[0] == self._place else self._block()
        if not block:
            raise NotThere(self._key)
        self._place += len(block)
        return block

    def _block(self) -> bytes:
        length = min(BLOCK, self._size - self._place)
        block: bytes = self._run(self._store.read, self._key, self._place, length)
        return block


def _found(row: StoredFile, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except NotThere as fault:
        log.error("file_bytes_missing", file=row.id, room=row.room_id)
        raise not_found("The bytes of this file are lost.") from fault


def _response(row: StoredFile, media_type: str, etag: str, *, inline: bool) -> Response:
    response = Response(content_type=media_type)
    response.headers.update(HEADERS)
    response.headers.set("Content-Disposition", "inline" if inline else "attachment", **_named(row.name))
    response.set_etag(etag)
    response.vary.add("Authorization")
    return response


def _named(name: str) -> dict[str, str]:
    """A file's name as RFC 6266 asks: plain for old readers, whole for all others."""
    if name.isascii():
        return {"filename": name}
    stem, dot, suffix = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().rpartition(".")
    quoted = quote(name, safe="!#$&+-.^_`|~")
    return {"filename": f"{stem.strip() or 'file'}{dot}{suffix}", "filename*": f"UTF-8''{quoted}"}
