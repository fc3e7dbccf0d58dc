"""The app without a server: a school on a database of its own, its people, and an API client that believes no
answer which the contract does not describe. What needs sockets or a second process is `server`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema
from sqlalchemy import create_engine, select
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from chatapp import create_app
from chatapp.contract.errors import MEANINGS, Code
from chatapp.contract.hints import Hint
from chatapp.contract.things import ErrorSchema
from chatapp.contract.words import Role
from chatapp.db import Base, database, engine_options, reading
from chatapp.domain import accounts, limits, passwords, sessions
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.domain.passwords import Passwords
from chatapp.models import AuditEntry
from chatapp.transports import auth
from chatapp.transports.limits import Attempts
from config import Settings, load_settings
from tests.support.backend import Backend

PASSWORD = "correct horse battery"
KEYS = {"SECRET_KEY": "4hVgq0ZkT2mXw9RbYc7PdLs1JfNuE8aQ", "JWT_SECRET_KEY": "Wb3xK6tHr1ZoU5yMv0SgCq9EjDn2FpLi"}
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class Signed:
    """Somebody with an account and a session."""

    actor: Actor
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        return self.actor.user_id

    @property
    def user(self) -> dict[str, Any]:
        """The User of the contract."""
        return dict(self.tokens["user"])

    @property
    def bearer(self) -> dict[str, str]:
        """The header that says so."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


@dataclass
class Answer:
    """An answer that the contract describes."""

    status: int
    body: Any
    headers: Any

    def ok(self, status: int = 200) -> Any:
        """The body of a success."""
        assert self.status == status, f"{self.status}: {self.body}"
        return self.body

    def refused(self, code: str) -> Any:
        """The problem of a refusal with this code."""
        assert self.status >= 400, f"{self.status}: {self.body}"
        assert self.body["code"] == code, self.body
        return self.body


@dataclass
class Api:
    """REST as one person, or as nobody. Every answer is checked against what its endpoint documents."""

    app: Flask
    person: Signed | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def as_(self, person: Signed | None) -> Api:
        return Api(self.app, person, self.headers)

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> Answer:
        return self.call("POST", path, **({"json": json} if json is not None else {}), **kwargs)

    def patch(self, path: str, json: Any) -> Answer:
        return self.call("PATCH", path, json=json)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **kwargs: Any) -> Answer:
        bearer = self.person.bearer if self.person is not None else {}
        client = self.app.test_client(use_cookies=False)
        response = client.open(path, method=method, headers=bearer | self.headers | (headers or {}), **kwargs)
        body = response.get_json() if (response.mimetype or "").endswith("json") else response.get_data()
        check_answer(self.app, method, path, response, body)
        return Answer(response.status_code, body, response.headers)


def check_answer(app: Flask, method: str, path: str, response: TestResponse, body: Any) -> None:
    """Fail for an answer that is not documented: field, status, or media type."""
    assert response.headers["X-Request-Id"]
    if response.status_code >= 400:
        assert response.mimetype in ("application/problem+json", "application/json"), body
        if response.mimetype == "application/problem+json":
            assert ErrorSchema().validate(body) == {}, body
            assert response.status_code == body["status"] == MEANINGS[Code(body["code"])].status
            assert body["request_id"] == response.headers["X-Request-Id"]
            check_refusal(app, method, path, Code(body["code"]))
            return
    if response.status_code == 204 or method in ("OPTIONS", "HEAD"):
        assert not body
        return
    endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method)
    documented = getattr(app.view_functions[endpoint], "_apidoc", {}).get("response", {}).get("responses", {})
    if not documented:
        return
    schemas = [entry["schema"] for entry in documented[response.status_code] if "schema" in entry]
    for schema in schemas:
        if isinstance(schema, dict):
            assert schema["format"] == "binary" and isinstance(body, bytes)
            continue
        checker: Schema = schema() if isinstance(schema, type) else schema
        assert checker.validate(body) == {}, body


