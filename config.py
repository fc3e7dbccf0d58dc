"""The settings: the only reader of the environment, and the place that refuses to start on an unsafe one.

What a setting is for stands beside it in settings/table.py; `.env.example` is made from that by
`python config.py --example`. An empty value means "not set". What needs the database (current migrations, demo
accounts) is checked by who opens it.
"""

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any
from urllib.parse import urlsplit

from settings.keys import weakness
from settings.table import Settings
from settings.values import ROOT, Rate, database, is_loopback, origin, origins

__all__ = [
    "EX_CONFIG",
    "ROOT",
    "ConfigError",
    "Rate",
    "Settings",
    "UnsafeSetting",
    "example",
    "is_loopback",
    "limits",
    "load_settings",
]

EX_CONFIG = 78  # sysexits.h: something was found in an unconfigured or misconfigured state


class ConfigError(Exception):
    """The process cannot start as it is set up: one line for the operator, exit status 78."""

    exit_status = EX_CONFIG


class UnsafeSetting(ConfigError):
    """A setting is missing, malformed or dangerous. The message names it, and never holds a secret's value."""


def limits(settings: Settings) -> dict[str, tuple[str, str]]:
    """The limits that users and programs meet: name -> (value, what it bounds). For the API's documents."""
    rows = [row for row in fields(Settings) if row.name.startswith("limit_")]
    return {row.name.upper(): (str(getattr(settings, row.name)), row.metadata["help"]) for row in rows}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check every setting; raise `UnsafeSetting` for the first that cannot stand."""
    environ = os.environ if environ is None else environ
    rows = {row.name.upper(): row for row in fields(Settings)}
    given = {name: value for name in rows if (value := environ.get(name, "").strip())}
    for name in sorted(environ):
        _refuse(name.startswith("LIMIT_") and name not in rows, f"{name} is not a setting; .env.example lists them.")
    values: dict[str, Any] = {rows[name].name: _parse(name, rows[name], raw) for name, raw in given.items()}
    _derive(values)
    settings = Settings(**values)
    _check(settings)
    debug = environ.get("FLASK_DEBUG", "").strip().lower() not in ("", "0", "false", "no")
    _refuse(debug and settings.public, "FLASK_DEBUG must be off on a public address.")
    return settings


def _parse(name: str, row: Field[Any], raw: str) -> object:
    try:
        return row.metadata["parse"](raw)
    except ValueError as error:
        shown = "" if row.metadata["secret"] else f", not {raw[:60]!a}"
        raise UnsafeSetting(f"{name} must be {error}{shown}.") from None


def _derive(values: dict[str, Any]) -> None:
    """Fill in the defaults that depend on other settings."""
    host, port = values.get("host", Settings.host), values.get("port", Settings.port)
    own = origin(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    if is_loopback(host) and "cors_origins" not in values:
        aliases = ("localhost", "127.0.0.1") if host in ("localhost", "127.0.0.1") else ("localhost",)
        pages = (
            [values["public_url"]] if "public_url" in values else [own, *(f"http://{name}:{port}" for name in aliases)]
        )
        values["cors_origins"] = origins(",".join(pages))
    values.setdefault("public_url", own)
    values.setdefault("database_url", database("sqlite:///instance/chatapp.db"))
    values.setdefault("queue_channel", _channel(values["database_url"]))
    values.setdefault("demo", is_loopback(host) and is_loopback(_hostname(values["public_url"])))


def _hostname(url: str) -> str:
    return urlsplit(url).hostname or ""


def _channel(database_url: str) -> str:
    # The password is left out, so that changing it does not part workers that are already running.
    url = urlsplit(database_url)
    user, at, hosts = url.netloc.rpartition("@")
    query = re.sub(r"(^|&)password=[^&]*", "", url.query)
    name = f"{url.scheme}://{user.partition(':')[0]}{at}{hosts}{url.path}?{query}"
    return f"chatapp-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _check(settings: Settings) -> None:
    for name, key in (("SECRET_KEY", settings.secret_key), ("JWT_SECRET_KEY", settings.jwt_secret_key)):
        if fault := weakness(key):
            raise UnsafeSetting(
                f"{name} {fault}. Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
    _refuse(settings.secret_key == settings.jwt_secret_key, "SECRET_KEY and JWT_SECRET_KEY must differ.")
    _refuse(not settings.cors_origins, "CORS_ORIGINS is required when HOST is not loopback: the address of your pages.")
    _refuse(settings.demo and settings.public, "DEMO must be false on a public address: everybody knows its password.")
    _refuse(
        settings.registration == "invite" and not settings.invite_code,
        "INVITE_CODE is required when REGISTRATION=invite.",
    )
    _refuse(settings.metrics_port == settings.port, "METRICS_PORT must differ from PORT.")
    _refuse(
        not settings.lease_beat_seconds < settings.fence_seconds < settings.lease_timeout_seconds,
        "LEASE_BEAT_SECONDS < FENCE_SECONDS < LEASE_TIMEOUT_SECONDS must hold: who is declared dead has stopped.",
    )
    _refuse(
        bool(settings.s3_bucket) and not (settings.s3_access_key_id and settings.s3_secret_access_key),
        "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are required with S3_BUCKET.",
    )
    _refuse(
        settings.access_token_seconds > settings.refresh_token_seconds,
        "ACCESS_TOKEN_SECONDS must not exceed REFRESH_TOKEN_SECONDS.",
    )
    _refuse(
        settings.limit_message_bytes > settings.limit_frame_bytes,
        "LIMIT_MESSAGE_BYTES must not exceed LIMIT_FRAME_BYTES: a message travels in one frame.",
    )


def _refuse(unsafe: bool, message: str) -> None:
    if unsafe:
        raise UnsafeSetting(message)


def example() -> str:
    """The text of `.env.example`: every setting, its default and its meaning."""
    lines = [
        "# Every setting of chatapp with its default; empty means the default. Made by: python config.py --example"
    ]
    for row in fields(Settings):
        if row.metadata["title"]:
            lines += ["", f"# --- {row.metadata['title']}"]
        lines += [f"# {row.metadata['help']}", f"{row.name.upper()}={_shown(row)}"]
    return "\n".join(lines) + "\n"


def _shown(row: Field[Any]) -> str:
    if "Empty:" in row.metadata["help"]:
        return ""
    return f"{row.default:g}" if isinstance(row.default, float) else str(row.default)


def main(arguments: list[str]) -> int:
    """`--example` prints .env.example; `--get NAME` prints one setting that is no secret, for scripts."""
    if arguments == ["--example"]:
        sys.stdout.write(example())
        return 0
    rows = {row.name.upper(): row for row in fields(Settings) if not row.metadata["secret"]}
    if len(arguments) != 2 or arguments[0] != "--get" or arguments[1] not in rows:
        sys.stderr.write("usage: python config.py --example | --get NAME\n")
        return 2
    try:
        value = getattr(load_settings(), rows[arguments[1]].name)
    except ConfigError as error:
        sys.stderr.write(f"chatapp: {error}\n")
        return error.exit_status
    sys.stdout.write(f"{str(value).lower() if isinstance(value, bool) else value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
