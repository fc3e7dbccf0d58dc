"""A worker's life: refuse to start on what would break it, serve, reap slow readers, drain. `python wsgi.py` calls it.

What runs inside (pumps, committer, leases) is the runtime's; this only says when.
"""

from __future__ import annotations

import gc
import logging
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

import eventlet

from chatapp.contract.words import Bye
from chatapp.realtime.connection import Connection
from chatapp.serving.errors import EX_CONFIG, CannotStartError
from chatapp.serving.http import ServingProtocol
from chatapp.serving.listener import Listener, raise_open_file_limit
from chatapp.serving.lock import only_process
from chatapp.serving.selftest import prove_green
from chatapp.serving.signals import StopSignal
from chatapp.transports.write_side import reap

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

POLL_SECONDS = 0.1
REAP_SECONDS = 1.0
RETRY_MS = (500, 5000)
"""After a restart a school must not come back in the same instant."""

TOLD_AT_ONCE = 50
"""Connections that hear of a restart before others get a turn."""

RESERVE_SECONDS = 2.0
"""Of the drain's time, for stopping what runs inside."""

log = logging.getLogger(__name__)


class Settings(Protocol):
    """What the process reads of config.Settings."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def database_url(self) -> str: ...
    @property
    def drain_seconds(self) -> float: ...


class Runtime(Protocol):
    """What runs inside the process."""

    @property
    def connections(self) -> Iterable[Connection]:
        """The live connections of all transports."""

    def start(self) -> None:
        """The address is ours, nothing is served yet: begin to beat, watch, poll and commit."""

    def drain(self) -> None:
        """Be not ready, refuse what is new, let what was accepted be answered. Soon done; connections still stand."""

    def stop(self) -> None:
        """The connections are gone or given up: end everything that start began."""


def serve(
    app: WSGIApplication,
    settings: Settings,
    runtime: Runtime,
    *,
    migrations_current: Callable[[], bool] = lambda: True,
    announce: Callable[[str], object] | None = None,
    each_round: Callable[[], object] = lambda: None,
) -> int:
    """Serve until asked to stop; the process's exit status. `announce` gets the line that says where;
    `each_round` is called some times a second."""
    stop = StopSignal()
    stop.listen()
    try:
        with only_process(settings.database_url):
            if not migrations_current():
                raise CannotStartError("the database is not current; run: flask --app wsgi db upgrade")
            prove_green(settings.database_url)
            raise_open_file_limit()
            listener = bind(settings.host, settings.port)
            runtime.start()
            server = eventlet.spawn(listener.serve, app)
            eventlet.sleep(0)  # killed before it has begun, a greenlet takes its killer with it
            keep_what_stands()
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            (announce or say)(f"chatapp listens on http://{host}:{listener.port}")
            alive = watch(runtime, stop, server, each_round)
            stop.leave_within(settings.drain_seconds)
            drain(runtime, server, deadline=time.monotonic() + settings.drain_seconds - RESERVE_SECONDS)
            stop.leave_in_peace()
            return 0 if alive else 1
    except CannotStartError as error:
        sys.stderr.write(f"chatapp: {error}\n")
        return EX_CONFIG


def keep_what_stands() -> None:
    """Let the garbage collector pass over what will stand as long as the process: modules, classes, routes, statements.
    They are 200,000 objects, and looking through them held everybody up for 100 ms each time, a tenth of all that a
    class costs that comes in."""
    gc.collect()
    gc.freeze()


def say(line: str) -> None:
    """Tell the operator, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def bind(host: str, port: int) -> Listener:
    """The listener, or one line for the operator."""
    try:
        return Listener(host, port)
    except OSError as error:
        raise CannotStartError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def watch(
    runtime: Runtime, stop: StopSignal, server: eventlet.greenthread.GreenThread, each_round: Callable[[], object]
) -> bool:
    """Reap slow readers until asked to stop; False when the server has ended by itself."""
    reaped = time.monotonic()
    while not stop.received:
        if server.dead:
            log.error("the listener has ended")
            return False
        eventlet.sleep(POLL_SECONDS)
        each_round()
        if time.monotonic() - reaped >= REAP_SECONDS:
            reaped = time.monotonic()
            reap(runtime.connections)
    return True


def drain(runtime: Runtime, server: eventlet.greenthread.GreenThread, *, deadline: float) -> None:
    """Tell everybody, let them fetch it and go, finish what is under way, stop. `deadline` is monotonic.

    The listener stays until then: a polling client's next request brings it the news.
    """
    runtime.drain()
    tell_all(runtime.connections)
    while (ServingProtocol.under_way or any(True for _ in runtime.connections)) and time.monotonic() < deadline:
        eventlet.sleep(POLL_SECONDS / 2)
        tell_all(runtime.connections)  # a handshake may have been under way
    server.kill(SystemExit)  # the one exception that eventlet's server takes for an order
    runtime.stop()


def tell_all(connections: Iterable[Connection]) -> None:
    """Say `bye` to who has not heard it yet."""
    for count, connection in enumerate([each for each in connections if not each.closed], start=1):
        connection.bye(Bye.RESTART, retry_ms=random.randint(*RETRY_MS))  # noqa: S311 - spreads load, guards nothing
        if count % TOLD_AT_ONCE == 0:
            eventlet.sleep(0)
