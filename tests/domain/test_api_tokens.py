"""Personal API tokens: whose they are, what ends them, and that nobody else can make one up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from chatapp.contract.errors import Code
from chatapp.contract.scopes import TOKEN, ApiTokenSchema, ApiTokenSecretSchema, Scope
from chatapp.contract.words import Act
from chatapp.db import now, reading, transaction
from chatapp.domain import accounts, api_tokens, sessions
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import ApiToken, SignIn
from tests.domain.classroom import Classroom, refused, with_limits
from tests.support.school import PASSWORD

SCOPES = ["messages:write", "rooms:read"]


def a_token(actor: Actor, **asked: Any) -> dict[str, Any]:
    """A new one, for who knows their password."""
    return api_tokens.create(actor, **{"name": "program", "scopes": SCOPES, "current_password": PASSWORD} | asked)


def test_a_token_is_its_users_with_its_scopes_and_is_stored_as_a_hash(classroom: Classroom) -> None:
    ada = classroom.teacher()
    made = a_token(ada, name=" timetable ", days=30)
    assert ApiTokenSecretSchema().validate(made) == {} and TOKEN.fullmatch(made["token"])
    assert (made["name"], made["scopes"]) == ("timetable", ["rooms:read", "messages:write"])
    standing, scopes = api_tokens.resolve(made["token"])
    assert standing.actor.user_id == ada.user_id
    assert scopes == {Scope.ROOMS_READ, Scope.MESSAGES_WRITE}
    assert timedelta(days=29) < standing.expires_at - now() <= timedelta(days=30)
    with reading() as session:
        row = session.scalars(select(ApiToken)).one()
    assert made["token"][29:] not in (row.token_hash, row.name, row.scopes)
    assert (Act.TOKEN_CREATED, ada.user_id, made["id"]) in classroom.acts()


def test_tokens_are_listed_without_what_makes_them_and_apart_from_devices(classroom: Classroom) -> None:
    ada = classroom.teacher()
    made = [a_token(ada, name=f"program {number}") for number in range(3)]
    first = api_tokens.mine(ada, limit=2)
    rest = api_tokens.mine(ada, limit=2, cursor=first["next_cursor"])
    listed = first["items"] + rest["items"]
    assert ApiTokenSchema(many=True).validate(listed) == {}
    assert {each["id"] for each in listed} == {each["id"] for each in made}
    assert rest["next_cursor"] is None and api_tokens.mine(classroom.teacher(), limit=2)["items"] == []
    assert [each["id"] for each in sessions.mine(ada, limit=10)["items"]] == [ada.session_id]


@pytest.mark.parametrize("change", ["id", "secret", "short", "empty"])
def test_a_token_that_was_made_up_is_nobodys(classroom: Classroom, change: str) -> None:
    ada = classroom.teacher()
    one, other = (a_token(ada)["token"] for _ in range(2))
    name, secret = len("chatapp_"), len("chatapp_") + 21
    wrong = {
        "id": f"{one[:name]}{'a' * 20}{one[secret - 1 :]}",
        "secret": other[:secret] + one[secret:],
        "short": one[:-1],
        "empty": "",
    }
    with refused(Code.UNAUTHORIZED):
        api_tokens.resolve(wrong[change])
    api_tokens.resolve(one)


def test_what_ends_a_session_ends_a_token(classroom: Classroom) -> None:
    ada, stranger = classroom.teacher(), classroom.teacher()
    made = [a_token(ada) for _ in range(3)]
    with refused(Code.NOT_FOUND):
        api_tokens.revoke(stranger, token_id=made[0]["id"])
    api_tokens.revoke(ada, token_id=made[0]["id"])
    with refused(Code.UNAUTHORIZED):
        api_tokens.resolve(made[0]["token"])
    with refused(Code.NOT_FOUND):
        api_tokens.revoke(ada, token_id=made[0]["id"])
    assert (Act.TOKEN_REVOKED, ada.user_id, made[0]["id"]) in classroom.acts()
    with transaction() as tx:
        row = tx.session.get_one(ApiToken, made[1]["id"])
        tx.session.execute(update(SignIn).where(SignIn.id == row.session_id).values(expires_at=now()))
    with refused(Code.UNAUTHORIZED):
        api_tokens.resolve(made[1]["token"])
    api_tokens.resolve(made[2]["token"])
    sessions.end_others(ada)
    with refused(Code.UNAUTHORIZED):
        api_tokens.resolve(made[2]["token"])
    assert api_tokens.mine(ada, limit=10)["items"] == []


def test_a_deactivated_users_token_is_good_for_nothing(classroom: Classroom) -> None:
    ada = classroom.student()
    made = a_token(ada)
    accounts.deactivate(OPERATOR, user_id=ada.user_id)
    with refused(Code.UNAUTHORIZED):
        api_tokens.resolve(made["token"])


def test_a_user_has_so_many_and_no_more_and_an_ended_one_does_not_count(classroom: Classroom) -> None:
    with_limits(tokens=1)
    ada = classroom.teacher()
    made = a_token(ada)
    with refused(Code.LIMIT_REACHED):
        a_token(ada)
    api_tokens.revoke(ada, token_id=made["id"])
    a_token(ada)


def test_a_session_alone_makes_no_token(classroom: Classroom) -> None:
    ada = classroom.teacher()
    with refused(Code.FORBIDDEN):
        a_token(ada, current_password="not the password")
    assert api_tokens.mine(ada, limit=10)["items"] == []
