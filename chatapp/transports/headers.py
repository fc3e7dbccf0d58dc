"""What every HTTP answer carries: its request's id, and what browsers should not do with it. CORS stands here too."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from chatapp import meters
from chatapp.observability import new_request_id
from chatapp.transports.problems import is_api, is_for_programs, request_id
from config import Settings

ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
API = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Range",
    "Access-Control-Max-Age": "600",
}
EXPOSED = "X-Request-Id, Retry-After, Content-Disposition, Content-Range, ETag"


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request of `app` an id, and every answer its headers. A view's own headers stand."""
    always = ALWAYS | (HSTS if settings.https else {})

    @app.before_request
    def name_request() -> None:
        g.request_id = new_request_id()
        g.begun = time.monotonic()
        clear_contextvars()
        bind_contextvars(request_id=g.request_id)

    @app.teardown_request
    def forget_request(_: BaseException | None) -> None:
        """What this thread logs next is another's."""
        clear_contextvars()

    @app.after_request
    def dress(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id()
        meters.REQUESTS.add(1, f"{response.status_code // 100}xx")
        meters.REQUEST_SECONDS.observe(time.monotonic() - g.get("begun", time.monotonic()))
        for name, value in (always | API if is_for_programs() else always).items():
            response.headers.setdefault(name, value)
        if is_api():
            _share(response, settings.cors_origins)
        return response


def _share(response: Response, origins: tuple[str, ...]) -> None:
    """Let the listed origins' scripts read the answer. No credentials: the API knows no cookies."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin not in origins:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers.update(PREFLIGHT)
