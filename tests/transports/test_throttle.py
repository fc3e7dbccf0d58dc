"""Guessing is slowed down by account and by address; and neither an account's owner nor a school that shares an address
is shut out by who guesses."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from chatapp.domain import accounts
from chatapp.domain.actor import OPERATOR
from tests.support.school import PASSWORD, Api, Signed
from tests.transports.web.conftest import Visitor

SCHOOL = {"REMOTE_ADDR": "192.0.2.7"}
HOME = {"REMOTE_ADDR": "198.51.100.9"}
WRONG = "not the password"


def login(api: Api, person: Signed, password: str = PASSWORD, at: dict[str, str] = SCHOOL) -> Any:
    body = {"username": person.actor.username, "password": password}
    return api.post("/api/auth/login/", body, environ_base=at)


def sign_in(visitor: Visitor, person: Signed, password: str = PASSWORD, at: dict[str, str] = SCHOOL) -> int:
    form = {"csrf_token": visitor.token(), "username": person.actor.username, "password": password}
    return visitor.client.post("/sign-in/", data=form, environ_base=at).status_code


def guess_everywhere(api: Api, times: int, at: dict[str, str] = SCHOOL) -> list[int]:
    """Somebody sprays one password over many names."""
    body = [{"username": f"somebody{number}", "password": WRONG} for number in range(times)]
    return [api.post("/api/auth/login/", each, environ_base=at).status for each in body]


@pytest.mark.settings(LIMIT_LOGIN_ADDRESS="5/minute")
def test_a_guesser_inside_the_school_does_not_lock_the_school_out(app: Flask, api: Api, teacher: Signed) -> None:
    browser, stranger = Visitor(app.test_client()), Visitor(app.test_client())
    assert sign_in(browser, teacher) == 303
    browser.submit("/sign-out/")
    assert guess_everywhere(api, 7) == [401] * 5 + [429] * 2
    refused = login(api, teacher).refused("rate_limited")
    assert 0 < refused["retry_after"] <= 60, "an unknown device waits"
    assert sign_in(stranger, teacher) == 429
    assert sign_in(browser, teacher) == 303, "a known one does not"
    login(api, teacher, at=HOME).ok()


@pytest.mark.settings(LIMIT_LOGIN_ADDRESS="5/minute")
def test_a_whole_school_that_signs_in_at_eight_is_no_flood(api: Api, teacher: Signed, student: Signed) -> None:
    for _ in range(5):
        login(api, teacher).ok()
        login(api, student).ok()
    assert guess_everywhere(api, 6) == [401] * 5 + [429]


@pytest.mark.settings(LIMIT_LOGIN_ACCOUNT="4/hour")
def test_guessing_from_many_addresses_ends_and_the_owner_still_gets_in(app: Flask, api: Api, teacher: Signed) -> None:
    browser = Visitor(app.test_client())
    assert sign_in(browser, teacher, at=HOME) == 303
    tried = [login(api, teacher, WRONG, {"REMOTE_ADDR": f"203.0.113.{number}"}).status for number in range(6)]
    assert tried == [401] * 4 + [429] * 2
    login(api, teacher, at={"REMOTE_ADDR": "203.0.113.200"}).refused("rate_limited")
    browser.submit("/sign-out/")
    assert sign_in(browser, teacher, at=HOME) == 303


@pytest.mark.settings(LIMIT_LOGIN_ACCOUNT="2/hour", LIMIT_LOGIN="5/minute")
def test_a_known_device_guesses_no_faster_than_any_other(
    app: Flask, api: Api, teacher: Signed, student: Signed
) -> None:
    browser = Visitor(app.test_client())
    assert sign_in(browser, teacher) == 303
    browser.submit("/sign-out/")
    assert [sign_in(browser, teacher, WRONG) for _ in range(5)] == [401] * 4 + [429]
    assert [sign_in(browser, student, WRONG) for _ in range(3)] == [401] * 2 + [429], "known as somebody else"


@pytest.mark.settings(LIMIT_LOGIN_ACCOUNT="2/hour")
def test_an_app_that_was_let_in_before_is_let_in_while_others_guess(api: Api, teacher: Signed, student: Signed) -> None:
    def sign_in_again(who: Signed, kept: str, password: str = PASSWORD) -> Any:
        body = {"username": who.actor.username, "password": password, "device_token": kept}
        return api.post("/api/auth/login/", body, environ_base=HOME)

    kept = login(api, teacher, at=HOME).ok()["device_token"]
    others = sign_in_again(student, kept).ok()["device_token"]
    for number in range(3):
        for person in (teacher, student):
            login(api, person, WRONG, {"REMOTE_ADDR": f"203.0.113.{number}"})
    login(api, teacher, at=HOME).refused("rate_limited")
    for bad in ("", "x", kept[::-1], student.tokens["refresh_token"]):
        sign_in_again(teacher, bad).refused("rate_limited")
    sign_in_again(student, kept).refused("rate_limited")
    sign_in_again(teacher, kept, WRONG).refused("unauthorized")
    for each in (kept, others):
        sign_in_again(teacher, each).ok()
    sign_in_again(student, others).ok()
    assert api.post("/api/auth/refresh/", {"refresh_token": kept}).refused("unauthorized")
    accounts.set_password(OPERATOR, user_id=teacher.id, password="quite another password")
    sign_in_again(teacher, kept, "quite another password").refused("rate_limited")


@pytest.mark.settings(LIMIT_LOGIN_ACCOUNT="1/hour")
def test_a_new_password_makes_every_device_unknown(app: Flask, api: Api, teacher: Signed) -> None:
    browser = Visitor(app.test_client())
    assert sign_in(browser, teacher) == 303
    accounts.set_password(OPERATOR, user_id=teacher.id, password="quite another password")
    login(api, teacher, WRONG).refused("unauthorized")
    assert sign_in(browser, teacher, "quite another password") == 429


@pytest.mark.settings(LIMIT_LOGIN_ACCOUNT="1/hour")
def test_a_mark_that_was_made_up_is_no_mark(app: Flask, api: Api, teacher: Signed) -> None:
    login(api, teacher, WRONG).refused("unauthorized")
    for value in ("", "x", "W10.aaaa.bbbb", "a" * 3000):
        browser = Visitor(app.test_client())
        browser.client.set_cookie("chatapp-device", value)
        assert sign_in(browser, teacher) == 429


@pytest.mark.settings(
    PUBLIC_URL="https://chat.school.example", CORS_ORIGINS="https://chat.school.example", DEMO="false"
)
def test_over_https_the_mark_belongs_to_this_host_alone(app: Flask, teacher: Signed) -> None:
    client = app.test_client()
    base = "https://chat.school.example"
    page = client.get("/", base_url=base).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "username": teacher.actor.username, "password": PASSWORD}
    answer = client.post("/sign-in/", data=form, base_url=base, headers={"Sec-Fetch-Site": "same-origin"})
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "device" in each]
    assert cookie.startswith("__Host-chatapp-device=")
    assert all(flag in cookie for flag in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"))
