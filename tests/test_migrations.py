"""The migrations make exactly the models' schema, go back to nothing, and are all or nothing when interrupted."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, create_engine, inspect, text

import chatapp.models  # noqa: F401 — fills Base.metadata
from chatapp.db import Base, engine_options
from chatapp.schema import MIGRATIONS, is_current, migrations
from config import ROOT
from tests.support.postgres import Postgres, postgres

__all__ = ["postgres"]

HEAD = "0010"

NEXT = """
import os
import sqlalchemy as sa
from alembic import op

revision, down_revision = "next", "{head}"


def upgrade():
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("nickname", sa.String(40)))
        batch.drop_constraint("uq_users_username_key", type_="unique")
        batch.create_unique_constraint("uq_users_username_key", ["username_key"])
    op.create_table("crayons", sa.Column("id", sa.Integer(), primary_key=True))
    {then}


def downgrade():
    op.drop_table("crayons")
    with op.batch_alter_table("users") as batch:
        batch.drop_column("nickname")
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    yield from _engine(request, tmp_path, "school")


@pytest.fixture
def other(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Another empty database of the same kind."""
    yield from _engine(request, tmp_path, "other", engine.dialect.name)


def _engine(request: pytest.FixtureRequest, tmp_path: Path, name: str, kind: str | None = None) -> Iterator[Engine]:
    if (kind or request.param) == "sqlite":
        url = f"sqlite:///{tmp_path / name}.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database()
    made = create_engine(url, **engine_options(url))
    yield made
    made.dispose()


def with_next(engine: Engine, folder: Path, then: str = "") -> Config:
    """The migrations and one more, which may go wrong at its end."""
    copy = shutil.copytree(MIGRATIONS, folder / "migrations", dirs_exist_ok=True)
    (copy / "versions" / "next.py").write_text(NEXT.format(head=HEAD, then=then))
    config = migrations(engine)
    config.set_main_option("script_location", str(copy))
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


QUOTED_TABLE = re.compile(r'TABLE "(\w+)"')
TABLE = r"TABLE \1"
WRAPPING = " ,\t"
ADDED_COLUMN = re.compile(r", (?=[a-z_]+ [A-Z])")
"""SQLite writes a column that was added behind the last one, on its line."""
COLUMNS = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


def shape(engine: Engine) -> list[str]:
    """The whole schema as the database itself tells it, whoever made it. The order of constraints means nothing, nor do
    the quotes that SQLite puts around the name of a table that was rebuilt."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            told = connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE tbl_name <> 'alembic_version'"))
            lines = [(name, line) for name, sql in told for line in ADDED_COLUMN.sub("\n", sql or "").splitlines()]
            return sorted(f"{name}: {QUOTED_TABLE.sub(TABLE, line).strip(WRAPPING)}" for name, line in lines)
    with engine.connect() as connection:
        queries = (COLUMNS, CONSTRAINTS, INDEXES)
        return sorted(repr(row) for query in queries for row in connection.execute(text(query)))


def test_the_newest_migration_equals_the_models(engine: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": Base.metadata}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert tables(engine) == {*Base.metadata.tables, "alembic_version"}


def test_the_database_tells_the_same_of_migrations_and_models(engine: Engine, other: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    Base.metadata.create_all(other)
    assert shape(engine) == shape(other)
    assert any("ck_messages_seq" in line for line in shape(engine))


def test_the_comparison_would_see_a_missing_index(engine: Engine, other: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    copy = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(copy)
    table = copy.tables["memberships"]
    table.indexes.discard(next(index for index in table.indexes if index.name == "uq_memberships_host"))
    copy.create_all(other)
    assert shape(engine) != shape(other)


def test_going_back_leaves_nothing(engine: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    assert is_current(engine)
    command.downgrade(migrations(engine), "base")
    assert tables(engine) == {"alembic_version"}
    assert not is_current(engine)
    command.upgrade(migrations(engine), "head")
    assert is_current(engine)


def test_a_database_is_current_only_with_the_newest_migration_and_no_later_one(engine: Engine, tmp_path: Path) -> None:
    assert not is_current(engine)
    command.upgrade(migrations(engine), "head")
    assert is_current(engine)
    command.upgrade(with_next(engine, tmp_path), "head")
    assert not is_current(engine)


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    before = shape(engine)
    command.upgrade(migrations(engine), "head")
    assert shape(engine) == before and is_current(engine)


def test_there_is_one_line_of_migrations_and_nothing_to_generate(engine: Engine) -> None:
    command.upgrade(migrations(engine), "head")
    command.check(migrations(engine))


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(engine: Engine, tmp_path: Path) -> None:
    command.upgrade(migrations(engine), "head")
    add_a_user_and_a_session(engine)
    command.upgrade(with_next(engine, tmp_path), "head")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 1
        assert connection.execute(text("SELECT nickname FROM users")).scalar() is None
    assert foreign_keys_are_on(engine)


def test_a_migration_that_breaks_a_reference_is_refused_whole(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/school.db", **engine_options("sqlite"))
    command.upgrade(migrations(engine), "head")
    add_a_user_and_a_session(engine)
    with pytest.raises(RuntimeError, match="refer to nothing"):
        command.upgrade(with_next(engine, tmp_path, "op.execute('DELETE FROM users')"), "head")
    assert is_current(engine) and "crayons" not in tables(engine)
    assert foreign_keys_are_on(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM users")).scalar() == 1
    engine.dispose()


def test_a_migration_that_fails_leaves_the_schema_as_it_was_and_can_be_run_again(
    engine: Engine, tmp_path: Path
) -> None:
    command.upgrade(migrations(engine), "head")
    before = shape(engine)
    with pytest.raises(ZeroDivisionError):
        command.upgrade(with_next(engine, tmp_path, "1 / 0"), "head")
    assert shape(engine) == before and is_current(engine)
    command.upgrade(with_next(engine, tmp_path), "head")
    assert "crayons" in tables(engine)


@pytest.mark.service
def test_a_migration_that_is_killed_leaves_the_schema_as_it_was_and_can_be_run_again(
    engine: Engine, tmp_path: Path
) -> None:
    command.upgrade(migrations(engine), "head")
    before = shape(engine)
    with_next(engine, tmp_path, "os.kill(os.getpid(), 9)")
    script = (
        "import sys; from sqlalchemy import create_engine; from alembic import command;"
        "from chatapp.db import engine_options; from chatapp.schema import migrations;"
        "url, folder = sys.argv[1:]; config = migrations(create_engine(url, **engine_options(url)));"
        "config.set_main_option('script_location', folder); command.upgrade(config, 'head')"
    )
    url = engine.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", script, url, str(tmp_path / "migrations")], cwd=ROOT, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert shape(engine) == before and is_current(engine)
    command.upgrade(with_next(engine, tmp_path), "head")
    assert "crayons" in tables(engine)


def test_the_migrations_can_be_printed_instead_of_run(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(migrations(engine), "head", sql=True)
    assert "CREATE TABLE messages" in capsys.readouterr().out
    assert tables(engine) == set()


def add_a_user_and_a_session(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO users (id, username, username_key, display_name, password_hash, role, active,"
                " last_notification_seq, created_at)"
                " VALUES ('u', 'u', 'u', 'u', '', 'student', true, 0, '2026-01-01 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO sessions (id, user_id, refresh_id, device, created_at, last_seen_at, expires_at)"
                " VALUES ('s', 'u', 'r', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
            )
        )


def foreign_keys_are_on(engine: Engine) -> bool:
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as connection:
        return bool(connection.execute(text("PRAGMA foreign_keys")).scalar())
