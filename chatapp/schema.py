"""The database's shape: where its migrations are, and whether a database has them all. How they run is their env.py."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def is_current(engine: Engine) -> bool:
    """Whether the newest migration, and no later one, has run on this database."""
    with engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory(str(MIGRATIONS)).get_heads())


def migrations(engine: Engine) -> Config:
    """What `alembic.command` takes to migrate the database of `engine`."""
    config = Config(MIGRATIONS / "alembic.ini", attributes={"engine": engine})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
