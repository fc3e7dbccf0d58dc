"""API tokens at every endpoint: each takes the scope that it documents, or none at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from chatapp.contract.scopes import Scope
from chatapp.transports.rest import openapi
from tests.support.school import PASSWORD, Api, School, Signed

SESSIONS_ONLY = {
    "logout", "list_sessions", "end_session", "make_ticket", "change_me", "list_tokens", "create_token", "revoke_token",
    "export_me", "export_person", "export_room", "erase",
    "show_second_factor", "set_up_second_factor", "confirm_second_factor", "remove_second_factor",
}  # fmt: skip
PUBLIC = {"register", "login", "refresh", "live", "ready"}


@pytest.fixture
def operations(app: Flask) -> list[tuple[str, str, str, str]]:
    """(name, method, path, scope) of every endpoint; no scope: a session alone."""
    document = app.extensions["chatapp.documents"].openapi()
    found = []
    for path, method, operation in openapi.operations(document):
        if operation["tags"] != ["Documents"] and operation["operationId"] not in PUBLIC:
            scopes = [names for way in operation.get("security", []) for names in [way.get("apiToken")] if names]
            somewhere = path.replace("{join_code}", "ABCDEF")
            for name in ("room_id", "session_id", "webhook_id", "token_id", "file_id", "user_id"):
                somewhere = somewhere.replace(f"{{{name}}}", "a" * 20)
            found.append((operation["operationId"], method.upper(), somewhere, scopes[0][0] if scopes else ""))
    return found


def token_of(api: Api, person: Signed, *scopes: Scope) -> Signed:
    """The person, as a program with these scopes."""
    asked = {"name": "program", "scopes": [scope.value for scope in scopes], "current_password": PASSWORD}
    made = api.as_(person).post("/api/tokens/", asked).ok(201)
    return replace(person, tokens={**person.tokens, "access_token": made["token"]})


def refused_for_scope(api: Api, method: str, path: str) -> bool:
    """Whether the door said no for want of a scope."""
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PATCH") else {}
    answer = api.call(method, path, **body)
    return answer.status == 403 and answer.body["detail"].startswith("This token may not do that")


@pytest.mark.settings(
    LIMIT_REQUESTS="10000/second", LIMIT_REQUESTS_BURST="10000", LIMIT_TOKENS="100", LIMIT_LOGIN="1000/minute"
)
def test_every_endpoint_takes_its_own_scope_and_no_other(
    api: Api, teacher: Signed, operations: list[tuple[str, str, str, str]]
) -> None:
    assert len(operations) > 35
    assert {name for name, _, _, scope in operations if not scope} == SESSIONS_ONLY
    everything = api.as_(token_of(api, teacher, *Scope))
    for scope in Scope:
        only = api.as_(token_of(api, teacher, scope))
        others = api.as_(token_of(api, teacher, *(each for each in Scope if each is not scope)))
        mine = [(method, path) for _, method, path, needed in operations if needed == scope]
        assert mine, f"{scope} is needed nowhere"
        for method, path in mine:
            assert refused_for_scope(others, method, path), (method, path)
            assert not refused_for_scope(only, method, path), (method, path)
            assert not refused_for_scope(everything, method, path), (method, path)
    for name, method, path, needed in operations:
        assert refused_for_scope(everything, method, path) is (not needed), name


def test_a_program_acts_as_its_user_within_its_scopes(
    api: Api, school: School, teacher: Signed, student: Signed
) -> None:
    room = school.room(teacher, student)["id"]
    program = api.as_(token_of(api, student, Scope.MESSAGES_WRITE))
    sent = program.post(f"/api/chat/{room}/messages/", {"client_id": "1", "body": "from a program"}).ok(201)
    assert sent["sender"] == student.user
    program.get(f"/api/chat/{room}/messages/").refused("forbidden")
    elsewhere = school.room(teacher)["id"]
    program.post(f"/api/chat/{elsewhere}/messages/", {"client_id": "1", "body": "hello"}).refused("not_found")


def test_a_token_is_shown_once_listed_and_revoked(api: Api, teacher: Signed) -> None:
    mine = api.as_(teacher)
    made = mine.post("/api/tokens/", {"name": "timetable", "scopes": ["rooms:read"], "current_password": PASSWORD}).ok(
        201
    )
    program = api.as_(replace(teacher, tokens={**teacher.tokens, "access_token": made["token"]}))
    program.get("/api/chat/").ok()
    (listed,) = mine.get("/api/tokens/").ok()["items"]
    assert listed["id"] == made["id"] and "token" not in listed
    assert mine.delete(f"/api/tokens/{made['id']}/").status == 204
    program.get("/api/chat/").refused("unauthorized")
    assert mine.get("/api/tokens/").ok()["items"] == []


@pytest.mark.parametrize(
    "asked",
    [{"name": "x"}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["everything"]}, {"scopes": ["rooms:read"]},
     {"name": " ", "scopes": ["rooms:read"]}, {"name": "x", "scopes": ["rooms:read"], "days": 0},
     {"name": "x", "scopes": ["rooms:read"], "days": 1000}, {"name": "x", "scopes": "rooms:read"}],
)  # fmt: skip
def test_what_is_asked_for_must_be_sensible(api: Api, teacher: Signed, asked: dict[str, object]) -> None:
    api.as_(teacher).post("/api/tokens/", asked | {"current_password": PASSWORD}).refused("invalid_payload")


def test_a_session_alone_makes_no_token_that_would_outlast_it(api: Api, teacher: Signed) -> None:
    mine, asked = api.as_(teacher), {"name": "program", "scopes": ["rooms:read"]}
    mine.post("/api/tokens/", asked).refused("invalid_payload")
    wrong = mine.post("/api/tokens/", asked | {"current_password": "not the password"}).refused("forbidden")
    assert set(wrong["errors"]) == {"current_password"} and mine.get("/api/tokens/").ok()["items"] == []
    mine.post("/api/tokens/", asked | {"current_password": PASSWORD}).ok(201)


@pytest.mark.settings(LIMIT_LOGIN="3/minute")
def test_a_stolen_session_does_not_guess_the_password_here_either(api: Api, teacher: Signed) -> None:
    asked = {"name": "program", "scopes": ["rooms:read"], "current_password": "guess"}
    answers = [api.as_(teacher).post("/api/tokens/", asked).status for _ in range(4)]
    assert answers == [403, 403, 403, 429]
