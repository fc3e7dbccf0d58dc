"""Which language a page speaks: the browser's choice among ours. The catalogues are gettext's, in `translations/`.

What a script says comes from the same catalogues; `texts` serves it to them.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale

LANGUAGES = ("en", "de")
FOLDER = Path(__file__).resolve().parents[2] / "translations"


def init_app(app: Flask) -> None:
    """Give templates `_()`, in the language of the request."""
    Babel(app, default_translation_directories=str(FOLDER), locale_selector=chosen)
    app.jinja_env.globals.update(language=chosen, direction=direction)


def chosen() -> str:
    """The language of the current request; English where nothing of ours is asked for."""
    if not has_request_context():
        return LANGUAGES[0]
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def direction() -> str:
    """How the chosen language is written: ltr or rtl."""
    locale = get_locale()
    return "ltr" if locale is None else str(locale.text_direction)
