"""What the pages' scripts say, out of gettext's catalogues, as JSON that browsers keep as long as the files."""

from __future__ import annotations

from functools import cache
from typing import Any

from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from babel.plural import PluralRule
from flask import Blueprint, Response, abort, url_for

from chatapp.contract import jsontext
from chatapp.transports.web import assets, language

blueprint = Blueprint("texts", __name__, url_prefix="/texts")

_OF_SCRIPTS = ("static/", "transports/web/said_below.py")
_COUNTED = 200
"""Plural forms repeat after a hundred in every language; the next hundred covers those below ten that are special."""


@blueprint.get("/<version>/<name>.json")
def serve(version: str, name: str) -> Response:
    """The catalogue of one language."""
    if name not in language.LANGUAGES:
        abort(404)
    response = Response(_encoded(name), mimetype="application/json")
    response.headers["Cache-Control"] = assets.FOR_EVER if version == assets.current_version() else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return assets.squeezed(response, f"texts {name}")


def url() -> str:
    """The address of the catalogue for the current request."""
    return url_for("texts.serve", version=assets.current_version(), name=language.chosen())


@cache
def _encoded(name: str) -> str:
    return jsontext.encode(catalogue(name)).decode()


def catalogue(name: str) -> dict[str, Any]:
    """`{texts: {msgid: text | [text]}, plural: [form for 0, for 1, …]}`. English says what stands in the code."""
    path = language.FOLDER / name / "LC_MESSAGES" / "messages.po"
    texts: dict[str, Any] = {}
    rule: PluralRule = PluralRule({"one": "n is 1"})
    forms = [0 if rule(number) == "one" else 1 for number in range(_COUNTED)]
    if path.exists():
        with path.open("rb") as file:
            for message in read_po(file, locale=name):
                if message.id and _is_of_scripts(message):
                    texts[_key(message)] = list(message.string or ()) if message.pluralizable else message.string
    return {"texts": texts, "plural": forms}


def _is_of_scripts(message: Message) -> bool:
    return any(place.startswith(_OF_SCRIPTS) for place, _ in message.locations)


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, list | tuple) else message.id)
