"""How migrations run, by `flask --app wsgi db …` as by `chatapp.schema`: one transaction, all of it or nothing.

An interrupted run leaves the schema as it was, and is simply started again.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, Engine

import chatapp.models  # noqa: F401 — fills Base.metadata
from chatapp.db import Base, UTCDateTime, begin

LOCK = 0x63686174
"""PostgreSQL's advisory lock of whoever migrates: two deployments at once go one after the other."""


def engine() -> Engine:
    """The engine that `chatapp.schema` hands over, else that of Flask's application."""
    given: Engine | None = context.config.attributes.get("engine")
    return given or current_app.extensions["migrate"].db.engine


def render_item(kind: str, item: Any, _: Any) -> str | bool:
    """A migration is history: it says what a column was in SQLAlchemy's own words, never in ours of today."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def leave_out_empty(_: Any, __: Any, directives: list[Any]) -> None:
    """Write no file where nothing changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


OPTIONS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "compare_type": True,
    "compare_server_default": True,
    "render_as_batch": True,
    "render_item": render_item,
    "process_revision_directives": leave_out_empty,
}


def run() -> None:
    """Migrate on a connection of the engine."""
    with engine().connect() as connection:
        if connection.dialect.name == "sqlite":
            migrate_sqlite(connection)
        else:
            migrate_postgresql(connection)


def migrate_sqlite(connection: Connection) -> None:
    """A batch moves a table by dropping it; with foreign keys on, that would take the rows that refer to it along."""
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    try:
        begin(connection)
        if migrate(connection):
            check_references(connection)
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def migrate_postgresql(connection: Connection) -> None:
    """A migration may take longer than a request, and must not make the class wait for its locks for long."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    migrate(connection)
    connection.commit()


def migrate(connection: Connection) -> list[Any]:
    """Run the migrations in the transaction that `connection` is in; the steps taken."""
    steps: list[Any] = []
    context.configure(
        connection=connection, on_version_apply=lambda step, **_: steps.append(step), transactional_ddl=True, **OPTIONS
    )
    with context.begin_transaction():
        context.run_migrations()
    return steps


def check_references(connection: Connection) -> None:
    """What SQLite was told not to look at meanwhile."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration leaves rows that refer to nothing, nothing is changed: {broken[:5]}")


def run_offline() -> None:
    """Print the SQL instead of running it (`flask db upgrade --sql`)."""
    context.configure(url=engine().url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run()
