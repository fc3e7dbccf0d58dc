"""Flask-SocketIO on eventlet as its documentation shows a chat, with TCP_NODELAY, so that it is not held up by the
kernel. Nothing is stored, nobody is asked who they are."""

import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
import eventlet

eventlet.monkey_patch()

import socket
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import eventlet.wsgi
from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room

app = Flask(__name__)
socketio = SocketIO(app, async_mode="eventlet", ping_interval=10, ping_timeout=10)
heads: Counter[str] = Counter()


@socketio.on("connect", namespace="/chat")
def connect(auth: Any) -> None:
    """Everybody is let in."""


@socketio.on("room_enter", namespace="/chat")
def room_enter(data: dict[str, Any]) -> dict[str, Any]:
    """Join the room."""
    join_room(data["room_id"])
    return {"ok": True}


@socketio.on("message_send", namespace="/chat")
def message_send(data: dict[str, Any]) -> dict[str, Any]:
    """Tell everybody in the room."""
    room_id = data["room_id"]
    heads[room_id] += 1
    message = {
        "id": f"{room_id}.{heads[room_id]}",
        "room_id": room_id,
        "seq": heads[room_id],
        "type": "text",
        "sender": {"id": request.sid, "username": "student", "display_name": "A student", "role": "student"},  # type: ignore[attr-defined]
        "client_id": data["client_id"],
        "body": data["body"],
        "code": None,
        "params": {},
        "file": None,
        "created_at": datetime.now(UTC).isoformat(),
    }
    emit("message", message, to=room_id)
    return {"ok": True, "seq": message["seq"]}


if __name__ == "__main__":
    listener = eventlet.listen(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
    eventlet.wsgi.server(listener, app, max_size=20000, log_output=False)
