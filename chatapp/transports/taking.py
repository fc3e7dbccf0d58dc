"""Taking away: a room, or what is stored of a person, as an archive with the bytes of its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from flask import Response, stream_with_context

from chatapp.domain.exports import TakenFile, TakenPerson, TakenRoom
from chatapp.filestore.store import NotThere
from chatapp.transports import room_forms, uploads

BLOCK = 256 * 1024
MEDIA_TYPE = "application/zip"


def room_archive(taken: TakenRoom) -> Iterator[bytes]:
    """The archive of a room, piece by piece. In the app's context."""
    return room_forms.as_archive(taken, _read)


def person_archive(taken: TakenPerson) -> Iterator[bytes]:
    """The archive of a person, piece by piece. In the app's context."""
    return room_forms.person_archive(taken, _read)


def answer(archive: Iterator[bytes], name: str) -> Response:
    """An archive as it is being made. `name` is ours."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Response(stream_with_context(archive), mimetype=MEDIA_TYPE, headers=headers)


def _read(file: TakenFile) -> Iterator[bytes]:
    """The bytes of a file, off the loop; nothing for one that is not there."""
    kept = uploads.current()
    start, size = 0, int(file.shown["size"])
    with suppress(NotThere):
        while start < size and (piece := kept.run(kept.store.read, file.storage_key, start, min(BLOCK, size - start))):
            yield piece
            start += len(piece)
