"""chatapp, a classroom chat. `create_app` is the composition root: here, and nowhere else, the parts meet.

It starts no thread, opens no socket and takes no lock; `python wsgi.py` does, with what was composed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from chatapp.domain.limits import Limits
    from chatapp.domain.passwords import Passwords
    from config import Settings


def create_app(
    settings: Settings | None = None, *, passwords: Passwords | None = None, async_mode: str = "threading"
) -> Flask:
    """The app for `settings` (the environment's if None). `passwords` replaces the hashing, slow on purpose;
    `async_mode` is "eventlet" in a process that is patched for it."""
    from flask import Flask
    from flask_migrate import Migrate

    from chatapp import cli, schema
    from chatapp.db import database, db, engine_options, keep_private
    from chatapp.domain import limits as rules
    from chatapp.domain import passwords as hashing
    from chatapp.domain import sealed
    from chatapp.runtime import Runtime
    from chatapp.transports import headers, problems, request_log, rest, spellings
    from chatapp.transports.admin import school_pages
    from chatapp.transports.auth import Auth
    from chatapp.transports.limits import Attempts
    from chatapp.transports.uploads import Uploads
    from chatapp.transports.web import frame, register_web
    from config import load_settings

    settings = settings or load_settings()
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
    )
    keep_private(settings.database_url)
    db.init_app(app)
    Migrate(app, db, directory=str(schema.MIGRATIONS))
    with app.app_context():
        database.bind(db.engine)
    rules.use(_rules(settings))
    sealed.use(sealed.Seal(settings.secret_key))
    hashing.use(passwords or hashing.Passwords())

    request_log.init_app(app)
    headers.init_app(app, settings)
    problems.init_app(app)
    auth = Auth(app, settings)
    attempts = Attempts(app, settings)
    uploads = Uploads(app, settings)
    rest.register(app, settings)
    register_web(app, settings, school_pages(app, frame))
    spellings.answer_both(app)
    cli.register(app, settings)
    app.extensions["chatapp"] = Runtime(app, settings, auth, attempts, uploads, async_mode=async_mode)
    return app


def _rules(settings: Settings) -> Limits:
    """The numbers that the rules go by, out of the settings."""
    from chatapp.domain.limits import Limits

    return Limits(
        message_chars=settings.limit_message_chars,
        message_bytes=settings.limit_message_bytes,
        client_id=settings.limit_client_id,
        title=settings.limit_title,
        description=settings.limit_description,
        note=settings.limit_note,
        reason=settings.limit_reason,
        display_name=settings.limit_display_name,
        participants=settings.limit_participants,
        pending=settings.limit_pending,
        open_rooms=settings.limit_open_rooms,
        connections=settings.limit_connections,
        file_bytes=settings.limit_file_bytes,
        user_bytes=settings.limit_user_bytes,
        room_bytes=settings.limit_room_bytes,
        knocks=settings.limit_knocks.count,
        knock_window=settings.limit_knocks.seconds,
        host_grace_seconds=settings.host_grace_seconds,
        registration=settings.registration,
        invite_code=settings.invite_code,
        refresh_token_seconds=settings.refresh_token_seconds,
        session_seconds=settings.session_seconds,
        given_password_seconds=settings.given_password_seconds,
        ticket_seconds=settings.ticket_seconds,
        tokens=settings.limit_tokens,
        webhooks=settings.limit_webhooks,
        webhook_private=settings.webhook_private,
        webhook_retry_seconds=settings.webhook_retry_seconds,
        webhook_give_up_seconds=settings.webhook_give_up_seconds,
        message_days=settings.retention_message_days,
        file_days=settings.retention_file_days,
        audit_days=settings.retention_audit_days,
    )
