"""Who may have an account, under which name, in which role; and what ends with a role or a password."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, SessionsEnded
from chatapp.contract.words import Role
from chatapp.db import database
from chatapp.domain import accounts, sessions
from chatapp.domain.actor import OPERATOR
from tests.support.school import PASSWORD, School, Signed, acts


@pytest.fixture(autouse=True)
def each_backend(app: Flask, engine: Engine) -> None:
    """The app's rules, on each database."""
    database.bind(engine)


def refusal(code: Code, function: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        function(*args, **kwargs)
    assert caught.value.code is code, caught.value
    return caught.value


def register(username: str, **more: Any) -> dict[str, Any]:
    return dict(accounts.register(**{"username": username, "password": PASSWORD, **more}).user)


def test_who_registers_is_a_student_with_a_session() -> None:
    opened = accounts.register(username="ada", password=PASSWORD, display_name="Ada Lovelace", device="phone")
    assert opened.user == {
        "id": opened.user["id"],
        "username": "ada",
        "display_name": "Ada Lovelace",
        "role": "student",
    }
    actor = sessions.actor_of(opened.session_id)
    assert (actor.user_id, actor.role) == (opened.user["id"], Role.STUDENT)
    assert acts() == ["user_created"]


def test_two_names_that_look_the_same_are_the_same() -> None:
    register("Émilie")
    for twin in ("émilie", "E\u0301milie", "ÉMILIE", " Émilie "):
        refusal(Code.CONFLICT, register, twin)
    assert register("Emilie", display_name="Émilie")["username"] == "Emilie"


def test_two_pupils_may_share_a_display_name() -> None:
    assert register("max1", display_name="Max")["display_name"] == register("max2", display_name="Max")["display_name"]


@pytest.mark.parametrize("name", ["", " ", "a b", "a" * 41, "a\0b", "a\nb", "<b>", "a/b", "@ada", "ﷺ" * 40, "🦜"])
def test_a_name_that_cannot_stand_is_invalid(name: str) -> None:
    assert "username" in (refusal(Code.INVALID_PAYLOAD, register, name).fields or {})


def test_a_display_name_is_kept_verbatim() -> None:
    for number, name in enumerate(["<script>alert(1)</script>", "{{7*7}}", "עברית 🦜", '"><img onerror=x>']):
        assert register(f"user{number}", display_name=name)["display_name"] == name


def test_no_invite_code_makes_a_teacher_where_the_school_has_none() -> None:
    refusal(Code.FORBIDDEN, register, "ada", invite_code="guessed-code")
    assert register("ada")["role"] == "student"


@pytest.mark.settings(INVITE_CODE="let-me-teach")
def test_a_valid_invite_code_makes_a_teacher() -> None:
    refusal(Code.FORBIDDEN, register, "ada", invite_code="let-me-teacH")
    assert register("ada", invite_code="let-me-teach")["role"] == "teacher"
    assert register("ben")["role"] == "student"


@pytest.mark.settings(REGISTRATION="invite", INVITE_CODE="let-me-teach")
def test_by_invitation_means_with_the_code_only() -> None:
    refusal(Code.FORBIDDEN, register, "ada")
    refusal(Code.FORBIDDEN, register, "ada", invite_code="wrong-code")
    assert register("ada", invite_code="let-me-teach")["role"] == "teacher"


@pytest.mark.settings(REGISTRATION="closed", INVITE_CODE="let-me-teach")
def test_where_registration_is_closed_the_school_makes_the_accounts() -> None:
    refusal(Code.FORBIDDEN, register, "ada", invite_code="let-me-teach")
    assert accounts.create(OPERATOR, username="ada", password=PASSWORD, role=Role.TEACHER)["role"] == "teacher"


def test_a_new_role_ends_the_sessions_of_the_old_one(school: School, hints: list[Hint]) -> None:
    admin, other = school.admin(), school.student()
    assert accounts.set_role(admin.actor, user_id=other.id, role=Role.TEACHER)["role"] == "teacher"
    assert hints == [SessionsEnded((other.actor.session_id,))]
    refusal(Code.UNAUTHORIZED, sessions.actor_of, other.actor.session_id)
    assert school.sign_in(other.actor.username).actor.role is Role.TEACHER
    assert acts()[-1] == "role_changed"


def test_the_same_role_again_changes_nothing(school: School, hints: list[Hint]) -> None:
    admin, other = school.admin(), school.student()
    accounts.set_role(admin.actor, user_id=other.id, role=Role.STUDENT)
    assert hints == [] and sessions.actor_of(other.actor.session_id) == other.actor and "role_changed" not in acts()


def test_who_is_deactivated_is_out_at_once(school: School, hints: list[Hint]) -> None:
    admin, other = school.admin(), school.student()
    accounts.deactivate(admin.actor, user_id=other.id)
    accounts.deactivate(admin.actor, user_id=other.id)
    assert hints == [SessionsEnded((other.actor.session_id,))]
    refusal(Code.UNAUTHORIZED, sessions.actor_of, other.actor.session_id)
    refusal(Code.UNAUTHORIZED, sessions.login, username=other.actor.username, password=PASSWORD)
    assert acts().count("user_deactivated") == 1


def test_who_was_shut_out_may_be_let_in_again_and_signs_in_anew(school: School) -> None:
    admin, other = school.admin(), school.student()
    accounts.deactivate(admin.actor, user_id=other.id)
    for _ in range(2):
        assert accounts.reactivate(admin.actor, user_id=other.id)["id"] == other.id
    refusal(Code.UNAUTHORIZED, sessions.actor_of, other.actor.session_id)
    assert school.sign_in(other.actor.username).id == other.id
    assert acts().count("user_reactivated") == 1


def test_a_forgotten_password_is_replaced_by_one_that_is_told_once(school: School, hints: list[Hint]) -> None:
    admin, other = school.admin(), school.student()
    user, first = accounts.reset_password(admin.actor, user_id=other.id)
    assert user == other.user and hints == [SessionsEnded((other.actor.session_id,))]
    refusal(Code.UNAUTHORIZED, sessions.login, username=other.actor.username, password=PASSWORD)
    assert school.sign_in(other.actor.username, first).id == other.id
    _, second = accounts.reset_password(admin.actor, user_id=other.id)
    assert second != first and len(second) == 19
    refusal(Code.UNAUTHORIZED, sessions.login, username=other.actor.username, password=first)
    assert acts().count("password_changed") == 2
    refusal(Code.CONFLICT, accounts.reset_password, admin.actor, user_id=admin.id)
    refusal(Code.NOT_FOUND, accounts.reset_password, admin.actor, user_id="nobody")


def test_only_the_administrator_runs_the_school(school: School) -> None:
    admin, teacher, student = school.admin(), school.teacher(), school.student()
    for nobody in (teacher, student):
        refusal(Code.FORBIDDEN, accounts.create, nobody.actor, username="x", password=PASSWORD, role=Role.ADMIN)
        refusal(Code.FORBIDDEN, accounts.set_role, nobody.actor, user_id=nobody.id, role=Role.ADMIN)
        refusal(Code.FORBIDDEN, accounts.set_password, nobody.actor, user_id=admin.id, password=PASSWORD)
        refusal(Code.FORBIDDEN, accounts.reset_password, nobody.actor, user_id=admin.id)
        refusal(Code.FORBIDDEN, accounts.deactivate, nobody.actor, user_id=admin.id)
        refusal(Code.FORBIDDEN, accounts.reactivate, nobody.actor, user_id=admin.id)
        refusal(Code.FORBIDDEN, accounts.list_all, nobody.actor, limit=10)
        refusal(Code.FORBIDDEN, accounts.by_username, nobody.actor, username="x")
    assert accounts.create(admin.actor, username="x", password=PASSWORD, role=Role.ADMIN)["role"] == "admin"
    assert accounts.by_username(admin.actor, username="X")["username"] == "x"
    assert accounts.set_password(admin.actor, user_id=student.id, password="another password")
    refusal(Code.NOT_FOUND, accounts.set_role, admin.actor, user_id="nobody", role=Role.ADMIN)


def test_an_administrator_cannot_lose_the_school_by_accident(school: School) -> None:
    admin, other = school.admin(), school.admin()
    refusal(Code.CONFLICT, accounts.set_role, admin.actor, user_id=admin.id, role=Role.STUDENT)
    refusal(Code.CONFLICT, accounts.deactivate, admin.actor, user_id=admin.id)
    assert accounts.set_role(other.actor, user_id=admin.id, role=Role.STUDENT)["role"] == "student"


def test_everybody_is_listed_page_by_page(school: School) -> None:
    admin = school.admin()
    names = sorted([admin.actor.username, *(school.student().actor.username for _ in range(5))])
    listed, cursor = [], None
    while True:
        page = accounts.list_all(admin.actor, limit=2, cursor=cursor)
        listed += [user["username"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == names


def test_a_new_password_needs_the_current_one_and_ends_the_other_sessions(
    school: School, student: Signed, hints: list[Hint]
) -> None:
    name = student.actor.username
    elsewhere = school.sign_in(name)
    change = accounts.change_profile
    assert "current_password" in (refusal(Code.INVALID_PAYLOAD, change, student.actor, password="a" * 9).fields or {})
    refusal(Code.FORBIDDEN, change, student.actor, password="new password", current_password="wrong")
    refusal(Code.INVALID_PAYLOAD, change, student.actor, password="short", current_password=PASSWORD)
    assert hints == []
    change(student.actor, password="new password", current_password=PASSWORD)
    assert hints == [SessionsEnded((elsewhere.actor.session_id,))]
    assert sessions.actor_of(student.actor.session_id) == student.actor
    refusal(Code.UNAUTHORIZED, sessions.login, username=name, password=PASSWORD)
    assert school.sign_in(name, "new password").id == student.id and "password_changed" in acts()


def test_a_display_name_changes_without_a_password(student: Signed) -> None:
    shown = accounts.change_profile(student.actor, display_name="  Ada  ")
    assert shown["display_name"] == "Ada" == accounts.me(student.actor)["display_name"]
    for empty in ("", "   ", "\u200b", "a" * 81, "two\nlines"):
        refusal(Code.INVALID_PAYLOAD, accounts.change_profile, student.actor, display_name=empty)


def test_the_operator_is_no_account(school: School, student: Signed) -> None:
    refusal(Code.UNAUTHORIZED, sessions.actor_of, OPERATOR.session_id)
    refusal(Code.NOT_FOUND, accounts.me, OPERATOR)
