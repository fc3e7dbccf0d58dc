"""Signing in with a second factor over REST: asked for by a typed refusal, shown once, lost and found."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from chatapp.db import reading
from chatapp.domain import sealed, totp
from chatapp.domain.sealed import Seal
from chatapp.models import RecoveryCode, SecondFactor
from tests.support.school import KEYS, PASSWORD, Api, School, Signed, acts

ME = "/api/users/me/second-factor/"
START = 1_800_000_000.0


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still: a code is good as long as the test wants."""
    with time_machine.travel(START, tick=False) as coordinates:
        yield coordinates


class App:
    """An authenticator app."""

    def __init__(self, secret: str) -> None:
        self.secret = base64.b32decode(secret)

    def code(self, steps: int = 0) -> str:
        return totp.code(self.secret, totp.step_at(time.time()) + steps)


def set_up(api: Api, person: Signed) -> tuple[App, list[str]]:
    """A person's second factor, on; and the recovery codes."""
    made = api.as_(person).post(ME, {"current_password": PASSWORD}).ok(201)
    app = App(made["setup_key"])
    assert made["uri"].startswith("otpauth://totp/") and made["setup_key"] in made["uri"]
    return app, api.as_(person).post(f"{ME}confirm/", {"otp": app.code(-1)}).ok()["recovery_codes"]


def login(api: Api, person: Signed, **more: str) -> Any:
    return api.post("/api/auth/login/", {"username": person.actor.username, "password": PASSWORD, **more})


def test_a_code_is_asked_for_by_a_typed_refusal_and_counts_once(clock: Any, api: Api, teacher: Signed) -> None:
    login(api, teacher).ok()
    app, codes = set_up(api, teacher)
    assert api.as_(teacher).get(ME).ok() == {"enabled": True, "recovery_codes_left": 10}
    assert len(set(codes)) == 10
    asked = login(api, teacher).refused("unauthorized")
    assert asked["errors"] == {"otp": ["Missing."]}
    assert login(api, teacher, otp="000000").refused("unauthorized")["errors"] == {"otp": ["Wrong."]}
    code = app.code()
    assert login(api, teacher, otp=f"{code[:3]} {code[3:]}").ok()["user"] == teacher.user
    assert login(api, teacher, otp=code).refused("unauthorized")["errors"] == {"otp": ["Wrong."]}, "used already"
    login(api, teacher, otp=app.code(-1)).refused("unauthorized")
    clock.shift(30)
    login(api, teacher, otp=app.code()).ok()


def test_a_wrong_password_is_not_told_of_a_second_factor(clock: Any, api: Api, teacher: Signed) -> None:
    app, _ = set_up(api, teacher)
    for more in ({}, {"otp": app.code()}, {"otp": "000000"}):
        wrong = {"username": teacher.actor.username, "password": "wrong-password", **more}
        assert "errors" not in api.post("/api/auth/login/", wrong).refused("unauthorized")


def test_it_counts_only_when_the_app_was_shown_to_work(clock: Any, api: Api, teacher: Signed) -> None:
    made = api.as_(teacher).post(ME, {"current_password": PASSWORD}).ok(201)
    login(api, teacher).ok()
    assert api.as_(teacher).post(f"{ME}confirm/", {"otp": "123456"}).refused("invalid_payload")["errors"]["otp"]
    again = api.as_(teacher).post(ME, {"current_password": PASSWORD}).ok(201)
    assert again["setup_key"] != made["setup_key"]
    api.as_(teacher).post(f"{ME}confirm/", {"otp": App(made["setup_key"]).code()}).refused("invalid_payload")
    api.as_(teacher).post(f"{ME}confirm/", {"otp": App(again["setup_key"]).code()}).ok()
    api.as_(teacher).post(f"{ME}confirm/", {"otp": App(again["setup_key"]).code(1)}).refused("conflict")
    api.as_(teacher).post(ME, {"current_password": PASSWORD}).refused("conflict")


def test_students_have_none_and_a_stolen_session_sets_none_up(
    clock: Any, api: Api, teacher: Signed, student: Signed
) -> None:
    api.as_(student).post(ME, {"current_password": PASSWORD}).refused("forbidden")
    refused = api.as_(teacher).post(ME, {"current_password": "wrong-password"}).refused("forbidden")
    assert refused["errors"] == {"current_password": ["Wrong."]}
    set_up(api, teacher)


