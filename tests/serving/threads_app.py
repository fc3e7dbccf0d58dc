"""A program: the echo application with async_mode threading on Werkzeug, so that the way out of eventlet stays open."""

import logging
import sys
import threading
import time
from typing import Any

from werkzeug.serving import make_server

from chatapp.transports.write_side import reap
from tests.serving.echo import Echo, options

logging.getLogger("werkzeug").setLevel(logging.CRITICAL)


def spawn(target: Any, *args: Any) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


def reap_for_ever() -> None:
    while True:
        time.sleep(0.5)
        reap(echo.connections.values())


echo = Echo(options(), "threading", spawn, time.sleep)

if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, echo.eio.handle_request, threaded=True)
    spawn(reap_for_ever)
    sys.stdout.write(f"chatapp listens on http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
