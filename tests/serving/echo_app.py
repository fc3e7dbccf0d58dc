"""A program: the echo application on chatapp's serving, as wsgi.py is. POST /size: a length; /slow: takes a second."""

import eventlet

eventlet.monkey_patch()

import gc  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from chatapp.realtime.connection import Connection  # noqa: E402
from chatapp.serving import websocket  # noqa: E402
from chatapp.serving.plain import PlainWebSockets  # noqa: E402
from chatapp.serving.process import say, serve  # noqa: E402
from tests.serving.echo import Echo, options  # noqa: E402

chosen = options()
echo = Echo(chosen, "eventlet", eventlet.spawn_n, eventlet.sleep)
websocket.install(echo.eio, max_message_bytes=chosen.limit_frame_bytes)


def http(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"].startswith("/socket.io/"):
        answer: list[bytes] = echo.eio.handle_request(environ, start_response)
        return answer
    if environ["PATH_INFO"] == "/slow":
        eventlet.sleep(1)
    body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
    start_response("200 OK", [("Content-Type", "application/json")])
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    told = {"method": environ["REQUEST_METHOD"], "size": len(body), "headers": headers, "frozen": gc.get_freeze_count()}
    return [json.dumps(told).encode()]


app = PlainWebSockets(
    http,
    echo,
    cork=echo.cork,
    origins=chosen.origins,
    max_message_bytes=chosen.limit_frame_bytes,
    ping_interval=chosen.ping_interval,
    ping_timeout=chosen.ping_timeout,
    slow_bytes=chosen.slow_bytes,
    slow_seconds=chosen.slow_seconds,
)


class Runtime:
    @property
    def connections(self) -> list[Connection]:
        return list(echo.connections.values())

    def start(self) -> None:
        say("start")

    def drain(self) -> None:
        say("drain")

    def stop(self) -> None:
        say("stop")
        while chosen.stuck:
            eventlet.sleep(1)


if __name__ == "__main__":
    sys.exit(serve(app, chosen, Runtime(), migrations_current=lambda: chosen.migrated))
