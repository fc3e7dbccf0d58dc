"""The second step on pages: set up under Me, asked for after the password, taken away by its owner or the school."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask

from chatapp.domain import accounts, totp
from chatapp.domain.actor import OPERATOR
from tests.support.school import PASSWORD, School, Signed, acts
from tests.transports.web.conftest import Visitor

NOT_RIGHT = "This code is not right, or was used before."
CODE = re.compile(r"<code>((?:[a-z2-9]{6}-){3}[a-z2-9]{6})</code>")
KEY = re.compile(r'<code class="school-password" id="key">([A-Z2-7]{32})</code>')


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(1_800_000_000.0, tick=False) as coordinates:
        yield coordinates


def code(secret: bytes) -> str:
    return totp.code(secret, totp.step_at(time.time()))


def turn_on(browser: Visitor) -> tuple[bytes, list[str]]:
    """As a teacher does it, looking at the pages."""
    answer = browser.submit("/me/second-step/", on="/me/", current_password=PASSWORD)
    assert answer.status_code == 200 and "<svg" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    key = KEY.search(answer.text)
    assert key is not None
    secret = base64.b32decode(key[1])
    wrong = browser.submit("/me/second-step/confirm/", on="/me/", otp="abc")
    assert wrong.status_code == 400 and NOT_RIGHT in wrong.text and key[1] not in wrong.text
    done = browser.submit("/me/second-step/confirm/", on="/me/", otp=code(secret))
    assert done.status_code == 200
    return secret, CODE.findall(done.text)


def test_a_teacher_turns_it_on_and_is_asked_for_a_code(
    app: Flask, teacher: Signed, teachers: Visitor, clock: time_machine.Traveller
) -> None:
    secret, codes = turn_on(teachers)
    assert len(codes) == 10
    assert "10 recovery codes" in teachers.see("/me/").text
    other = Visitor(app.test_client())
    asked = other.submit("/sign-in/", username=teacher.actor.username, password=PASSWORD, next="/me/")
    assert asked.status_code == 200 and 'autocomplete="one-time-code"' in asked.text
    assert "Sign in" in other.see("/").text, "halfway is not in"
    assert other.client.get("/me/").status_code == 303
    wrong = other.submit("/sign-in/code/", otp="000000", next="/me/")
    assert wrong.status_code == 401 and NOT_RIGHT in wrong.text
    clock.shift(30)
    answer = other.submit("/sign-in/code/", otp=code(secret), next="/me/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/")
    assert other.client.get("/me/").status_code == 200


def test_a_code_without_the_password_before_it_opens_nothing(
    app: Flask, teacher: Signed, teachers: Visitor, clock: time_machine.Traveller
) -> None:
    secret, codes = turn_on(teachers)
    stranger = Visitor(app.test_client())
    assert stranger.submit("/sign-in/code/", otp=codes[0]).headers["Location"] == "/"
    stranger.submit("/sign-in/", username=teacher.actor.username, password=PASSWORD)
    clock.shift(301)
    assert stranger.submit("/sign-in/code/", otp=codes[0]).headers["Location"] == "/", "too late"
    assert stranger.client.get("/me/").status_code == 303
    stranger.submit("/sign-in/", username=teacher.actor.username, password=PASSWORD)
    accounts.set_password(OPERATOR, user_id=teacher.id, password="another password")
    assert stranger.submit("/sign-in/code/", otp=code(secret)).status_code == 401, "the password is another one by now"
    assert stranger.client.get("/me/").status_code == 303


def test_it_is_turned_off_with_password_and_code(
    teachers: Visitor, teacher: Signed, clock: time_machine.Traveller
) -> None:
    secret, _ = turn_on(teachers)
    clock.shift(30)
    refused = teachers.submit("/me/second-step/remove/", on="/me/", current_password="wrong", otp=code(secret))
    assert refused.status_code == 403 and "Wrong." in refused.text
    done = teachers.submit("/me/second-step/remove/", on="/me/", current_password=PASSWORD, otp=code(secret))
    assert done.status_code == 303
    assert teachers.submit("/sign-in/", username=teacher.actor.username, password=PASSWORD).status_code == 303


def test_students_are_not_offered_it(students: Visitor) -> None:
    assert "second-step" not in students.see("/me/").html
    assert students.submit("/me/second-step/", on="/me/", current_password=PASSWORD).status_code == 403


def test_a_stolen_page_session_does_not_guess_the_password_here(teachers: Visitor) -> None:
    statuses = [teachers.submit("/me/second-step/", on="/me/", current_password="guess").status_code for _ in range(11)]
    assert statuses[-1] == 429 and 403 in statuses


def test_the_school_takes_it_away_from_who_lost_the_phone(
    app: Flask, school: School, teacher: Signed, teachers: Visitor
) -> None:
    admin = school.admin()
    heads = Visitor(app.test_client()).sign_in(admin)
    person = f"/school/users/{teacher.id}/"
    assert "second-step" not in heads.see(person).html
    turn_on(teachers)
    assert "second-step" in heads.see(person).html
    assert heads.submit(f"{person}second-step/", on=person).status_code == 303
    assert teachers.client.get("/me/").status_code == 303, "signed out"
    Visitor(app.test_client()).sign_in(teacher)
    assert acts().count("second_factor_reset") == 1
    own = f"/school/users/{admin.id}/"
    assert heads.submit(f"{own}second-step/", on=own).status_code == 409
