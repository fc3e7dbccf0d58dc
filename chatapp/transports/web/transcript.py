"""What was said in a room as a text file, for its host to keep: its title, then each message with its time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Response, stream_with_context
from flask_babel import gettext as _

from chatapp.contract.words import MessageType
from chatapp.domain import history
from chatapp.domain.actor import Actor
from chatapp.transports import system_lines

PAGE = 200
"""Messages read at once: a whole year's room never stands in memory."""


def download(actor: Actor, room: dict[str, Any]) -> Response:
    """The file of `room`, which `actor` hosts, sent while it is being read."""
    response = Response(stream_with_context(_text(actor, room)), mimetype="text/plain")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(_name(room), safe='')}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _name(room: dict[str, Any]) -> str:
    title = "".join(char if char.isalnum() or char in "-_" else " " for char in room["title"])
    return f"{' '.join(title.split()) or 'chatapp'} {room['created_at'][:10]}.txt"


def _text(actor: Actor, room: dict[str, Any]) -> Iterator[str]:
    yield f"{room['title']}\n{room['host']['display_name']} · {_('Times are UTC.')}\n\n"
    after, head = 0, 1
    while after < head:
        read = history.read(actor, room_id=room["id"], after=after, limit=PAGE)
        head = read["head"]
        after = read["items"][-1]["seq"] if read["items"] else head
        yield "".join(map(_line, read["items"]))


def _line(message: dict[str, Any]) -> str:
    moment = f"{message['created_at'][:10]} {message['created_at'][11:16]}"
    if message["type"] == MessageType.SYSTEM:
        return f"{moment}  {system_lines.said(message['code'], message['params'])}\n"
    said = message["body"] if message["body"] is not None else _("Sent a file: {name}").format_map(message["file"])
    return f"{moment}  {message['sender']['display_name']}: {_indented(said)}\n"


def _indented(text: str) -> str:
    """Lines after the first stand in, so that nobody can write a line that looks like somebody else's."""
    return "\n                    ".join(text.splitlines())
