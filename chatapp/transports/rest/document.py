"""The OpenAPI document, made from the schemas the endpoints use. Errors are problem details, as they really come."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from chatapp.contract.things import ErrorSchema
from chatapp.transports import problems

OPENAPI_VERSION = "3.1.0"
API_VERSION = "1"
API_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A personal API token of POST /api/tokens/, for programs. Each operation names the scope it needs.",
}


class Document(Api):
    """flask-smorest without its own error bodies, which drop headers and speak another language."""

    ERROR_SCHEMA: Any = ErrorSchema

    @classmethod
    def of(cls, app: Flask) -> Any:
        """What `app` documents; `openapi` completes and `documents` serves it."""
        app.config.update(
            API_TITLE="chatapp",
            API_VERSION=API_VERSION,
            OPENAPI_VERSION=OPENAPI_VERSION,
            API_SPEC_OPTIONS={"security": [{"bearer": []}]},
        )
        document: Any = cls(app)
        document.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
        document.spec.components.security_scheme("apiToken", API_TOKEN)
        return document

    def handle_http_exception(self, error: HTTPException) -> Response | HTTPException:
        """Our own."""
        return problems.from_http(error)

    def _register_responses(self) -> None:
        problem: dict[str, Any] = {"content": {problems.MEDIA_TYPE: {"schema": self.ERROR_SCHEMA}}}
        for status in HTTPStatus:
            self.spec.components.response(status.name, {"description": status.phrase} | problem, lazy=True)
        self.spec.components.response("DEFAULT_ERROR", {"description": "A refusal"} | problem, lazy=True)
