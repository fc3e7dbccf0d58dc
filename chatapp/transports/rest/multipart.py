"""One file out of a multipart body, as it comes: never whole in memory, and nothing else beside it (RFC 7578)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from chatapp.contract.errors import Code, Refused, invalid

FIELD = "file"
BLOCK = 128 * 1024
MAX_HEAD = 16 * 1024
"""Bytes before the file: what comes before the first boundary, and the part's own headers."""

OVERHEAD = 64 * 1024
MAX_BOUNDARY = 200
"""RFC 2046 allows 70, and clients in wide use exceed it now and then, Werkzeug's among them."""


class FilePart:
    """The one part of a body: its file's name, and its bytes."""

    def __init__(self, request: Request, stream: IO[bytes]) -> None:
        """Reads up to the file's first byte. Raises invalid_payload, too_large, unsupported_media_type."""
        self._events = _in_our_words(_events(stream, _boundary(request)))
        for event in self._events:
            if isinstance(event, Field):
                raise invalid("body", "Send nothing but the file.")
            if isinstance(event, File):
                break
        else:
            raise invalid(FIELD, "There is no file.")
        if event.name != FIELD:
            raise invalid(FIELD, f"Its part must be called {FIELD}.")
        self.name: str = event.filename

    def blocks(self) -> Iterator[bytes]:
        """The bytes, to the body's end. Raises what the constructor raises, also for a second part."""
        for event in self._events:
            if isinstance(event, Data):
                yield event.data
            elif isinstance(event, File | Field):
                raise invalid(FIELD, "Send one file and nothing else.")


def announced_bytes(request: Request) -> int:
    """The length of the body, which must be said. Raises invalid_payload."""
    if request.content_length is None:
        raise invalid("body", "Send it with a Content-Length.")
    return request.content_length


@contextmanager
def read_to_its_end(request: Request, max_bytes: int) -> Iterator[IO[bytes]]:
    """The body's stream. What a refusal left of it is read, too: who is still sending would not hear an answer."""
    stream: IO[bytes] = request.stream
    try:
        yield stream
    except Refused:
        left = max_bytes + OVERHEAD
        try:
            while left > 0 and (piece := stream.read(min(BLOCK, left))):
                left -= len(piece)
        except (OSError, HTTPException):
            pass  # nobody is there to hear it
        raise


def _boundary(request: Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, without Content-Encoding.")
    if request.mimetype != "multipart/form-data":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send multipart/form-data.")
    boundary = request.mimetype_params.get("boundary", "")
    if not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise invalid("body", "Its Content-Type has no boundary.")
    return boundary.encode()


def _events(stream: IO[bytes], boundary: bytes) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, BLOCK + MAX_HEAD)
    while True:
        decoder.receive_data(stream.read(BLOCK) or None)
        while not isinstance(event := decoder.next_event(), NeedData):
            yield event
            if isinstance(event, Epilogue):
                return


def _in_our_words(events: Iterator[Event]) -> Iterator[Event]:
    try:
        yield from events
    except RequestEntityTooLarge as fault:
        raise Refused(Code.TOO_LARGE, "The form around the file is too long.") from fault
    except ValueError as fault:
        raise invalid("body", "Not a multipart form, or not a whole one.") from fault
