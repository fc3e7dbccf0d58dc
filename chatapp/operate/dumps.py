"""A database's rows out into files and back, in its own way: SQLite by its online backup, PostgreSQL by COPY.

Reading disturbs nobody. Writing happens in the caller's transaction: a class sees the old school or the new one.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from alembic import command
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, Table, create_engine

from chatapp import schema
from chatapp.db import Base, Transaction, engine_options
from chatapp.operate.archive import CHUNK, BadArchiveError, Manifest

LOCK_WAIT = "30s"
"""How long a restore waits for the transactions that are under way on PostgreSQL; new ones wait behind it."""


class Dump(ABC):
    """One database's dump in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def take(self, engine: Engine) -> tuple[str, dict[str, int]]:
        """Write the dump, all of one moment: (its migration, rows of each table)."""

    @abstractmethod
    def fit(self, engine: Engine, manifest: Manifest) -> None:
        """Bring the dump, or a database without tables, to where the one fits into the other. Raises
        BadArchiveError."""

    def attach(self, connection: Connection) -> None:
        """What must be done to a connection before the transaction begins."""
        return

    @abstractmethod
    def replace(self, tx: Transaction, manifest: Manifest) -> None:
        """Put the dump's rows in the place of all that are there."""


class SqliteDump(Dump):
    """The whole database as one file."""

    @property
    def file(self) -> Path:
        """The dump."""
        return self.folder / "school.sqlite3"

    def take(self, engine: Engine) -> tuple[str, dict[str, int]]:
        source = sqlite3.connect(str(engine.url.database))
        target = sqlite3.connect(self.file)
        try:
            source.backup(target)  # all pages at once: in steps, each write of the class would begin it anew
            target.execute("PRAGMA journal_mode=DELETE")
            (sound,) = target.execute("PRAGMA integrity_check").fetchone()
            if sound != "ok":
                raise BadArchiveError(f"The database is damaged: {sound}")
            (revision,) = target.execute("SELECT version_num FROM alembic_version").fetchone()
            counts = {table.name: f'SELECT count(*) FROM "{table.name}"' for table in tables()}  # noqa: S608
            rows = {name: int(target.execute(query).fetchone()[0]) for name, query in counts.items()}
        finally:
            source.close()
            target.close()
        return str(revision), rows

    def fit(self, engine: Engine, manifest: Manifest) -> None:
        """An older dump is migrated in its own file."""
        url = f"sqlite:///{self.file}"
        own = create_engine(url, **engine_options(url))
        try:
            command.upgrade(schema.migrations(own), "head")
        finally:
            own.dispose()

    def attach(self, connection: Connection) -> None:
        connection.exec_driver_sql("ATTACH DATABASE ? AS dump", (str(self.file),))
        connection.commit()

    def replace(self, tx: Transaction, manifest: Manifest) -> None:
        cursor = tx.cursor
        cursor.execute("PRAGMA defer_foreign_keys=ON")
        for table in reversed(tables()):
            cursor.execute(f'DELETE FROM main."{table.name}"')  # noqa: S608 — names of our own tables, here and below
        for table in tables():
            names = _listed(columns()[table.name])
            source = f'SELECT {names} FROM dump."{table.name}"'  # noqa: S608
            cursor.execute(f'INSERT INTO main."{table.name}" ({names}) {source}')


class PostgresDump(Dump):
    """A text of COPY for each table."""

    def take(self, engine: Engine) -> tuple[str, dict[str, int]]:
        rows: dict[str, int] = {}
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            _without_haste(connection)
            revision = MigrationContext.configure(connection).get_current_revision()
            cursor: Any = connection.connection.cursor()
            for table in tables():
                query = f'COPY (SELECT {_listed(columns()[table.name])} FROM "{table.name}") TO STDOUT'  # noqa: S608
                with self._part(table).open("wb") as file, cursor.copy(query) as copied:
                    for piece in copied:
                        file.write(piece)
                rows[table.name] = cursor.rowcount
            connection.rollback()
        return str(revision), rows

    def fit(self, engine: Engine, manifest: Manifest) -> None:
        current = revision_of(engine)
        if current is None:
            command.upgrade(schema.migrations(engine), manifest.revision)
        elif current != manifest.revision:
            raise BadArchiveError(
                f"The backup is of migration {manifest.revision}, the database of {current}: "
                "restore it into a new, empty database."
            )

    def replace(self, tx: Transaction, manifest: Manifest) -> None:
        _without_haste(tx.session.connection())
        cursor = tx.cursor
        cursor.execute("TRUNCATE " + ", ".join(f'"{name}"' for name in manifest.columns))
        for table in tables():
            if table.name not in manifest.columns:
                continue  # a later migration brings it
            copied = f'COPY "{table.name}" ({_listed(manifest.columns[table.name])}) FROM STDIN'
            with self._part(table).open("rb") as file, cursor.copy(copied) as copy:
                while piece := file.read(CHUNK):
                    copy.write(piece)
            _set_counter(cursor, table)

    def _part(self, table: Table) -> Path:
        return self.folder / f"{table.name}.copy"


def of(engine: Engine, folder: Path) -> Dump:
    """The dump of a database of this kind."""
    return SqliteDump(folder) if engine.dialect.name == "sqlite" else PostgresDump(folder)


def tables() -> list[Table]:
    """All tables, each behind those it refers to."""
    return Base.metadata.sorted_tables


def columns() -> dict[str, list[str]]:
    """What is stored of each table; what the database computes from it is not copied."""
    return {table.name: [each.name for each in table.columns if each.computed is None] for table in tables()}


def revision_of(engine: Engine) -> str | None:
    """The database's newest migration; None for one without tables."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _without_haste(connection: Connection) -> None:
    """What every request is bounded by must not cut a school's worth of rows in two."""
    for name, value in (
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("lock_timeout", LOCK_WAIT),
    ):
        connection.exec_driver_sql(f"SET LOCAL {name} = '{value}'")


def _set_counter(cursor: Any, table: Table) -> None:
    """New rows are numbered behind those that came with their numbers."""
    column = table.autoincrement_column
    if column is None:
        return
    (counter,) = cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (table.name, column.name)).fetchone()
    if counter is not None:
        highest = f'SELECT max("{column.name}") FROM "{table.name}"'  # noqa: S608
        cursor.execute(f"SELECT setval(%s, coalesce(({highest}), 0) + 1, false)", (counter,))
