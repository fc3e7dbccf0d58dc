"""The cookie of the pages: its name and flags, what it is good for, and when it is not any more."""

from __future__ import annotations

import pytest
from flask import Flask

from chatapp.contract.words import Act
from chatapp.domain import accounts, sessions
from chatapp.domain.actor import OPERATOR
from tests.support.school import PASSWORD, School, Signed, acts
from tests.transports.web.conftest import Visitor

HTTPS = {"PUBLIC_URL": "https://chat.school.example", "CORS_ORIGINS": "https://chat.school.example", "DEMO": "false"}
IN_THE_OPEN = {
    "HOST": "0.0.0.0",
    "PUBLIC_URL": "http://10.0.0.7:5000",
    "CORS_ORIGINS": "http://10.0.0.7:5000",
    "DEMO": "false",
}


def cookie_of(visitor: Visitor, person: Signed) -> tuple[str, set[str]]:
    answer = visitor.submit("/sign-in/", username=person.actor.username, password=PASSWORD)
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "-device=" not in each]
    name_and_value, *flags = cookie.split("; ")
    return name_and_value.partition("=")[0], {flag for flag in flags if not flag.startswith("Expires=")}


def test_on_a_loopback_address_the_cookie_needs_no_https(visitor: Visitor, student: Signed) -> None:
    assert cookie_of(visitor, student) == ("chatapp", {"HttpOnly", "Path=/", "SameSite=Lax"})


@pytest.mark.settings(**HTTPS)
def test_over_https_the_cookie_belongs_to_this_host_alone(app: Flask, student: Signed) -> None:
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    name, flags = cookie_of(Visitor(client), student)
    assert (name, flags) == ("__Host-chatapp", {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"})


@pytest.mark.settings(**IN_THE_OPEN)
def test_plain_http_on_a_network_is_told_why_nobody_can_sign_in(visitor: Visitor, student: Signed) -> None:
    for path in ("/", "/register/"):
        page = visitor.see(path)
        assert "Nobody can sign in at this address" in page.text
        assert "form" not in [tag for tag, _ in page.elements]
    with visitor.client.session_transaction() as kept:
        kept["csrf"] = "token"
    form = {"csrf_token": "token", "username": student.actor.username, "password": PASSWORD}
    for path in ("/sign-in/", "/register/"):
        answer = visitor.client.post(path, data=form)
        assert answer.status_code == 403
        assert "Nobody can sign in at this address" in answer.text
    assert visitor.client.post("/session/token/", headers={"X-CSRF-Token": "token"}).status_code == 401


def test_the_api_takes_no_cookie(students: Visitor, student: Signed) -> None:
    assert students.client.get("/api/users/me/").status_code == 401
    assert students.client.get("/api/users/me/", headers=student.bearer).status_code == 200


def test_a_sign_in_starts_a_new_session_of_the_browser(visitor: Visitor, student: Signed) -> None:
    before = visitor.token()
    visitor.sign_in(student)
    assert visitor.token() != before
    answer = visitor.client.post("/sign-out/", data={"csrf_token": before})
    assert answer.status_code == 403


def test_signing_in_as_somebody_else_ends_the_first_sign_in(
    students: Visitor, student: Signed, teacher: Signed
) -> None:
    with students.client.session_transaction() as kept:
        first = kept["sid"]
    students.sign_in(teacher)
    sessions.resolve(student.actor.session_id)  # another device stays signed in
    with pytest.raises(Exception, match="Sign in again"):
        sessions.resolve(first)
    assert teacher.actor.display_name in students.see().text


def test_signing_out_ends_the_session_everywhere(students: Visitor) -> None:
    with students.client.session_transaction() as kept:
        session_id = kept["sid"]
    token = token_of(students)
    assert students.submit("/sign-out/").status_code == 303
    assert "Sign in" in students.see().text
    with pytest.raises(Exception, match="Sign in again"):
        sessions.resolve(session_id)
    answer = students.client.get("/api/users/me/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_session_ended_elsewhere_and_a_user_shut_out_are_signed_out_at_once(
    students: Visitor, teachers: Visitor, student: Signed, teacher: Signed
) -> None:
    assert "Sign out" in students.see().text
    with students.client.session_transaction() as kept:
        sessions.end(student.actor, session_id=kept["sid"])
    assert "Sign out" not in students.see().text
    assert "Sign out" in teachers.see().text
    accounts.deactivate(OPERATOR, user_id=teacher.id)
    assert "Sign out" not in teachers.see().text


def test_a_cookie_that_was_changed_is_nobodys(students: Visitor) -> None:
    cookie = students.client.get_cookie("chatapp")
    assert cookie is not None
    payload, moment, signature = cookie.value.rsplit(".", 2)
    for forged in (f"{payload}.{moment}.{signature[:-2]}AA", f"{payload[:-4]}AAAA.{moment}.{signature}", "nonsense"):
        students.client.set_cookie("chatapp", forged)
        assert "Sign out" not in students.see().text
    students.client.set_cookie("chatapp", cookie.value)
    assert "Sign out" in students.see().text


def test_the_page_gets_a_token_for_rest_and_sockets(students: Visitor, student: Signed) -> None:
    answer = students.client.post("/session/token/", headers={"X-CSRF-Token": students.token()})
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"access_token", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    me = students.client.get("/api/users/me/", headers={"Authorization": f"Bearer {answer.get_json()['access_token']}"})
    assert me.get_json()["id"] == student.id


def test_no_token_without_a_sign_in(visitor: Visitor, students: Visitor) -> None:
    refused = visitor.client.post("/session/token/", headers={"X-CSRF-Token": visitor.token()})
    assert refused.status_code == 401
    assert refused.get_json()["code"] == "unauthorized"
    assert students.client.get("/session/token/").status_code == 405


@pytest.mark.settings(LIMIT_LOGIN="3/minute")
def test_guessing_on_the_page_is_limited_and_on_record_together_with_the_api(
    visitor: Visitor, school: School, student: Signed
) -> None:
    name = student.actor.username
    for _ in range(2):
        answer = visitor.submit("/sign-in/", username=name, password="a wrong guess")
        assert answer.status_code == 401
        assert "Wrong username or password." in answer.text
    school.api.post("/api/auth/login/", {"username": name, "password": "a wrong guess"}).refused("unauthorized")
    answer = visitor.submit("/sign-in/", username=name, password=PASSWORD)
    assert answer.status_code == 429
    assert "Try again in" in answer.text
    assert acts().count(Act.LOGIN_FAILED) == 3


def token_of(visitor: Visitor) -> str:
    answer = visitor.client.post("/session/token/", headers={"X-CSRF-Token": visitor.token()})
    return str(answer.get_json()["access_token"])
