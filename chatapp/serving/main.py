"""`python wsgi.py`: the app with its sockets in front, handed to the process that serves it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import eventlet
import eventlet.tpool
import structlog

from chatapp import demo, schema
from chatapp.db import database
from chatapp.domain import passwords
from chatapp.observability import configure_logging
from chatapp.runtime import Runtime
from chatapp.serving import postgres, websocket
from chatapp.serving.errors import EX_CONFIG, CannotStartError
from chatapp.serving.plain import PlainWebSockets
from chatapp.serving.process import bind, serve
from chatapp.serving.proxies import TrustedProxies
from chatapp.serving.signals import LevelSignal
from chatapp.transports.rest import metrics

if TYPE_CHECKING:
    from flask import Flask

    from config import Settings


log = structlog.get_logger(__name__)


def main(app: Flask, settings: Settings) -> int:
    """Serve until asked to stop; the exit status."""
    configure_logging(settings.log_level)
    runtime: Runtime = app.extensions["chatapp"]
    levels = LevelSignal(settings.log_level, configure_logging)
    levels.listen()
    passwords.use(passwords.Passwords(run=eventlet.tpool.execute))
    runtime.uploads.run = eventlet.tpool.execute
    if settings.database_url.startswith("postgresql"):
        postgres.install()
    websocket.install(runtime.server.eio, max_message_bytes=settings.limit_frame_bytes)
    if settings.metrics_port:
        try:
            serve_metrics(app, settings)
        except CannotStartError as error:
            sys.stderr.write(f"chatapp: {error}\n")
            return EX_CONFIG
    return serve(
        in_front(app.wsgi_app, runtime, settings),
        settings,
        runtime,
        migrations_current=lambda: is_ready(settings),
        each_round=lambda: tell_level(levels.obey()),
    )


def tell_level(level: str | None) -> None:
    """Say that the log is another one from here on, whatever it leaves out."""
    if level is not None:
        log.critical("log_level", new_level=level)


def is_ready(settings: Settings) -> bool:
    """Whether the database has all its migrations. Raises CannotStartError for demo accounts where they may not be."""
    if not schema.is_current(database.engine):
        return False
    if not settings.demo and (known := demo.open_accounts()):
        raise CannotStartError(
            f"everybody knows the password of {', '.join(known)}; change it: flask users set-password"
        )
    return True


def in_front(app: Any, runtime: Runtime, settings: Settings) -> Any:
    """The plain WebSockets, which Flask cannot return, and before them who asks."""
    sockets = PlainWebSockets(
        app,
        runtime.endpoint,
        cork=runtime.cork,
        origins=settings.cors_origins,
        max_message_bytes=settings.limit_frame_bytes,
        ping_interval=settings.ping_interval_seconds,
        ping_timeout=settings.ping_timeout_seconds,
        slow_bytes=settings.slow_bytes,
        slow_seconds=settings.slow_seconds,
    )
    return TrustedProxies(sockets, settings.trusted_proxies)


def serve_metrics(app: Flask, settings: Settings) -> None:
    """The figures on a port of their own, for a scraper from elsewhere. Raises CannotStartError."""

    def figures(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", metrics.CONTENT_TYPE)])
        with app.app_context():
            return [metrics.exposition()]

    eventlet.spawn(bind(settings.host, settings.metrics_port).serve, figures)
