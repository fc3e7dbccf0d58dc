"""Lets a python-engineio server make sockets of ours. Tried with python-engineio 4.15.1."""

from __future__ import annotations

import io
from typing import Any

from engineio import payload, server

from chatapp.transports.sio.engine import EngineSocket
from chatapp.transports.sio.heartbeat import Heartbeat

DECODE_PACKETS = 128
"""Of one POST. With the library's 16 a JavaScript client's 20 sends in one tick were answered 200 and dropped."""

NOTHING = io.BytesIO()
KEPT = (
    "REQUEST_METHOD",
    "SERVER_NAME",
    "SERVER_PORT",
    "REMOTE_ADDR",
    "HTTP_HOST",
    "flask.app",
    "wsgi.url_scheme",
)
"""Of the request that a connection came by, what the handlers' context is made of: it is kept as long as that."""


def install(eio: server.Server, *, slow_bytes: int, slow_seconds: float, sid_prefix: str = "") -> None:
    """Let `eio` make sockets of ours, and ids that begin with `sid_prefix`: nginx finds the worker by it."""
    payload.Payload.max_decode_packets = DECODE_PACKETS
    connect, generate_id = eio.handlers["connect"], eio.generate_id
    heartbeat = Heartbeat(eio.ping_interval, eio.start_background_task, eio.sleep)

    def adopt_first(sid: str, environ: Any) -> Any:
        EngineSocket.adopt(eio.sockets[sid], heartbeat, slow_bytes=slow_bytes, slow_seconds=slow_seconds)
        return connect(sid, {**{name: environ[name] for name in KEPT if name in environ}, "wsgi.input": NOTHING})

    eio.on("connect", adopt_first)
    bad_request = eio._bad_request
    # The library says what is wrong with a sid, and so which ones exist.
    eio._bad_request = lambda message=None: bad_request()  # type: ignore[method-assign,no-untyped-call]
    if sid_prefix:
        eio.generate_id = lambda: f"{sid_prefix}{generate_id()}"  # type: ignore[method-assign,no-untyped-call]
