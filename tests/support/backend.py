"""Which database a run of the suite stands on: `pytest --database postgresql` runs on PostgreSQL what runs on SQLite.

A school is made once, migrated or with people in it, and copied for whoever needs one. Tests that are about one of the
two databases name it themselves.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import Engine, text

from chatapp.db import Base
from tests.support.postgres import Postgres, running

SQLITE, POSTGRESQL = "sqlite", "postgresql"

Fill = Callable[[str], None]
"""Makes of an empty database, by its URL, what is to be copied."""


class Backend(Protocol):
    """Where schools are kept."""

    def make(self, fill: Fill) -> str:
        """Something to copy; what `copy` takes."""

    def copy(self, made: str) -> str:
        """A school of one's own; its URL."""

    def empty(self, engine: Engine, made: str) -> None:
        """Forget everybody in a copy of `made`, which is empty itself."""


class SqliteBackend:
    """Files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    def make(self, fill: Fill) -> str:
        path = self._new("made")
        fill(f"sqlite:///{path}")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return str(path)

    def copy(self, made: str) -> str:
        path = self._new("school")
        shutil.copyfile(made, path)
        return f"sqlite:///{path}"

    def empty(self, engine: Engine, made: str) -> None:
        engine.dispose()
        path = Path(str(engine.url.database))
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
        shutil.copyfile(made, path)

    def _new(self, what: str) -> Path:
        folder = self._folder / f"{what}{next(self._numbers)}"
        folder.mkdir()
        return folder / "chatapp.db"


class PostgresBackend:
    """Databases of one server."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    def make(self, fill: Fill) -> str:
        url = self._server.database()
        fill(url)
        return url

    def copy(self, made: str) -> str:
        return self._server.database(made)

    def empty(self, engine: Engine, made: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))
        engine.dispose()


def pytest_addoption(parser: pytest.Parser) -> None:
    choices = (SQLITE, POSTGRESQL)
    parser.addoption("--database", choices=choices, default=SQLITE, help="what the schools of this run are kept in")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """This run's."""
    if request.config.getoption("--database") == SQLITE:
        yield SqliteBackend(tmp_path_factory.mktemp("schools"))
        return
    with running() as server:
        yield PostgresBackend(server)
