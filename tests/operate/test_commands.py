"""The operator's commands as they are typed: what they do, what they print, and that a mistake is one line."""

from __future__ import annotations

import csv
import io
import json
import secrets
import stat
import zipfile
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import update

from chatapp.contract import ids
from chatapp.db import database, now, transaction
from chatapp.domain import messages
from chatapp.models import Message, StoredFile
from chatapp.schema import migrations
from config import Settings
from tests.support.school import PASSWORD, School, Signed, acts
from tests.test_cli import flask, one_line

STRANGE = '=1+1 <script>alert(1)</script> & "quoted"\nsecond line, \N{SNOWMAN}'


@pytest.fixture
def lesson(school: School) -> tuple[dict[str, Any], Signed, Signed]:
    host, student = school.teacher(), school.student(display_name="Ada <b>")
    room = school.room(host, student, title="Class & Co")
    say(student, room, STRANGE)
    return room, host, student


def say(who: Signed, room: dict[str, Any], body: str) -> None:
    messages.send(who.actor, room_id=room["id"], client_id=ids.new_id(), body=body)


def bring(who: Signed, room: dict[str, Any], settings: Settings, name: str, content: bytes) -> Path:
    """A file that was sent; where its bytes are."""
    file_id = ids.new_id()
    key = secrets.token_hex(20)
    folder = settings.upload_dir / "files"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / key).write_bytes(content)
    with transaction() as tx:
        tx.session.add(
            StoredFile(
                id=file_id,
                room_id=room["id"],
                uploader_id=who.id,
                name=name,
                media_type="application/pdf",
                size=len(content),
                sha256="0" * 64,
                storage_key=key,
                given_sha256="0" * 64,
                created_at=now(),
            )
        )
    messages.send(who.actor, room_id=room["id"], client_id=file_id, file_id=file_id)
    return folder / key


def age_everything(days: int) -> None:
    with transaction() as tx:
        tx.session.execute(update(Message).values(created_at=now() - timedelta(days=days)))


def test_a_backup_is_made_and_put_back(app: Flask, school: School, lesson: Any, tmp_path: Path) -> None:
    room, host, student = lesson
    path = tmp_path / "school.tar.gz"
    assert "not of this version" in one_line(flask(app, "backup", str(path)))
    command.stamp(migrations(database.engine), "head")
    made = flask(app, "backup", str(path))
    assert made.output.startswith(f"{path}: 2 people, 1 rooms, 3 messages, ")
    say(student, room, "since")
    refused = flask(app, "restore", str(path), typed="n\n")
    assert refused.exit_code == 1 and "Replace the whole school by it?" in refused.output
    log = f"/api/chat/{room['id']}/messages/"
    assert school.api.as_(host).get(log).ok()["head"] == 4
    done = flask(app, "restore", str(path), "--yes")
    assert done.exit_code == 0 and "3 messages" in done.output and "Restored." in done.output
    assert school.api.as_(host).get(log).ok()["head"] == 3
    assert acts()[-1] == "school_restored"


def test_a_bad_path_or_backup_is_one_line(app: Flask, lesson: Any, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("hello")
    assert "is there already" in one_line(flask(app, "backup", str(there)))
    assert "cannot be read as a backup" in one_line(flask(app, "restore", str(there), "--yes"))
    assert "No such file" in one_line(flask(app, "restore", str(tmp_path / "nowhere"), "--yes"))


@pytest.mark.settings(RETENTION_MESSAGE_DAYS="30")
def test_retention_is_counted_then_applied(app: Flask, lesson: Any) -> None:
    age_everything(31)
    dry = flask(app, "retention", "apply", "--dry-run")
    assert dry.output.splitlines()[:2] == ["Would go:", "         3 messages"]
    assert "retention_applied" not in acts()
    assert flask(app, "retention", "apply").output.splitlines()[:2] == ["Gone:", "         3 messages"]
    assert acts()[-1] == "retention_applied"


def test_a_person_is_erased_by_name(app: Flask, school: School, lesson: Any) -> None:
    _, _, student = lesson
    name = student.actor.username
    kept = flask(app, "users", "erase", name, typed="n\n")
    assert kept.exit_code == 1 and f"Erase Ada <b> ({name}, student) for good?" in kept.output
    assert school.sign_in(name, PASSWORD).id == student.id
    done = flask(app, "users", "erase", name, "--yes", "--name", "Somebody")
    assert done.output.startswith("Erased: 1 messages and 0 files in 1 rooms. What remains is erased-")
    assert "no such user" in one_line(flask(app, "users", "erase", name, "--yes"))


class Page(HTMLParser):
    """What a page shows, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_room_is_taken_away_in_three_forms_with_its_files(
    app: Flask, school: School, lesson: Any, settings: Settings, tmp_path: Path
) -> None:
    room, host, student = lesson
    content = bytes(range(256)) * 5000
    bring(student, room, settings, "home/work.pdf", content)
    bring(student, room, settings, "home/work.pdf", b"other")
    bring(student, room, settings, "lost.pdf", b"gone").unlink()
    path = tmp_path / "room.zip"
    assert flask(app, "export", "room", room["id"], str(path)).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert acts()[-1] == "room_exported"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        inside = {name: archive.read(name) for name in archive.namelist()}
    log = school.api.as_(host).get(f"/api/chat/{room['id']}/messages/", query_string={"limit": "200"}).ok()["items"]

    told = json.loads(inside["room.json"])
    assert told["messages"] == log and told["room"]["title"] == "Class & Co"
    assert [each["state"] for each in told["participants"]] == ["active", "active"]

    lines = list(csv.DictReader(io.StringIO(inside["messages.csv"].decode("utf-8-sig"))))
    assert [int(line["seq"]) for line in lines] == [each["seq"] for each in log]
    assert lines[2]["body"] == f"'{STRANGE}", "no formula"
    assert [line["code"] or line["type"] for line in lines] == [
        *("room_created", "participant_joined", "text", "file", "file", "file")
    ]

    page = Page(inside["room.html"].decode())
    assert STRANGE in page.text and "Ada <b>" in page.text and "script" not in page.tags
    files = [name for name in inside if name.startswith("files/")]
    assert files == ["files/0001 home_work.pdf", "files/0002 home_work.pdf", "files/0003 lost.pdf"]
    assert [inside[name] for name in files] == [content, b"other", b""]
    assert page.links == [name.replace(" ", "%20") for name in files]


def test_a_persons_data_are_taken_away(app: Flask, lesson: Any, settings: Settings, tmp_path: Path) -> None:
    room, host, student = lesson
    bring(student, room, settings, "a.pdf", b"bytes")
    bring(host, room, settings, "b.pdf", b"not theirs")
    path = tmp_path / "person.zip"
    flask(app, "export", "person", student.actor.username, str(path))
    assert acts()[-1] == "user_exported"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["person.json", "files/0001 a.pdf"]
        data = json.loads(archive.read("person.json"))
    assert data["user"]["username"] == student.actor.username and "password_hash" not in json.dumps(data)
    assert [each["body"] for each in data["messages"]] == [STRANGE, None]
    assert [each["room_id"] for each in data["rooms"]] == [room["id"]]
    assert [each["status"] for each in data["join_requests"]] == ["approved"]
    assert len(data["sessions"]) == 1 and data["notifications"]
    assert "no such user" in one_line(flask(app, "export", "person", "nobody", str(tmp_path / "other.zip")))
    assert "File exists" in one_line(flask(app, "export", "person", student.actor.username, str(path)))