def check_refusal(app: Flask, method: str, path: str, code: Code) -> None:
    """Fail for a refusal that the document does not promise: name it in the endpoint's `refuses`."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method)
    except HTTPException:
        return  # no such path or method: nobody's refusal
    promised = getattr(app.view_functions[endpoint], "refuses", None)
    assert promised is None or code in promised, f"{method} {path} refuses with {code}, which its `refuses` lacks"


class School:
    """The people of an app's school."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.api = Api(app)
        self._numbers = itertools.count(1)

    def teacher(self, **changes: Any) -> Signed:
        return self.enrol(Role.TEACHER, **changes)

    def student(self, **changes: Any) -> Signed:
        return self.enrol(Role.STUDENT, **changes)

    def admin(self, **changes: Any) -> Signed:
        return self.enrol(Role.ADMIN, **changes)

    def enrol(self, role: Role, *, username: str | None = None, display_name: str | None = None) -> Signed:
        """A new person, signed in."""
        name = username or f"{role.value}{next(self._numbers)}"
        accounts.create(OPERATOR, username=name, password=PASSWORD, role=role, display_name=display_name)
        return self.sign_in(name)

    def sign_in(self, username: str, password: str = PASSWORD) -> Signed:
        """A new session of somebody."""
        opened = sessions.login(username=username, password=password, device="pytest")
        with self.app.app_context():
            tokens = auth.current().tokens(opened)
        return Signed(sessions.actor_of(opened.session_id), tokens)

    def room(self, teacher: Signed, *members: Signed, **changes: Any) -> dict[str, Any]:
        """A room of `teacher` with these participants."""
        host = self.api.as_(teacher)
        room: dict[str, Any] = host.post("/api/chat/create/", {"title": "Class", **changes}).ok(201)
        for member in members:
            self.api.as_(member).post(f"/api/chat/{room['id']}/join/").ok(201)
            host.post(f"/api/chat/{room['id']}/approve/", {"user_id": member.id}).ok()
        return room


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "settings(NAME=value): the environment of this test's app")


def acts() -> list[str]:
    """The audit log, oldest first."""
    with reading() as session:
        return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def every_table(url: str) -> None:
    """Make the tables of an empty database."""
    engine = create_engine(url, **engine_options(url))
    Base.metadata.create_all(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def empty_school(backend: Backend) -> str:
    """A database with every table and no row, to be copied."""
    return backend.make(every_table)


class House:
    """An app with its own settings and database. Composing one takes longer than most tests, hence one for all
    tests with the same settings; `reset` gives each an empty school."""

    def __init__(self, folder: Path, backend: Backend, empty: str, changes: dict[str, str]) -> None:
        self._backend, self._empty = backend, empty
        places = {"DATABASE_URL": backend.copy(empty), "UPLOAD_DIR": str(folder / "uploads")}
        self.settings = load_settings({**KEYS, **places, **changes})
        self.app = create_app(self.settings, passwords=Passwords(CHEAP))
        self.engine = database.engine
        self._rules, self._passwords = limits.current(), passwords.current()

    def reset(self) -> None:
        """Empty the school, and make this app the process's again."""
        self._backend.empty(self.engine, self._empty)
        database.bind(self.engine)
        limits.use(self._rules)
        passwords.use(self._passwords)
        Attempts(self.app, self.settings)


@pytest.fixture(scope="session")
def houses() -> dict[tuple[tuple[str, str], ...], House]:
    """The apps composed so far, by their settings."""
    return {}


@pytest.fixture
def house(
    houses: dict[tuple[tuple[str, str], ...], House],
    backend: Backend,
    empty_school: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[House]:
    """The app of this test; `@pytest.mark.settings(LIMIT_LOGIN="2/minute")` changes its environment."""
    changes = {name: value for mark in request.node.iter_markers("settings") for name, value in mark.kwargs.items()}
    key = tuple(sorted(changes.items()))
    if key not in houses:
        houses[key] = House(tmp_path_factory.mktemp("house"), backend, empty_school, changes)
    houses[key].reset()
    yield houses[key]
    houses[key].engine.dispose()


@pytest.fixture
def settings(house: House) -> Settings:
    return house.settings


@pytest.fixture
def app(house: House) -> Flask:
    """The app, with cheap password hashing. Its runtime is not started: each send is committed by its caller."""
    return house.app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)


@pytest.fixture
def api(app: Flask) -> Api:
    """The API as nobody."""
    return Api(app)


@pytest.fixture
def teacher(school: School) -> Signed:
    return school.teacher()


@pytest.fixture
def student(school: School) -> Signed:
    return school.student()


@pytest.fixture
def hints(app: Flask) -> list[Hint]:
    """What committed transactions announced, from now on."""
    told: list[Hint] = []
    database.listen(told.extend)
    return told
