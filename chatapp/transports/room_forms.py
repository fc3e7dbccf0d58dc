"""A room's log written down: JSON for programs, CSV for tables, HTML for people, and all three with the files in one
archive. Each is made piece by piece, so that a year's log needs no memory. Who may have it is the domain's.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import render_template
from flask_babel import gettext as _

from chatapp.contract import jsontext
from chatapp.domain.exports import TakenFile, TakenPerson, TakenRoom
from chatapp.transports import system_lines

Json = dict[str, Any]
Read = Callable[[TakenFile], Iterable[bytes]]
"""The bytes of a file, or nothing for one that is not there."""

WHO = ("seq", "created_at", "type", "username", "display_name")
WHAT = ("body", "code", "about", "file", "media_type", "size")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a table program takes for the beginning of a formula."""


def as_json(taken: TakenRoom) -> Iterator[bytes]:
    """One object: the room, who was in it, and its messages as the API shows them."""
    head = {"made_at": taken.made_at, "room": taken.room, "participants": taken.participants}
    yield jsontext.encode(head)[:-1] + b',"messages":['
    for number, message in enumerate(taken.messages()):
        yield (b",\n" if number else b"\n") + jsontext.encode(message)
    yield b"\n]}\n"


def as_csv(taken: TakenRoom) -> Iterator[bytes]:
    """A line a message, as a spreadsheet opens it: UTF-8 with its mark, and nothing that would be a formula."""
    yield b"\xef\xbb\xbf" + _line((*WHO, *WHAT))
    for message in taken.messages():
        sender, file = message["sender"] or {}, message["file"] or {}
        about = message["params"].get("user", {})
        yield _line(
            (
                message["seq"],
                message["created_at"],
                message["type"],
                sender.get("username", ""),
                sender.get("display_name", ""),
                message["body"] or "",
                message["code"] or "",
                about.get("display_name", ""),
                file.get("name", ""),
                file.get("media_type", ""),
                file.get("size", ""),
            )
        )


def as_html(taken: TakenRoom, links: dict[str, str] | None = None) -> Iterator[bytes]:
    """A page that needs nothing else. `links` says where files are, by their ids."""
    head, foot = render_template("export.html", taken=taken).split("<!-- messages -->")
    yield head.encode()
    for message in taken.messages():
        link = (links or {}).get((message["file"] or {}).get("id", ""))
        yield render_template("_export_message.html", message=message, said=_said(message), link=link).encode()
    yield foot.encode()


def as_archive(taken: TakenRoom, read: Read) -> Iterator[bytes]:
    """A ZIP of the three, and of the files that are still there."""
    links = {file.shown["id"]: path for file, path in named(taken.files)}
    parts = [("room.json", as_json(taken)), ("messages.csv", as_csv(taken)), ("room.html", as_html(taken, links))]
    files = ((path, read(file)) for file, path in named(taken.files))
    yield from zipped([*parts, *files])


def person_archive(taken: TakenPerson, read: Read) -> Iterator[bytes]:
    """A ZIP of what is stored of a person, and of the files that they sent."""
    files = ((path, read(file)) for file, path in named(taken.files))
    yield from zipped([("person.json", [jsontext.encode(taken.data)]), *files])


def named(files: Iterable[TakenFile]) -> Iterator[tuple[TakenFile, str]]:
    """Files with a path of their own each: two of one name are told apart."""
    for number, file in enumerate(files, start=1):
        name = "".join(each if each.isalnum() or each in " ._-()" else "_" for each in file.shown["name"])
        yield file, f"files/{number:04d} {name.strip('. ')[-80:] or 'file'}"


def zipped(parts: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP archive, while it is being made."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, pieces in parts:
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield from sink.taken()
    yield from sink.taken()


class _Sink(io.RawIOBase):
    """What the archive has written and nobody has taken yet. It cannot be gone back in, and says so."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> Iterator[bytes]:
        """Everything since the last time."""
        pieces, self._pieces = self._pieces, []
        yield from pieces


def _line(values: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _said(message: Json) -> str:
    """What a message says when it has no words of its own."""
    if message["code"] is not None:
        return system_lines.said(message["code"], message["params"])
    return "" if message["body"] or message["file"] else _("This is no longer kept.")
