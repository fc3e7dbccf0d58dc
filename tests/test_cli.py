"""The operator's commands: what they make, what they print, and that a mistake is one line."""

import io
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from chatapp import create_app, demo
from chatapp.contract.errors import Refused
from chatapp.contract.words import Role
from chatapp.db import database, reading
from chatapp.domain import accounts, history, rooms, sessions
from chatapp.domain.actor import OPERATOR
from chatapp.filestore.folder import Folder
from chatapp.models import Room, User
from chatapp.transports.uploads import EXTENSION as UPLOADS
from config import EX_CONFIG, load_settings
from tests.support.school import KEYS, PASSWORD, Api, School, acts

LOCAL_ONLY = {
    "HOST": "0.0.0.0",
    "PUBLIC_URL": "https://chat.school.example",
    "CORS_ORIGINS": "https://chat.school.example",
}


def flask(app: Flask, *args: str, typed: str = "") -> Result:
    result = app.test_cli_runner().invoke(args=args, input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def one_line(result: Result, status: int = 1) -> str:
    """The one line of a command that failed."""
    assert result.exit_code == status, result.output
    assert result.output.count("\n") == 1 and result.output.startswith("Error: "), result.output
    return str(result.output)


def test_a_user_is_made_with_a_password_that_nobody_sees(app: Flask) -> None:
    made = flask(app, "users", "create", "ada", "--role", "teacher", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0 and PASSWORD not in made.output
    piped = flask(app, "users", "create", "ben", "--display-name", "Ben B.", "--password-stdin", typed=f"{PASSWORD}\n")
    assert piped.output == "ben is a student now.\n"
    assert sessions.login(username="ada", password=PASSWORD).user["role"] == "teacher"
    assert sessions.login(username="ben", password=PASSWORD).user["display_name"] == "Ben B."
    assert acts() == ["user_created", "user_created"]


def test_everybody_is_listed(app: Flask, school: School) -> None:
    teacher, student = school.teacher(), school.student(display_name="Émilie")
    accounts.deactivate(OPERATOR, user_id=teacher.id)
    lines = flask(app, "users", "list").output.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [student.actor.username, "student"],
        [teacher.actor.username, "teacher"],
    ]
    assert "Émilie" in lines[0] and lines[1].endswith("(deactivated)")


def test_a_role_and_a_password_are_changed_by_name(app: Flask, school: School) -> None:
    student = school.student()
    name = student.actor.username
    assert flask(app, "users", "set-role", name.upper(), "teacher").output == f"{name} is a teacher now.\n"
    assert flask(app, "users", "set-password", name, "--password-stdin", typed="another password\n").exit_code == 0
    assert sessions.login(username=name, password="another password").user["role"] == "teacher"
    with pytest.raises(Refused):
        sessions.actor_of(student.actor.session_id)
    assert {"role_changed", "password_changed"} <= set(acts())


def test_a_mistake_is_one_line(app: Flask, school: School) -> None:
    taken = school.student().actor.username
    assert "taken" in one_line(flask(app, "users", "create", taken, "--password-stdin", typed=f"{PASSWORD}\n"))
    assert "8 characters" in one_line(flask(app, "users", "create", "new", "--password-stdin", typed="short\n"))
    assert "username" in one_line(flask(app, "users", "create", "no name", "--password-stdin", typed=f"{PASSWORD}\n"))
    assert "no such user" in one_line(flask(app, "users", "set-role", "nobody", "admin"))
    assert "no such user" in one_line(flask(app, "users", "set-password", "nobody", "--password-stdin", typed="x\n"))
    assert flask(app, "users", "set-role", taken, "emperor").exit_code == 2


def test_a_database_without_tables_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    app = create_app(load_settings({**KEYS, "DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}))
    engine = database.engine
    try:
        assert "db upgrade" in one_line(flask(app, "users", "list"))
        assert "db upgrade" in one_line(flask(app, "demo", "--if-empty"))
    finally:
        engine.dispose()


def test_the_demo_class_is_made_once(app: Flask, api: Api) -> None:
    for _ in range(2):
        made = flask(app, "demo")
        assert made.exit_code == 0 and demo.PASSWORD in made.output and made.output.count("\n") == 1
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 4
        room_id = session.scalars(select(Room.id)).one()
    people = {
        name: api.post("/api/auth/login/", {"username": name, "password": "chatapp-demo"}).ok()
        for name in ("teacher", "student1", "student2", "student3")
    }
    assert [person["user"]["role"] for person in people.values()] == ["teacher", "student", "student", "student"]
    teacher = sessions.actor_of(sessions.login(username="teacher", password="chatapp-demo").session_id)
    assert rooms.show(teacher, room_id=room_id)["status"] == "open"
    types = [message["type"] for message in history.read(teacher, room_id=room_id)["items"]]
    assert types.count("system") == 3 and types.count("text") >= 4
    assert demo.open_accounts() == ["student1", "student2", "student3", "teacher"]


def test_the_demo_class_comes_to_an_empty_school_only_when_asked_so(app: Flask, school: School) -> None:
    school.student(username="somebody")
    assert flask(app, "demo", "--if-empty").output == ""
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1
    assert demo.open_accounts() == []
    flask(app, "demo")
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 5


def test_the_demo_class_leaves_somebody_elses_account_alone(app: Flask) -> None:
    accounts.create(OPERATOR, username="Teacher", password=PASSWORD, role=Role.STUDENT)
    assert "teacher has another password" in one_line(flask(app, "demo"))
    assert sessions.login(username="teacher", password=PASSWORD).user["role"] == "student"


def test_the_sweep_says_what_went_and_fails_for_lost_bytes(app: Flask, school: School, api: Api) -> None:
    uploads = app.extensions[UPLOADS]
    uploads.prepare()
    teacher = school.teacher()
    room = school.room(teacher)
    flask(app, "files", "sweep", "--older-than", "0")  # of what other tests left in the folder
    _, orphan = Folder(app.extensions["chatapp"].settings.upload_dir / "files").create()
    orphan.close()
    first = flask(app, "files", "sweep", "--older-than", "0")
    assert first.exit_code == 0 and "1 ownerless bytes" in first.output
    sent = {"data": {"file": (io.BytesIO(b"text"), "a.txt")}}
    api.as_(teacher).post(f"/api/chat/{room['id']}/files/", **sent).ok(201)
    assert "0 unsent files and 0 ownerless" in flask(app, "files", "sweep").output
    ((key, _),) = uploads.store.entries()
    uploads.store.delete(key)
    lost = flask(app, "files", "sweep")
    assert lost.exit_code == 1 and key in lost.output and "1 files have no bytes" in lost.output


@pytest.mark.settings(**LOCAL_ONLY)
def test_no_demo_class_on_a_public_address(app: Flask) -> None:
    assert "DEMO" in one_line(flask(app, "demo"), EX_CONFIG)
    assert demo.is_empty()
