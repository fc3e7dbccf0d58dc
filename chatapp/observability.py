"""The log: one line an event, on stderr, that a stranger's text can neither break nor fill with secrets.

JSON when a program reads it, key=value when a person does. What is counted (metrics) does not belong here.
"""

import logging
import re
import secrets
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from chatapp import worklog

# These write whole packets, statements with their parameters, or request lines with their query strings.
QUIET = (
    "alembic",
    "engineio",
    "engineio.server",
    "socketio",
    "socketio.server",
    "eventlet.wsgi",
    "werkzeug",
    "sqlalchemy",
    "urllib3",
)

REMOVED = "[removed]"
CONFIDENTIAL = re.compile(
    r"auth|authorization|body|(set_)?cookie|database_url|file_name|invite_code|otp|packet|password|payload|recovery_codes?|redis_url|ticket"
    r"|(client_|jwt_)?secret(_key)?|(access_?|refresh_?)?token|jwt",
    re.IGNORECASE,
)
# Quantifiers are bounded: this runs over strangers' text, too.
SECRETS = re.compile(
    r"eyJ[\w.-]{8,}"  # a JSON Web Token, wherever it stands
    r"|(?<=bearer )[^\s'\",]+"
    r"|(?<=://)[^\s/@]{0,200}:[^\s/@]{1,200}(?=@)"  # user:password@ of a URL
    r"|DETAIL:(?:.|\n)*?(?=\n\[SQL:|\n\nThe above exc|\n\nDuring handl|\Z)"  # PostgreSQL quotes the row that it refused
    r"|\[parameters: [^\n]+",  # and SQLAlchemy what was sent
    re.IGNORECASE,
)
NAMED_SECRETS = re.compile(
    r"(?<![a-z])((?:access_|refresh_)?token|ticket|password|invite_code)(['\"]?[ ]?[=:][ ]?['\"]?)[^\s&'\",}]+",
    re.IGNORECASE,
)
# Controls (C0, DEL, C1), other line ends, what turns the reading direction or hides, and surrogates, which break UTF-8.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
LONGEST = 4000
LONGEST_TRACEBACK = 20_000
DEEPEST = 4


def new_request_id() -> str:
    """An id for one request or command: 16 hexadecimal digits, not to be guessed, short enough to be read out."""
    return secrets.token_hex(8)


def safe_text(text: str) -> str:
    """`text` on one line: without secrets that can be recognised, control characters written as escapes, and cut."""
    return UNPRINTABLE.sub(_escape, _without_secrets(_cut(text, LONGEST)))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _without_secrets(text: str) -> str:
    return NAMED_SECRETS.sub(rf"\1\2{REMOVED}", SECRETS.sub(REMOVED, text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _safe(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return _safe_items(value, depth + 1) if depth < DEEPEST else "…"
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(item, depth + 1) for item in value] if depth < DEEPEST else "…"
    return safe_text(value if isinstance(value, str) else repr(value))


def _safe_items(items: Mapping[Any, object], depth: int) -> dict[str, object]:
    return {safe_text(str(key)): REMOVED if _confidential(key) else _safe(item, depth) for key, item in items.items()}


def _confidential(key: object) -> bool:
    return CONFIDENTIAL.fullmatch(str(key).replace("-", "_")) is not None


def _make_safe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last word before rendering, on what the standard library sent as on our own entries."""
    safe: EventDict = {key: event.pop(key) for key in ("_record", "_from_structlog") if key in event}
    trace = event.pop("exception", None)
    safe.update(_safe_items(event, 0))
    if trace is not None:
        # A traceback keeps its lines, indented so that none passes for an entry of its own; JSON escapes them anyway.
        lines = _without_secrets(_cut(str(trace), LONGEST_TRACEBACK)).split("\n")
        safe["exception"] = "\n".join(f"    {safe_text(line)}" for line in lines)
    return safe


class _KeyValues:
    """`time level logger event key=value …`, then a traceback if there is one."""

    def __init__(self) -> None:
        self._pairs = structlog.processors.LogfmtRenderer(bool_as_flag=False)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        trace = event.pop("exception", None)
        head = " ".join(str(event.pop(key, "-")) for key in ("time", "level", "logger", "event"))
        pairs = self._pairs(logger, method, {re.sub(r'[\s="]', "_", key): _flat(value) for key, value in event.items()})
        return "\n".join(part for part in (f"{head} {pairs}".rstrip(), trace) if part)


def _flat(value: object) -> object:
    return value if value is None or isinstance(value, str | bool | int | float) else repr(value)


class _OneHandler(logging.StreamHandler[TextIO]):
    """Ours on the root logger, to be found again when logging is configured again."""


ENRICH: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.format_exc_info,
]
# One list for the whole process: loggers keep it when they are first used.
PROCESSORS: list[Processor] = [
    structlog.stdlib.filter_by_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    *ENRICH,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's entries of `level` and above to stderr. May be called again."""
    stream = stream or sys.stderr
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: Processor = _KeyValues() if stream.isatty() else structlog.processors.JSONRenderer(ensure_ascii=False)
    handler = _OneHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=ENRICH,
            processors=[_make_safe, structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _OneHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    worklog.configure(level, stream)
    for name in QUIET:
        quiet = logging.getLogger(name)
        quiet.handlers.clear()  # Engine.IO and Socket.IO bring one of their own when nobody set their level before
        quiet.setLevel(logging.WARNING)
