"""REST: JSON over HTTP, one module a resource. `register` puts them all, and their OpenAPI document, into an app."""

from __future__ import annotations

from flask import Flask

from chatapp.transports.rest import (
    api_tokens,
    files,
    health,
    lobby,
    messages,
    metrics,
    notifications,
    participants,
    people,
    rooms,
    sign_in,
    users,
    webhooks,
)
from chatapp.transports.rest.document import Document
from chatapp.transports.rest.documents import Documents
from chatapp.transports.rest.endpoint import IdConverter
from config import Settings

BLUEPRINTS = (
    sign_in.blueprint,
    users.blueprint,
    people.blueprint,
    rooms.blueprint,
    lobby.blueprint,
    participants.blueprint,
    messages.blueprint,
    files.blueprint,
    notifications.blueprint,
    webhooks.blueprint,
    api_tokens.blueprint,
    health.blueprint,
)


def register(app: Flask, settings: Settings) -> None:
    """Serve the API. Nothing is redirected to a tidier path; what differs by a slash alone is for `spellings`."""
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = IdConverter
    document = Document.of(app)
    for blueprint in BLUEPRINTS:
        document.register_blueprint(blueprint)
    app.register_blueprint(Documents(app, settings).blueprint())
    app.register_blueprint(metrics.blueprint)
