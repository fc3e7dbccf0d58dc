"""The listening socket and the server on it. What is served, and when it ends, is above."""

from __future__ import annotations

import errno
import resource
import socket
from typing import TYPE_CHECKING, Any

import eventlet
from eventlet import wsgi

from chatapp.serving.http import IDLE_SECONDS, ServingProtocol

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BACKLOG = 1024
MAX_CONNECTIONS = 20_000
MAX_URL = 8192
SOCKET_SECONDS = 10.0
"""Without progress in reading or writing; WebSockets set their own."""

GONE = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)


class Listener:
    """A bound socket whose `accept` outlives what may go wrong with one connection.

    eventlet's server ends at the first failing accept: a client that hangs up while it waits (ECONNABORTED), or an
    open-file limit that is reached, would stop a school.
    """

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError when the address cannot be had. A second copy on a port is an error, not half the traffic."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket: Any = eventlet.listen((host, port), family=family, backlog=BACKLOG, reuse_port=False)
        # Accepted sockets inherit it. Without it an ack after a broadcast waits 20 to 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def port(self) -> int:
        """The port it has, also when it was asked for port 0."""
        return int(self._socket.getsockname()[1])

    def accept(self) -> Any:
        """The next connection. Raises OSError only when the listener itself is closed."""
        while True:
            try:
                return self._socket.accept()
            except OSError as error:
                if error.errno in GONE:
                    raise
                eventlet.sleep(0.05)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def serve(self, app: WSGIApplication) -> None:
        """Serve until killed. No access log, for URLs can hold tokens; no tracebacks to clients."""
        wsgi.server(
            self,
            app,
            max_size=MAX_CONNECTIONS,
            socket_timeout=SOCKET_SECONDS,
            keepalive=IDLE_SECONDS,
            url_length_limit=MAX_URL,
            protocol=ServingProtocol,
            log_output=False,
            debug=False,
        )


def raise_open_file_limit() -> None:
    """As many connections as the system allows, not as many as a login shell is given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
