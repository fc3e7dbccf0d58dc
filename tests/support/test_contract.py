"""A client of the tests notes whatever the contract does not say, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import contract
from tests.support.clients.member import CommandError, Member
from tests.support.clients.wire import CHAT, Answered, Data, Wire
from tests.support.people import Enrolled, Person

ADA = Enrolled("student", 1).user
TYPING = {"room_id": "r", "user": ADA, "typing": True}
REFUSED = {"code": "room_full", "message": "Full.", "retryable": False}
PROBLEM = {"type": "urn:x", "title": "t", "status": 409, "code": "room_full", "detail": "d", "request_id": "i"}


class Scripted(Wire):
    """Answers every command with what it was told to."""

    answer: Data

    def connect(self) -> None:
        self.listener.on_connect()

    def command(self, name: str, data: Data, answered: Answered, namespace: str = CHAT) -> None:
        answered(self.answer)

    def enter(self, room_id: str, resume: Data, answered: Answered) -> None:
        answered(self.answer)

    def reload(self) -> None:
        """Nothing is to be cut."""

    def cut(self) -> None:
        """Nothing is to be cut."""

    def close(self) -> None:
        """Nothing is to be closed."""


def breaches() -> list[str]:
    """Those so far, which this test expects."""
    found, contract.BREACHES[:] = contract.BREACHES[:], []
    return found


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def member(script: Scripted) -> Member:
    return Member(Person("http://nowhere", ADA, "token"), script).connect()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("typing", TYPING | {"mood": "good"}),
        ("typing", TYPING | {"typing": "very"}),
        ("typing", {"room_id": "r", "typing": True}),
        ("typing", TYPING | {"user": ADA | {"password_hash": "x"}}),
        ("room_head", {"room_id": "r", "head": None, "epoch": "e"}),
        ("gossip", {}),
        ("bye", {"code": "bored"}),
        ("typing", []),
    ],
)
def test_an_event_that_is_not_as_promised_is_noted(member: Member, name: str, data: Any) -> None:
    member.on_event("typing", TYPING)
    assert breaches() == []
    member.on_event(name, data)
    (breach,) = breaches()
    assert "student-1" in breach and name in breach


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True, "surprise": 1},
        {"ok": "yes"},
        {},
        {"ok": False},
        {"ok": False, "error": REFUSED, "room": {}},
        {"ok": False, "error": REFUSED | {"stack": "…"}},
        {"ok": False, "error": REFUSED | {"code": "tired"}},
        {"ok": False, "error": REFUSED | {"retryable": True}},
        {"ok": False, "error": {"code": "room_full"}},
    ],
)
def test_an_answer_that_is_not_as_promised_is_noted(member: Member, answer: Data) -> None:
    for good in ({"ok": True}, {"ok": False, "error": REFUSED}, {"ok": False, "error": REFUSED | {"retry_after": 2}}):
        contract.answer(member, "room_leave", good)
        assert breaches() == []
    contract.answer(member, "room_leave", answer)
    assert breaches()


def test_every_command_of_a_client_has_its_answer_looked_at(member: Member, script: Scripted) -> None:
    script.answer = {"ok": True, "surprise": 1}
    member.ask("room_leave", {"room_id": "r"})
    member.send_all_at_once("r", ["one", "two"])
    script.answer = {"ok": False, "error": {"code": "not_found", "retryable": False}}
    with pytest.raises(CommandError):
        member.enter("r")
    assert len(breaches()) == 4


def test_a_problem_that_is_not_as_promised_is_noted() -> None:
    contract.problem("Ada", "GET /", 409, PROBLEM)
    assert breaches() == []
    for status, body in ((409, PROBLEM | {"trace": "…"}), (409, {"status": 409}), (400, PROBLEM), (409, "no")):
        contract.problem("Ada", "GET /", status, body)
        assert breaches()
