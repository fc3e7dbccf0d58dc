"""What the API says of itself: `/api/openapi.json`, `/api/asyncapi.json`, and `/api/docs/`, both for people's eyes."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, render_template

from chatapp.contract import asyncapi, jsontext
from chatapp.contract.errors import MEANINGS
from chatapp.transports.rest import openapi
from config import Settings, limits

PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"


class Documents:
    """Both documents of one app, with its own limits; each is made once."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.openapi = cache(lambda: openapi.document(app, limits(settings)))
        self.asyncapi = cache(lambda: asyncapi.document(limits(settings)))
        app.extensions["chatapp.documents"] = self

    def blueprint(self) -> Blueprint:
        """Where they are served."""
        blueprint = Blueprint("documents", __name__)
        blueprint.add_url_rule("/api/openapi.json", "openapi", lambda: _json(self.openapi()))
        blueprint.add_url_rule("/api/asyncapi.json", "asyncapi", lambda: _json(self.asyncapi()))
        blueprint.add_url_rule("/api/docs/", "browse", self.browse)
        return blueprint

    def browse(self) -> Response:
        """Both on one page, with nothing from another host."""
        shown = {"rest": self.openapi(), "sockets": self.asyncapi(), "meanings": MEANINGS}
        response = Response(render_template("api_docs.html", **shown))
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response


def _json(document: dict[str, Any]) -> Response:
    return Response(jsontext.encode(document), mimetype="application/json")
