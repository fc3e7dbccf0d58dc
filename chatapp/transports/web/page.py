"""How a page leaves: rendered, with the headers that tell a browser what it may not do."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Flask, Response, g, render_template, url_for

from chatapp.transports.web import assets, csrf, language, look, page_session, said_below, site, texts, words

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9_\-./?=&%]{0,400}")


def init_app(app: Flask) -> None:
    """Give every template what each page needs."""
    app.jinja_env.globals.update(
        asset=assets.url,
        code_fault=words.code_fault,
        csrf_field=csrf.FIELD,
        csrf_token=csrf.token,
        day_of=words.day_of,
        duration=words.duration,
        fault=said_below.fault,
        look=look.chosen,
        color_schemes=look.schemes,
        modules=assets.modules,
        nonce=_nonce,
        refusal=said_below.refusal,
        site=site.settings,
        texts_url=texts.url,
        url_exists=app.view_functions.__contains__,
    )


def page(template: str, status: int = 200, /, **context: Any) -> Response:
    """A page of `template`, for whoever asks: `me` is the Actor or None."""
    g.nonce = secrets.token_urlsafe(18)
    response = Response(render_template(template, me=page_session.actor(), **context), status)
    response.headers["Content-Security-Policy"] = content_security_policy(g.nonce, site.settings().public_url)
    response.headers["Content-Language"] = language.chosen()
    response.vary.add("Accept-Language")
    return dressed(response)


def picture(svg: str) -> Response:
    """A drawing of ours, which may load and run nothing."""
    response = Response(svg, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return dressed(response)


def go(endpoint: str, **values: Any) -> Response:
    """On to another page, which the browser gets with GET."""
    return dressed(Response(headers={"Location": url_for(endpoint, **values)}, status=303))


def go_to(path: str) -> Response:
    """On to a path of this site. What could lead elsewhere leads to the first page."""
    return dressed(Response(headers={"Location": path if is_own_path(path) else "/"}, status=303))


def is_own_path(path: str) -> bool:
    """Whether `path` stays on this site, however a browser reads it: no host, no backslash, no control character."""
    return _OWN_PATH.fullmatch(path) is not None


def content_security_policy(nonce: str, public_url: str) -> str:
    """Nothing but our own: scripts by nonce, which the modules they import inherit; sockets to our own host."""
    sockets = public_url.replace("http", "ws", 1)  # older Safari does not count these as 'self'
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "media-src 'self'",
            f"connect-src 'self' {sockets}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def dressed(response: Response) -> Response:
    """With the headers that every answer to a browser carries."""
    response.headers.update(HEADERS)
    if site.settings().https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    response.vary.add("Cookie")
    return response


def _nonce() -> str:
    return str(g.nonce)
