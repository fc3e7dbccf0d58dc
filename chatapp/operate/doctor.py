"""`flask doctor`: looks at everything that a worker stands on, and says what to do about what is not well.

It changes nothing that lasts. What a setting by itself must not be is refused by config.py before this is reached.
"""

from __future__ import annotations

import os
import resource
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from chatapp import demo, schema
from chatapp.contract.words import Role
from chatapp.db import database, reading
from chatapp.models import Message, User
from chatapp.operate import dumps
from chatapp.transports import redis_client
from config import Settings

OK, WARN, FAIL = "ok", "warn", "fail"
SLOW_SECONDS = 0.1
CLOCK_SECONDS = 1.0
FREE_BYTES, FREE_SHARE = 1024**3, 0.05
FILES = 4096
ASK_SECONDS = 2.0
OLDEST_POSTGRES = 130000


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and where it is not well what to do."""

    level: str
    what: str
    said: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything, one after the other. What cannot be looked at is a finding, too."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _settings,
        _database,
        _migrations,
        _people,
        _clock,
        _redis,
        _storage,
        _open_files,
    )
    for check in checks:
        try:
            yield from check(settings)
        except Exception as fault:  # noqa: BLE001 — whatever it is, the rest is looked at
            reason = str(getattr(fault, "orig", None) or fault).strip().splitlines() or [type(fault).__name__]
            yield Finding(FAIL, check.__name__.strip("_"), reason[0], ADVICE.get(check.__name__, ""))


ADVICE = {
    "_database": "Is it running, and is DATABASE_URL right? Then: flask --app wsgi db upgrade",
    "_migrations": "flask --app wsgi db upgrade",
    "_people": "flask --app wsgi db upgrade",
    "_redis": "Is it running, and is REDIS_URL right? Without it nothing is lost, but delivery takes up to a second.",
    "_storage": "Give UPLOAD_DIR to the user that the workers run as.",
}


def _settings(settings: Settings) -> Iterator[Finding]:
    is_sqlite = settings.database_url.startswith("sqlite")
    yield Finding(OK, "settings", f"taken; {settings.public_url}, registration {settings.registration}")
    if settings.public and not settings.https:
        yield Finding(
            WARN,
            "https",
            f"{settings.public_url} is no https address: passwords travel in the clear, and pages let nobody sign in.",
            "Put nginx with a certificate in front, and set PUBLIC_URL to its https address.",
        )
    if settings.https and not settings.trusted_proxies:
        yield Finding(
            WARN,
            "proxies",
            "PUBLIC_URL is https, but no proxy is trusted: all requests seem to come from one address.",
            "TRUSTED_PROXIES=127.0.0.1, or wherever your nginx is.",
        )
    if settings.redis_url and is_sqlite:
        yield Finding(WARN, "processes", "REDIS_URL joins several processes, but SQLite is for one.", "Use PostgreSQL.")
    if not is_sqlite and not settings.redis_url:
        yield Finding(WARN, "processes", "no REDIS_URL: right for one worker, slow for two.", "For two, set it.")


def _database(settings: Settings) -> Iterator[Finding]:
    begun = time.monotonic()
    with reading() as session:
        session.execute(text("SELECT 1"))
        seconds = time.monotonic() - begun
        if database.is_sqlite:
            mode = session.execute(text("PRAGMA journal_mode")).scalar_one()
            sound = session.execute(text("PRAGMA quick_check(1)")).scalar_one()
            yield Finding(OK, "database", f"SQLite {sqlite3.sqlite_version}, journal {mode}")
            if sound != "ok":
                yield Finding(FAIL, "database", f"damaged: {sound}", "flask --app wsgi restore your last backup.")
            return
        version = int(session.execute(text("SHOW server_version_num")).scalar_one())
        commit = session.execute(text("SHOW synchronous_commit")).scalar_one()
        connections = int(session.execute(text("SHOW max_connections")).scalar_one())
    yield Finding(OK, "database", f"PostgreSQL {version // 10000}, {connections} connections, commit {commit}")
    if version < OLDEST_POSTGRES:
        yield Finding(WARN, "database", "older than PostgreSQL 13, with which nothing was tried.", "Upgrade it.")
    if seconds > SLOW_SECONDS:
        yield Finding(
            WARN, "database", f"it took {seconds:.2f} s to answer", "Is it far away, or busy? Every ack waits for it."
        )


def _migrations(_: Settings) -> Iterator[Finding]:
    revision = dumps.revision_of(database.engine)
    if schema.is_current(database.engine):
        yield Finding(OK, "migrations", f"{revision}, the newest")
    else:
        said = "there are no tables" if revision is None else f"at {revision}, which is not this version's"
        yield Finding(FAIL, "migrations", said, ADVICE["_migrations"])


def _people(settings: Settings) -> Iterator[Finding]:
    if dumps.revision_of(database.engine) is None:
        return
    with reading() as session:
        by_role = select(User.role, func.count()).where(User.active).group_by(User.role)
        counts: dict[str, int] = dict(session.execute(by_role).all())
    said = ", ".join(f"{counts.get(role, 0)} {role.value}s" for role in Role)
    if counts.get(Role.ADMIN):
        yield Finding(OK, "people", said)
    else:
        yield Finding(
            WARN, "people", f"{said}: nobody runs the school", "flask --app wsgi users create NAME --role admin"
        )
    if not settings.demo and (known := demo.open_accounts()):
        yield Finding(
            FAIL,
            "people",
            f"everybody knows the password of {', '.join(known)}",
            "flask --app wsgi users set-password NAME",
        )


def _clock(_: Settings) -> Iterator[Finding]:
    if dumps.revision_of(database.engine) is None:
        return
    with reading() as session:
        newest = session.scalar(select(func.max(Message.created_at)))
        theirs: datetime | None = None
        if not database.is_sqlite:
            theirs = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    ours = datetime.now(UTC)
    ahead = 0.0 if theirs is None else (ours - theirs).total_seconds()
    if abs(ahead) > CLOCK_SECONDS:
        yield Finding(
            WARN,
            "clock",
            f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the database's",
            "Let chrony or systemd-timesyncd set both. Order does not depend on it; times shown and tokens do.",
        )
    elif newest is not None and newest - ours > timedelta(seconds=CLOCK_SECONDS):
        yield Finding(
            WARN,
            "clock",
            f"it is {ours:%Y-%m-%d %H:%M} UTC, but a message of {newest:%Y-%m-%d %H:%M} is stored",
            "Is the time right? Let chrony or systemd-timesyncd set it.",
        )
    else:
        yield Finding(OK, "clock", f"{ours:%Y-%m-%d %H:%M:%S} UTC")


def _redis(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url:
        yield Finding(OK, "redis", "not used")
        return
    client = redis_client.client(settings.redis_url, timeout=ASK_SECONDS)
    channel, word = f"{settings.queue_channel}-doctor", secrets.token_hex(8)
    begun = time.monotonic()
    heard = client.pubsub()
    try:
        heard.subscribe(channel)
        _next(heard, "subscribe")
        client.publish(channel, word)
        if _next(heard, "message") != word.encode():
            yield Finding(FAIL, "redis", "it does not repeat what is published", ADVICE["_redis"])
            return
    finally:
        heard.close()
        client.close()
    milliseconds = (time.monotonic() - begun) * 1000
    yield Finding(OK, "redis", f"echoes within {milliseconds:.0f} ms, channel {settings.queue_channel}")


def _next(heard: Any, kind: str) -> Any:
    message = heard.get_message(timeout=ASK_SECONDS)
    if message is None or message["type"] != kind:
        raise TimeoutError(f"no {kind} within {ASK_SECONDS:.0f} s")
    return message["data"]


def _storage(settings: Settings) -> Iterator[Finding]:
    folder = settings.upload_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = folder / f".doctor-{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"")
    finally:
        probe.unlink(missing_ok=True)
    if folder.stat().st_mode & 0o077:
        yield Finding(WARN, "storage", f"others of this machine can look into {folder}", f"chmod 700 {folder}")
    places = {folder}
    if database.is_sqlite and database.engine.url.database:
        places.add(Path(database.engine.url.database).parent)
    for place in sorted(places):
        room = shutil.disk_usage(place)
        said = f"{place}: {room.free / 1e9:.1f} GB free"
        if room.free < FREE_BYTES or room.free < FREE_SHARE * room.total:
            yield Finding(WARN, "storage", said, "Make room: without it nothing can be stored, and sends are refused.")
        else:
            yield Finding(OK, "storage", said)


def _open_files(_: Settings) -> Iterator[Finding]:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = f"{hard if hard != resource.RLIM_INFINITY else 'any number of'} files may be open, one for each connection"
    if hard != resource.RLIM_INFINITY and hard < FILES:
        yield Finding(
            WARN, "open files", said, "LimitNOFILE=65536 in the unit, or `ulimit -Hn 65536` before the start."
        )
    else:
        yield Finding(OK, "open files", f"{said}; {os.cpu_count()} cores, of which a worker uses one")
