"""How passwords are judged and hashed: off the loop, a few at a time, and at one price for everybody."""

import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher

from chatapp.contract.errors import Code, Refused
from chatapp.domain import common_passwords, passwords
from chatapp.domain.passwords import Passwords, acceptable
from tests.support.school import CHEAP


@pytest.mark.parametrize("password", ["12345678 is short", "ä" * 8, "p" * 256, "with spaces in it", "🦜🦜🦜🦜🦜🦜🦜🦜"])
def test_length_is_what_counts(password: str) -> None:
    assert acceptable(password, username="ada") == password


@pytest.mark.parametrize(
    ("password", "username"),
    [("1234567", "ada"), ("", "ada"), ("p" * 257, "ada"), ("AdaLovelace", "adalovelace"),
     ("ａｄａｌｏｖｅｌａｃｅ", "adalovelace"),
     ("with\0null byte", "ada"), ("line\nbreak", "ada"), ("\ud800" * 9, "ada")],
)  # fmt: skip
def test_a_password_that_cannot_stand_is_invalid(password: str, username: str) -> None:
    with pytest.raises(Refused) as caught:
        acceptable(password, username=username)
    assert caught.value.code is Code.INVALID_PAYLOAD


def test_a_password_matches_its_own_hash_only() -> None:
    pool = Passwords(CHEAP)
    stored = pool.hash("correct horse")
    assert stored.startswith("$argon2id$") and pool.matches(stored, "correct horse")
    assert not pool.matches(stored, "correct horse ")
    assert not pool.matches("no hash at all", "correct horse")


def test_a_password_matches_from_a_keyboard_that_composes_letters_otherwise() -> None:
    pool = Passwords(CHEAP)
    assert pool.matches(pool.hash("Universit\u00e4t"), "Universita\u0308t")


def test_nobody_costs_what_somebody_costs() -> None:
    calls: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            calls.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    pool = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not pool.matches(pool.hash("somebody's"), "another")
    assert not pool.matches(None, "another")
    assert not pool.matches(None, "p" * 1_000_000)
    assert len(calls) == 3 and len(set(calls)) == 1, "each attempt verifies one hash of the same parameters"


def test_no_password_matches_nobody() -> None:
    pool = Passwords(CHEAP)
    assert not pool.matches(None, "") and not pool.matches(None, "anything")


def test_a_hash_of_weaker_parameters_is_outdated() -> None:
    weak, strong = Passwords(CHEAP), Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert strong.is_outdated(weak.hash("correct horse")) and not weak.is_outdated(weak.hash("correct horse"))


def test_hashing_runs_where_it_is_told_to() -> None:
    ran_in: list[str] = []

    def elsewhere(function: Callable[..., Any], *args: Any) -> Any:
        answer: list[Any] = []
        thread = threading.Thread(target=lambda: answer.append(function(*args)), name="elsewhere")
        thread.start()
        thread.join()
        ran_in.append(thread.name)
        return answer[0]

    pool = Passwords(CHEAP, run=elsewhere)
    assert pool.matches(pool.hash("correct horse"), "correct horse") and ran_in == ["elsewhere", "elsewhere"]


def test_a_flood_of_sign_ins_waits_in_turn_and_then_hears_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT_SECONDS", 0.05)
    entered, leave = threading.Event(), threading.Event()

    def slow(function: Callable[..., Any], *args: Any) -> Any:
        entered.set()
        assert leave.wait(10)
        return function(*args)

    pool = Passwords(CHEAP, run=slow, slots=1)
    first = threading.Thread(target=pool.hash, args=("correct horse",))
    first.start()
    try:
        assert entered.wait(10)
        with pytest.raises(Refused) as caught:
            pool.hash("correct horse")
        assert caught.value.code is Code.UNAVAILABLE and caught.value.retry_after
    finally:
        leave.set()
        first.join()
    assert pool.hash("correct horse"), "the place is free again"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord1",
        "12345678",
        "qwertyuiop",
        "Iloveyou",
        "ｐａｓｓｗｏｒｄ",
        "sunshine1",
        "Teacher2026!",
        "schule-2026",
        "__ChatApp__123",
    ],
)
def test_what_thieves_try_first_is_no_password(password: str) -> None:
    with pytest.raises(Refused) as caught:
        passwords.acceptable(password, username="ada")
    assert caught.value.fields == {"password": ["Not one of the passwords that everybody tries."]}
    assert passwords.acceptable(f"{password} of ada", username="ada")


def test_the_list_of_common_passwords_is_the_one_that_its_source_names() -> None:
    source = json.loads(common_passwords.FILE.with_name("source.json").read_text())
    assert hashlib.sha256(common_passwords.FILE.read_bytes()).hexdigest() == source["sha256"]
    assert source["licence"] == "BSD-3-Clause"
    assert "Redistribution and use" in common_passwords.FILE.with_name("LICENSE").read_text()
