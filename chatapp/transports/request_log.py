"""One line in the work log for each request: by which name of ours, who asked, how it ended. No path, no query."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from chatapp import worklog
from chatapp.transports.problems import request_id

UNLOGGED = frozenset({"Health.live", "Health.ready", "assets.serve", "metrics.scrape", "static", "texts.serve"})


def init_app(app: Flask) -> None:
    """Note every request of `app` but those that come by the clock, and files."""

    @app.before_request
    def begin() -> None:
        g.started = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        if request.endpoint not in UNLOGGED:
            worklog.note(
                "request",
                started=g.get("started"),
                request_id=request_id(),
                method=request.method,
                command=_command(),
                actor_id=_actor_id(),
                outcome=response.status_code,
            )
        return response


def _command() -> str | None:
    """The endpoint's name."""
    return None if request.endpoint is None else request.endpoint.replace(" ", "_")


def _actor_id() -> str | None:
    """Who asked, where the door or the page's session has said so."""
    if "actor_id" in g:
        return str(g.actor_id)
    actor = g.get("page_actor")
    return None if actor is None else str(actor.user_id)
