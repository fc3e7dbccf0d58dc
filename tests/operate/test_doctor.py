"""The doctor finds what is not well, says what to do about it, and tells by its status whether anything fails."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import create_engine, update

from chatapp import demo
from chatapp.db import database, now, transaction
from chatapp.models import Message
from chatapp.operate import doctor
from chatapp.schema import migrations
from config import Settings
from tests.faults.redis_server import RedisServer
from tests.support.postgres import Postgres
from tests.support.school import School, Signed
from tests.support.server import ServerProcess
from tests.test_cli import flask


@pytest.fixture
def well(app: Flask, school: School, settings: Settings) -> Settings:
    """A school in which nothing is wrong."""
    return kept_private(settings, school.admin())


def kept_private(settings: Settings, _: Signed) -> Settings:
    """A database of today, and a folder that nobody else looks into."""
    command.stamp(migrations(database.engine), "head")
    settings.upload_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.upload_dir.chmod(0o700)
    return settings


def found(settings: Settings, what: str) -> doctor.Finding:
    """The one finding about this that is not well."""
    bad = [each for each in doctor.examine(settings) if each.level != doctor.OK]
    assert [each.what for each in bad] == [what], bad
    assert bad[0].advice
    return bad[0]


def test_where_all_is_well_it_says_so(app: Flask, well: Settings) -> None:
    told = flask(app, "doctor")
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert all(line.startswith("ok ") for line in lines), told.output
    parts = {line[5:17].strip() for line in lines}
    assert parts == {"settings", "database", "migrations", "people", "clock", "redis", "storage", "open files"}


def test_what_fails_is_told_with_what_to_do_and_a_status(app: Flask, well: Settings) -> None:
    command.stamp(migrations(database.engine), "0001")
    told = flask(app, "doctor")
    assert told.exit_code == 1
    assert "fail migrations  at 0001" in told.output and "-> flask --app wsgi db upgrade" in told.output


def test_a_warning_is_no_failure(app: Flask, well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    told = flask(app, "doctor")
    assert told.exit_code == 0 and "warn open files" in told.output and "LimitNOFILE" in told.output


def test_a_database_without_tables(well: Settings, tmp_path: Path) -> None:
    empty = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    database.bind(empty)
    assert "no tables" in found(well, "migrations").said
    empty.dispose()


def test_nobody_who_runs_the_school(app: Flask, settings: Settings, school: School) -> None:
    assert "--role admin" in found(kept_private(settings, school.teacher()), "people").advice


def test_demo_accounts_where_they_must_not_be(well: Settings) -> None:
    demo.build()
    assert "student1" in found(replace(well, demo=False), "people").said


def test_a_public_address_without_https_or_without_its_proxy(well: Settings) -> None:
    assert "in the clear" in found(replace(well, public_url="http://chat.school.example", demo=False), "https").said
    assert "TRUSTED_PROXIES" in found(replace(well, public_url="https://chat.school.example"), "proxies").advice


def test_a_clock_that_went_back(well: Settings, school: School) -> None:
    school.room(school.teacher())
    with transaction() as tx:
        tx.session.execute(update(Message).values(created_at=now() + timedelta(days=1)))
    assert "is stored" in found(well, "clock").said


def test_a_full_disk_and_a_folder_that_others_can_look_into(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    well.upload_dir.chmod(0o755)
    assert "look into" in found(well, "storage").said
    well.upload_dir.chmod(0o700)
    full = shutil.disk_usage(well.upload_dir)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    bad = [each for each in doctor.examine(well) if each.level != doctor.OK]
    assert bad and {each.what for each in bad} == {"storage"} and "Make room" in bad[0].advice


def test_a_folder_that_is_a_file(well: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert found(replace(well, upload_dir=tmp_path / "file"), "storage").level == doctor.FAIL


def test_a_redis_that_is_not_there(well: Settings) -> None:
    bad = [each for each in doctor.examine(replace(well, redis_url="redis://127.0.0.1:1")) if each.level != doctor.OK]
    assert [(each.level, each.what) for each in bad] == [("warn", "processes"), ("fail", "redis")]


@pytest.fixture
def cluster(postgres: Postgres, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server's settings on PostgreSQL with Redis; it is not started."""
    redis = RedisServer(tmp_path).start()
    server = ServerProcess(tmp_path / "server", postgres.database(), REDIS_URL=f"redis://127.0.0.1:{redis.port}")
    server.found()
    yield server
    redis.stop()


@pytest.mark.service
def test_postgresql_and_redis_that_are_well(cluster: ServerProcess) -> None:
    told = cluster.flask("doctor")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "ok   database    PostgreSQL" in told.stdout and "ok   redis       echoes within" in told.stdout
    cluster.env["DATABASE_URL"] += "-elsewhere"
    told = cluster.flask("doctor")
    assert told.returncode == 1 and "fail database" in told.stdout and "Traceback" not in told.stderr