def test_turning_it_on_ends_the_other_sessions(clock: Any, api: Api, school: School, teacher: Signed) -> None:
    other = school.sign_in(teacher.actor.username)
    set_up(api, teacher)
    api.as_(other).get("/api/users/me/").refused("unauthorized")
    api.as_(teacher).get("/api/users/me/").ok()


def test_a_recovery_code_signs_in_once(clock: Any, api: Api, teacher: Signed) -> None:
    _, (first, second, *_) = set_up(api, teacher)
    login(api, teacher, otp=first).ok()
    login(api, teacher, otp=first).refused("unauthorized")
    login(api, teacher, otp=second.replace("-", " ").upper()).ok()
    assert api.as_(teacher).get(ME).ok()["recovery_codes_left"] == 8
    assert acts().count("recovery_code_used") == 2


@pytest.mark.settings(LIMIT_LOGIN="100/minute")
def test_guessing_codes_ends_after_ten_and_a_recovery_code_still_works(clock: Any, api: Api, teacher: Signed) -> None:
    app, codes = set_up(api, teacher)
    wrong = "000000" if app.code() != "000000" else "000001"
    for _ in range(10):
        login(api, teacher, otp=wrong).refused("unauthorized")
    clock.shift(30)
    blocked = login(api, teacher, otp=app.code()).refused("rate_limited")
    assert 0 < blocked["retry_after"] <= 3600 and blocked["errors"] == {"otp": ["Blocked."]}
    login(api, teacher, otp=codes[0]).ok()
    login(api, teacher, otp=app.code()).ok()
    assert acts().count("login_failed") == 10


@pytest.mark.settings(LIMIT_LOGIN="100/minute")
def test_the_guesser_may_go_on_after_an_hour_and_no_sooner(clock: Any, api: Api, teacher: Signed) -> None:
    app, _ = set_up(api, teacher)
    wrong = "000000" if app.code() != "000000" else "000001"
    for _ in range(11):
        login(api, teacher, otp=wrong)
    clock.shift(3599)
    login(api, teacher, otp=app.code()).refused("rate_limited")
    clock.shift(2)
    login(api, teacher, otp=app.code()).ok()


def test_it_is_taken_away_with_password_and_code(clock: Any, api: Api, teacher: Signed) -> None:
    app, codes = set_up(api, teacher)
    me = api.as_(teacher)
    me.post(f"{ME}remove/", {"current_password": "wrong-password", "otp": app.code()}).refused("forbidden")
    me.post(f"{ME}remove/", {"current_password": PASSWORD, "otp": "000000"}).refused("forbidden")
    me.post(f"{ME}remove/", {"current_password": PASSWORD, "otp": ""}).refused("forbidden")
    assert me.post(f"{ME}remove/", {"current_password": PASSWORD, "otp": app.code()}).ok(204) == b""
    login(api, teacher).ok()
    me.post(f"{ME}remove/", {"current_password": PASSWORD, "otp": codes[0]}).refused("conflict")
    assert [act for act in acts() if act.startswith("second_factor")] == ["second_factor_on", "second_factor_off"]
    with reading() as session:
        assert not session.scalars(select(RecoveryCode)).all() and not session.scalars(select(SecondFactor)).all()


def test_nothing_stored_makes_or_is_a_code(clock: Any, api: Api, teacher: Signed) -> None:
    app, codes = set_up(api, teacher)
    with reading() as session:
        (row,) = session.scalars(select(SecondFactor)).all()
        hashes = [each.code_hash for each in session.scalars(select(RecoveryCode))]
    assert app.secret not in base64.b64decode(row.sealed_secret) and not set(codes) & set(hashes)


def test_another_secret_key_asks_for_an_administrator_and_recovery_codes_still_work(
    clock: Any, api: Api, teacher: Signed
) -> None:
    app, codes = set_up(api, teacher)
    sealed.use(Seal(KEYS["JWT_SECRET_KEY"]))
    try:
        login(api, teacher, otp=app.code()).refused("forbidden")
        login(api, teacher, otp=codes[0]).ok()
    finally:
        sealed.use(Seal(KEYS["SECRET_KEY"]))
    login(api, teacher, otp=app.code()).ok()
