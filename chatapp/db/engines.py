"""How connections to either database are opened, and which of their failures are an outage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

OUTAGES = (OperationalError, InterfaceError, PoolTimeoutError)


def is_outage(fault: BaseException) -> bool:
    """Whether the database is away or busy, rather than the request at fault: the same may work a moment later."""
    return isinstance(fault, OUTAGES)


def connect_args(drivername: str, *, lock_timeout_ms: int = 2000) -> dict[str, Any]:
    """What every connection is opened with: on PostgreSQL each wait is bounded."""
    if drivername.startswith("sqlite"):
        return {"timeout": 0.1, "check_same_thread": False}
    return {
        "connect_timeout": 3,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 8000,
        "options": f"-c statement_timeout=3000 -c lock_timeout={lock_timeout_ms}"
        " -c idle_in_transaction_session_timeout=8000 -c timezone=UTC -c synchronous_commit=on",
    }


def keep_private(url: str) -> None:
    """Let nobody else read a SQLite file and its folder; its journals take over the file's mode."""
    path = make_url(url).database
    if not url.startswith("sqlite") or not path:
        return
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    Path(path).touch(mode=0o600)
    Path(path).chmod(0o600)


def engine_options(url: str) -> dict[str, Any]:
    """Flask-SQLAlchemy's SQLALCHEMY_ENGINE_OPTIONS for `url`."""
    options: dict[str, Any] = {"connect_args": connect_args(url), "pool_timeout": 2}
    if not url.startswith("sqlite"):
        options |= {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10}
    return options


@event.listens_for(Engine, "connect")
def _prepare_sqlite(dbapi_connection: Any, _: Any) -> None:
    """WAL and FULL are promise P1; without an isolation level the driver begins nothing on its own."""
    if type(dbapi_connection).__module__.split(".")[0] != "sqlite3":
        return
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=100"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
