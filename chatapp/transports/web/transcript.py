"""What was said in a room as a text file, for its host to keep: its title, then each message with its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from flask import Response, stream_with_context
from flask_babel import gettext as _

from chatapp.contract.words import CloseReason, MessageType, SystemCode
from chatapp.domain import history
from chatapp.domain.actor import Actor

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
        return f"{moment}  {_system(message['code'], message['params'] or {})}\n"
    said = message["body"] if message["body"] is not None else _("Sent a file: {name}").format_map(message["file"])
    return f"{moment}  {message['sender']['display_name']}: {_indented(said)}\n"


def _indented(text: str) -> str:
    """Lines after the first stand in, so that nobody can write a line that looks like somebody else's."""
    return "\n                    ".join(text.splitlines())


def _system(code: str, params: dict[str, Any]) -> str:
    """What the page's log says by `room/words.js`, in the same words."""
    if code == SystemCode.ROOM_CLOSED:
        return _ending(params.get("reason", ""))
    name = (params.get("user") or {}).get("display_name") or _("Somebody")
    said: dict[str, Callable[[], str]] = {
        SystemCode.ROOM_CREATED: lambda: _("{name} opened the room."),
        SystemCode.ROOM_REOPENED: lambda: _("{name} opened the room again."),
        SystemCode.PARTICIPANT_JOINED: lambda: _("{name} joined."),
        SystemCode.PARTICIPANT_LEFT: lambda: _("{name} left."),
        SystemCode.PARTICIPANT_REMOVED: lambda: _("{name} was removed."),
        SystemCode.HOST_AWAY: lambda: _("{name} lost the connection."),
        SystemCode.HOST_BACK: lambda: _("{name} is back."),
    }
    return said[code]().replace("{name}", name)


def _ending(reason: str) -> str:
    if reason == CloseReason.HOST_LEFT:
        return _("The teacher left, and the class has ended.")
    if reason == CloseReason.HOST_GONE:
        return _("The teacher did not come back, and the class has ended.")
    return _("The class has ended.")
