"""The plain WebSocket as the AsyncAPI document shows it: its channel, its frames, its close codes."""

from __future__ import annotations

from typing import Any

from chatapp.contract import documented, examples, things
from chatapp.contract.commands import COMMANDS, EVENTS
from chatapp.contract.names import CHAT, Event
from chatapp.contract.socket_schemas import Schemas

CHANNEL = "room"
REQUIRED = {"plain_command": ["command"]}
"""Where not every field is."""
Json = dict[str, Any]

CLOSE_CODES: dict[int, str] = {
    1002: "malformed: not a frame of this protocol, or a query that is not understood",
    1003: "binary: text frames only",
    1007: "text that is not UTF-8",
    1009: "a frame or message too large",
    1011: "internal error: come back later",
    1012: "the server restarts: come back in a moment",
    1013: "too many connections in too short a time: come back later",
    4401: "no good token, or its time is over: get another one",
    4403: "not admitted yet, removed from the room, or pushed out by too many newer connections",
    4404: "no such room, or none that you are in",
    4408: "read too slowly: come back, and resume",
    4410: "the room is closed; its history came before",
}


def channel() -> Json:
    names = ("plain_command", "plain_command_ack", "plain_welcome", "plain_refusal", "plain_event")
    query = {
        "token": "an access token; or, better, `ticket`",
        "ticket": "from POST /api/auth/ticket/, good once",
        "after": "the last seq that the client has",
        "epoch": "the epoch that it has it of",
    }
    return {
        "address": "/ws/chat/{room_id}/",
        "title": "Plain WebSocket of one room",
        "description": "Text frames of one JSON object each. The server speaks first and pings every ten seconds. "
        "A welcome with `more` is followed by the next one by itself; who may not enter is told why before the close.",
        "parameters": {"room_id": {"description": "The room's id"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {name: {"type": "string", "description": text} for name, text in query.items()},
                },
            }
        },
        "x-close-codes": [{"code": code, "meaning": meaning} for code, meaning in CLOSE_CODES.items()],
    }


def messages(schemas: Schemas) -> Json:
    """The frames of the plain WebSocket: what it carries is what the namespace carries."""
    commands = [spec for spec in COMMANDS.values() if spec.plain]
    events = [spec for spec in EVENTS.values() if CHAT in spec.namespaces]
    event_data = [schemas.ref(spec.schema or things.Thing) for spec in events]
    frames: dict[str, Json] = {
        "plain_command": {
            "ref": {"type": ["integer", "string"], "description": "comes back in the answer; none, no answer"},
            "command": {"type": "string", "enum": [spec.name.value for spec in commands]},
            "data": {"type": "object", "description": "the command's payload; its room_id may be left out"},
        },
        "plain_command_ack": {"ref": {"type": ["integer", "string"]}, "ok": {"type": "boolean"}},
        "plain_welcome": {"event": {"const": Event.WELCOME.value}, "data": schemas.ack(things.SnapshotSchema)},
        "plain_refusal": {"ok": {"const": False}, "error": {"$ref": "#/components/schemas/Error"}},
        "plain_event": {
            "event": {"type": "string", "enum": [spec.name.value for spec in events]},
            "data": {"anyOf": event_data},
        },
    }
    return {
        name: {
            "name": name,
            "title": name.replace("_", " "),
            "payload": {
                "type": "object",
                "required": REQUIRED.get(name, list(properties)),
                "properties": properties,
            },
            **documented.shown([(each["title"], each["data"]) for each in examples.sockets() if each["kind"] == name]),
        }
        for name, properties in frames.items()
    }
