"""The domain on a database of its own: SQLite always, and PostgreSQL where services are started. Nothing is patched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text

from chatapp.contract.hints import Hint
from chatapp.db import Base, database, engine_options
from chatapp.domain import limits
from chatapp.schema import migrations
from tests.domain.classroom import Classroom
from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "school.db"
    engine = create_engine(f"sqlite:///{path}", **engine_options("sqlite"))
    command.upgrade(migrations(engine), "head")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_engine(postgres: Postgres) -> Iterator[Engine]:
    """A migrated PostgreSQL database, to be emptied before each use."""
    url = postgres.database()
    engine = create_engine(url, **engine_options(url))
    command.upgrade(migrations(engine), "head")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty school's database, on each backend."""
    if request.param == "postgresql":
        made: Engine = request.getfixturevalue("postgresql_engine")
        with made.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))
        yield made
        return
    path = tmp_path / "school.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    made = create_engine(f"sqlite:///{path}", **engine_options("sqlite"))
    yield made
    made.dispose()


@pytest.fixture
def classroom(engine: Engine) -> Iterator[Classroom]:
    """The people that the domain serves in this test, and the database they are in."""
    database.bind(engine)
    limits.use(limits.Limits())
    yield Classroom()
    database.bind(engine)
    limits.use(limits.Limits())


@pytest.fixture
def heard(classroom: Classroom) -> list[Hint]:
    """What was announced after commits, in order, from now on."""
    told: list[Hint] = []
    database.listen(told.extend)
    return told
