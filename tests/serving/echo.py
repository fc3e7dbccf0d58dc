"""The smallest application on our connections, for tests of the wire: what the two programs beside it serve.

It speaks as much Socket.IO as the raw clients need. Commands: echo (acked with its data), stats, bye {code},
broadcast {count, size, batch, pause}: events `tick {seq, pad}` to all. The same over ws/chat/<room_id>/.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import engineio

from chatapp.realtime.connection import Connection, Cork
from chatapp.realtime.outgoing import Ack, Bundle, Event
from chatapp.transports.sio import installing
from chatapp.transports.sio.connection import SioConnection
from chatapp.transports.ws.connection import WsConnection

DEFAULTS = {
    "host": "127.0.0.1",
    "port": 0,
    "database_url": "sqlite://",
    "drain_seconds": 10.0,
    "ping_interval": 10.0,
    "ping_timeout": 10.0,
    "slow_bytes": 1_048_576,
    "slow_seconds": 10.0,
    "limit_frame_bytes": 32_768,
    "origins": ["http://class.example"],
    "migrated": True,
    "stuck": False,
}


def options() -> SimpleNamespace:
    """The program's one argument, JSON, over the defaults."""
    return SimpleNamespace(**{**DEFAULTS, **(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})})


class Echo:
    """The application: an Engine.IO server, an endpoint for plain WebSockets, and the commands."""

    def __init__(
        self, chosen: SimpleNamespace, async_mode: str, spawn: Callable[..., object], sleep: Callable[[float], object]
    ) -> None:
        self.cork = Cork()
        self.corks = async_mode == "eventlet"
        self.spawn = spawn
        self.sleep = sleep
        self.seq = 0
        self.connections: dict[str, Connection] = {}
        self.eio = engineio.Server(
            async_mode=async_mode,
            async_handlers=False,
            ping_interval=chosen.ping_interval,
            ping_timeout=chosen.ping_timeout,
            max_http_buffer_size=1_000_000,
            cors_allowed_origins=chosen.origins,
        )
        self.eio.on("connect", self.connect)
        self.eio.on("disconnect", self.disconnect)
        self.eio.on("message", self.message)
        installing.install(self.eio, slow_bytes=chosen.slow_bytes, slow_seconds=chosen.slow_seconds, sid_prefix="w1-")

    def connect(self, sid: str, _environ: dict[str, Any]) -> None:
        connection = SioConnection(
            self.eio.sockets[sid],
            user_id="u",
            session_id="s",
            expires_at=time.time() + 60,
            cork=self.cork,
            spawn=self.spawn,
            sleep=self.sleep,
        )
        connection.namespaces.add("/chat")
        self.connections[sid] = connection

    def disconnect(self, sid: str, _reason: str) -> None:
        self.connections.pop(sid).closed = True

    def message(self, sid: str, text: object) -> None:
        if not isinstance(text, str):
            self.connections[sid].bye("bad_packet")
        elif text.startswith("0"):
            self.eio.send(sid, '0/chat,{"sid":"' + sid + '"}')
        else:
            ref, _, rest = text.removeprefix("2/chat,").partition("[")
            name, *arguments = json.loads(f"[{rest}")
            self.command(self.connections[sid], int(ref) if ref else None, name, *arguments)

    def open(self, connection: WsConnection, room_id: str, query: dict[str, str], remote_addr: str) -> None:
        self.connections[connection.id] = connection
        if room_id == "missing":
            connection.close(4404, "not_found")
        elif room_id == "broken":
            raise RuntimeError("planted")
        connection.send_text(json.dumps({"event": "welcome", "room": room_id, "query": query, "from": remote_addr}))

    def receive(self, connection: WsConnection, text: str) -> None:
        asked = json.loads(text)
        self.command(connection, asked.get("ref"), asked["command"], asked.get("data", {}))

    def closed(self, connection: WsConnection) -> None:
        del self.connections[connection.id]

    def command(self, connection: Connection, ref: int | str | None, name: str, data: Any = None) -> None:
        answer: dict[str, Any] = {"ok": True}
        if name == "echo":
            answer["data"] = data
        elif name == "broadcast":
            asked = (data["count"], data.get("size", 10), data.get("batch", 1), data.get("pause", 0))
            self.spawn(self.broadcast, *asked)
        elif name == "stats":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            answer |= {"connections": len(self.connections), "peak_kib": peak}
        elif name == "bye":
            connection.bye(data["code"], retry_ms=data.get("retry_ms"))
            return
        if ref is not None:
            connection.send(Ack.of("/chat", ref, answer))

    def broadcast(self, count: int, size: int, batch: int, pause: float) -> None:
        """`count` events to everybody, `batch` of them in one write."""
        pad = "x" * size
        for _ in range(0, count, batch):
            bundle = Bundle([self.tick(pad) for _ in range(batch)])
            if self.corks:
                with self.cork.gather():
                    self.give(bundle)
            else:
                self.give(bundle)
            self.sleep(pause)

    def give(self, bundle: Bundle) -> None:
        for connection in list(self.connections.values()):
            connection.send(bundle)

    def tick(self, pad: str) -> Event:
        self.seq += 1
        return Event.of("/chat", "tick", {"seq": self.seq, "pad": pad})
