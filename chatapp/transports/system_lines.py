"""What a room's log says by itself, for what Python writes down: transcripts and exports. Pages say the same by
`room/words.js`.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from chatapp.contract.words import CloseReason, SystemCode


def _mark(text: str) -> str:
    """For the extraction of texts; what is marked is translated where it is said."""
    return text


LINES: dict[str, str] = {
    SystemCode.ROOM_CREATED: _mark("{name} opened the room."),
    SystemCode.ROOM_REOPENED: _mark("{name} opened the room again."),
    SystemCode.PARTICIPANT_JOINED: _mark("{name} joined."),
    SystemCode.PARTICIPANT_LEFT: _mark("{name} left."),
    SystemCode.PARTICIPANT_REMOVED: _mark("{name} was removed."),
    SystemCode.HOST_AWAY: _mark("{name} lost the connection."),
    SystemCode.HOST_BACK: _mark("{name} is back."),
}
ENDINGS: dict[str, str] = {
    CloseReason.HOST_CLOSED: _mark("The class has ended."),
    CloseReason.HOST_LEFT: _mark("The teacher left, and the class has ended."),
    CloseReason.HOST_GONE: _mark("The teacher did not come back, and the class has ended."),
    CloseReason.SCHOOL_CLOSED: _mark("The school has ended the class."),
}
"""What `room_closed` says, by its reason."""


def said(code: str, params: dict[str, Any]) -> str:
    """The sentence of a system message, in the language of the page."""
    if code == SystemCode.ROOM_CLOSED:
        return str(gettext(ENDINGS.get(params.get("reason", ""), ENDINGS[CloseReason.HOST_CLOSED])))
    name = (params.get("user") or {}).get("display_name") or str(gettext("Somebody"))
    return str(gettext(LINES[code])).replace("{name}", name)
