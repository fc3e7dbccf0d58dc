"""The AsyncAPI document of the sockets, made from the tables of commands and events and from what a recorded lesson
said. It is served and committed; what is not in those tables is not in it.
"""

from __future__ import annotations

from typing import Any

from chatapp.contract import documented, examples, plain, things
from chatapp.contract.commands import COMMANDS, EVENTS, CommandSpec, EventSpec
from chatapp.contract.names import NAMESPACES
from chatapp.contract.socket_schemas import Schemas

VERSION = "3.1.0"
Json = dict[str, Any]

DESCRIPTION = """\
Socket.IO (protocol 5 over Engine.IO 4) with two namespaces, and a plain WebSocket with one room. Connect to a namespace
with `auth: {token}`. Every command takes one object and is acknowledged with `{ok: true, …}` or `{ok: false, error}`.
docs/protocol.md says how to write a client."""

TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Not a header here: `auth: {token}` of the namespace's CONNECT, `?token=` of a plain WebSocket.",
}


def document(limits: documented.Limits) -> Json:
    """AsyncAPI 3: a channel a namespace and one for the plain WebSocket; an operation a command, answered by its ack,
    and an event."""
    schemas = Schemas()
    messages: Json = {}
    operations: Json = {}
    for command in COMMANDS.values():
        messages |= _command_messages(command, schemas)
        for namespace in command.namespaces:
            operations[f"{_channel(namespace)}_{command.name.value}"] = _asked(_channel(namespace), command.name.value)
    for event in EVENTS.values():
        messages[_key(event)] = _event_message(event, schemas)
        for namespace in event.namespaces:
            operations[f"{_channel(namespace)}_{_key(event)}"] = _told(_channel(namespace), _key(event))
    messages |= plain.messages(schemas)
    operations |= {
        f"{plain.CHANNEL}_command": _asked(plain.CHANNEL, "plain_command"),
        f"{plain.CHANNEL}_welcome": _told(plain.CHANNEL, "plain_welcome"),
        f"{plain.CHANNEL}_refusal": _told(plain.CHANNEL, "plain_refusal"),
        f"{plain.CHANNEL}_event": _told(plain.CHANNEL, "plain_event"),
    }
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "chatapp sockets",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
            "x-limits": documented.limit_list(limits),
        },
        "defaultContentType": "application/json",
        "servers": {
            "school": {
                "host": "{host}",
                "protocol": "wss",
                "description": "Socket.IO under /socket.io/, plain WebSockets under /ws/chat/.",
                "variables": {"host": {"default": "127.0.0.1:5000", "description": "Host and port of the school"}},
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {_channel(namespace): _channel_object(namespace) for namespace in NAMESPACES}
        | {plain.CHANNEL: plain.channel()},
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": documented.bounded(schemas.all(), limits),
            "securitySchemes": {"token": TOKEN},
        },
    }


def _channel(namespace: str) -> str:
    return namespace.strip("/")


def _key(spec: CommandSpec | EventSpec) -> str:
    """What a message is called in the document: a command and an event may share their name on the wire."""
    name = spec.name.value
    return f"{name}_event" if isinstance(spec, EventSpec) and name in COMMANDS else name


def _channel_object(namespace: str) -> Json:
    specs: list[CommandSpec | EventSpec] = [*COMMANDS.values(), *EVENTS.values()]
    names = [_key(spec) for spec in specs if namespace in spec.namespaces]
    names += [f"{spec.name.value}_ack" for spec in COMMANDS.values() if namespace in spec.namespaces]
    return {
        "address": namespace,
        "title": f"Socket.IO namespace {namespace}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _asked(channel: str, name: str) -> Json:
    reply = f"{name}_ack"
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
        "reply": {
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [{"$ref": f"#/channels/{channel}/messages/{reply}"}],
        },
    }


def _told(channel: str, name: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
    }


def _command_messages(spec: CommandSpec, schemas: Schemas) -> Json:
    name = spec.name.value
    said = [frame for frame in examples.sockets() if frame["kind"] == "command" and frame["name"] == name]
    return {
        name: {
            "name": name,
            "title": name.replace("_", " "),
            "summary": "On the plain WebSocket, too." if spec.plain else "Socket.IO only.",
            "payload": schemas.ref(spec.schema),
            **documented.shown([(frame["title"], frame["data"]) for frame in said]),
        },
        f"{name}_ack": {
            "name": f"{name}_ack",
            "title": f"answer to {name.replace('_', ' ')}",
            "summary": "The ack, by the packet's id.",
            "payload": schemas.ack(spec.answers),
            **documented.shown([(frame["title"], frame["answer"]) for frame in said]),
        },
    }


def _event_message(spec: EventSpec, schemas: Schemas) -> Json:
    name = spec.name.value
    said = [frame for frame in examples.sockets() if frame["kind"] == "event" and frame["name"] == name]
    return {
        "name": name,
        "title": name.replace("_", " "),
        "summary": "Never lost." if spec.durable else "Volatile: may be dropped.",
        "payload": schemas.ref(spec.schema or things.Thing),
        **documented.shown([(frame["title"], frame["data"]) for frame in said]),
    }
