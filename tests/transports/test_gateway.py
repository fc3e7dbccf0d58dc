"""A command's way, step by step: limit, validate, authorise, operate, acknowledge; and what each refusal looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from chatapp.contract.commands import COMMANDS
from chatapp.contract.errors import Code, Refused
from chatapp.contract.names import CHAT, NOTIFICATIONS
from chatapp.contract.words import Role
from chatapp.domain import sessions
from chatapp.domain.actor import Actor
from chatapp.domain.messages import Sent
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.errands import Errands
from chatapp.realtime.hub import Hub
from chatapp.transports.entrance import Entrance
from chatapp.transports.gateway import Gateway
from chatapp.transports.operations import Call, Operations
from tests.realtime.doubles import Clock, Ears

ROOM = "r" * 20
ACTOR = Actor("ada", "session-ada", Role.STUDENT, "ada", "Ada")
SEND = {"room_id": ROOM, "client_id": "c1", "body": "hello"}

Reply = Callable[[Sent | Refused], None]


class Steps:
    """What stands around a gateway; `taken` says which steps were reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, burst: int = 100) -> None:
        self.taken: list[str] = []
        self.clock = Clock()
        self.ears = Ears("ada")
        self.replies: list[Reply] = []
        self.fault: Exception | None = None
        self.result: dict[str, Any] | None = {"n": 1}
        self.buckets = Buckets(1, burst, self.clock)
        self.gateway = Gateway(self, self, self.buckets, self.refresh)  # type: ignore[arg-type]
        monkeypatch.setattr(sessions, "actor_of", self.actor_of)

    @property
    def table(self) -> dict[str, Callable[..., dict[str, Any] | None]]:
        return dict.fromkeys(COMMANDS, self.operate)

    def operate(self, call: Call, **fields: Any) -> dict[str, Any] | None:
        self.taken.append("operate")
        assert call.actor is ACTOR
        if self.fault is not None:
            raise self.fault
        if self.result is None:
            call.connection.send(call.wrap({"ok": True, "own": True}))
        return self.result

    def actor_of(self, session_id: str) -> Actor:
        self.taken.append("authorise")
        if session_id != "session-ada":
            raise sessions.unauthorized()
        return ACTOR

    def submit(self, sender: Ears, reply: Reply, **fields: Any) -> None:
        self.taken.append("send")
        assert sender is self.ears
        if self.fault is not None:
            raise self.fault
        self.replies.append(reply)

    def refresh(self, connection: Ears, token: str) -> dict[str, Any]:
        self.taken.append("refresh")
        if self.fault is not None:
            raise self.fault
        return {"expires_at": 5.0}

    def ask(self, name: str, data: dict[str, Any], ref: int | str | None = 7, namespace: str = CHAT) -> Any:
        """The answer, None where there was none."""
        before = len(self.ears.heard)
        self.gateway.dispatch(self.ears, namespace, name, data, ref)
        answers = self.ears.heard[before:]
        assert len(answers) <= 1
        return answers[0][1] if answers else None


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def code(answered: Any) -> str:
    assert answered["ok"] is False
    return str(answered["error"]["code"])


# In order


def test_a_command_is_authorised_carried_out_and_acknowledged(steps: Steps) -> None:
    assert steps.ask("room_close", {"room_id": ROOM}) == {"ref": 7, "ok": True, "n": 1}
    assert steps.taken == ["authorise", "operate"]


def test_without_a_ref_it_is_carried_out_and_nothing_is_said(steps: Steps) -> None:
    assert steps.ask("room_close", {"room_id": ROOM}, None) is None
    assert steps.taken == ["authorise", "operate"]
    steps.fault = Refused(Code.FORBIDDEN)
    assert steps.ask("room_close", {"room_id": ROOM}, None) is None
    assert steps.ask("room_close", {}, None) is None
    assert steps.ears.byes == []


def test_an_operation_that_answers_itself_is_not_answered_for(steps: Steps) -> None:
    steps.result = None
    assert steps.ask("room_enter", {"room_id": ROOM}) == {"ref": 7, "ok": True, "own": True}
    assert steps.ask("room_enter", {"room_id": ROOM}, None) is None


def test_past_the_limit_nothing_else_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, burst=1)
    steps.ask("room_close", {"room_id": ROOM})
    steps.taken.clear()
    for name, data in (("room_close", {"room_id": ROOM}), ("room_close", {}), ("nope", {}), ("message_send", SEND)):
        refused = steps.ask(name, data)
        assert code(refused) == "rate_limited"
        assert refused["error"]["retryable"] is True
        assert refused["error"]["retry_after"] == 1.0
    assert steps.taken == []
    steps.clock.advance(1)
    assert steps.ask("room_close", {"room_id": ROOM})["ok"]


def test_the_limit_is_a_connections_own_and_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, burst=1)
    steps.ask("room_close", {"room_id": ROOM})
    other = Ears("ada")
    steps.gateway.dispatch(other, CHAT, "room_close", {"room_id": ROOM}, 1)
    assert other.heard[0][1]["ok"]
    for ears in (steps.ears, other):
        steps.gateway.gone(ears)
    assert steps.buckets._levels == {}


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("nope", CHAT), ("connect", CHAT), ("message_send", NOTIFICATIONS), ("notifications_mark_read", CHAT)],
)
def test_what_this_namespace_does_not_know_is_an_unknown_command(steps: Steps, name: str, namespace: str) -> None:
    assert code(steps.ask(name, {}, namespace=namespace)) == "unknown_command"
    assert steps.taken == []


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("room_close", {}, "room_id"),
        ("room_close", {"room_id": 5}, "room_id"),
        ("room_close", {"room_id": None}, "room_id"),
        ("room_close", {"room_id": ROOM, "more": 1}, "more"),
        ("room_enter", {"room_id": ROOM, "after": -1}, "after"),
        ("room_enter", {"room_id": ROOM, "after": "1"}, "after"),
        ("room_enter", {"room_id": ROOM, "after": 1.5}, "after"),
        ("room_enter", {"room_id": ROOM, "after": True}, "after"),
        ("room_enter", {"room_id": ROOM, "after": 2**63}, "after"),
        ("messages_after", {"room_id": ROOM, "after": 1, "before": 2}, "before"),
        ("messages_after", {"room_id": ROOM, "after": 1, "limit": 201}, "limit"),
        ("message_send", {"room_id": ROOM, "client_id": "c1"}, "body"),
        ("message_send", SEND | {"file_id": "f"}, "body"),
        ("message_send", SEND | {"client_id": {}}, "client_id"),
        ("join_request_approve", {"room_id": ROOM}, "request_id"),
        ("join_request_approve", {"room_id": ROOM, "request_ids": [1]}, "request_ids"),
        ("typing", {"room_id": ROOM, "typing": "perhaps"}, "typing"),
        ("room_close", {"room_id": ROOM, "__proto__": {}}, "__proto__"),
    ],
)
def test_what_is_wrong_in_which_field_is_said_before_anybody_is_asked(
    steps: Steps, name: str, data: dict[str, Any], field: str
) -> None:
    refused = steps.ask(name, data)
    assert code(refused) == "invalid_payload"
    assert list(refused["error"]["fields"]) == [field]
    assert all(isinstance(text, str) and text for text in refused["error"]["fields"][field])
    assert refused["error"]["retryable"] is False
    assert steps.taken == []


def test_authority_is_asked_for_at_every_command(steps: Steps) -> None:
    for _ in range(3):
        steps.ask("room_close", {"room_id": ROOM})
    assert steps.taken.count("authorise") == 3
    steps.ears.session_id = "ended"
    steps.taken.clear()
    assert code(steps.ask("room_close", {"room_id": ROOM})) == "unauthorized"
    assert steps.taken == ["authorise"]


# Refusals


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refused(Code.FORBIDDEN), {"code": "forbidden", "message": "Not allowed", "retryable": False}),
        (
            Refused(Code.UNAVAILABLE, "Soon.", retry_after=1.23456),
            {"code": "unavailable", "message": "Soon.", "retryable": True, "retry_after": 1.235},
        ),
        (
            Refused(Code.NOT_PENDING, data={"decided_by": None}),
            {"code": "not_pending", "message": "Already decided", "retryable": False, "decided_by": None},
        ),
    ],
)
def test_a_refusal_of_the_domain_is_answered_as_the_contract_shows_it(
    steps: Steps, fault: Refused, error: dict[str, Any]
) -> None:
    steps.fault = fault
    assert steps.ask("room_close", {"room_id": ROOM}) == {"ref": 7, "ok": False, "error": error}


@pytest.mark.parametrize("name", ["room_close", "message_send"])
def test_an_internal_fault_is_logged_and_none_of_it_is_told(steps: Steps, name: str) -> None:
    steps.fault = RuntimeError("secret of the house")
    with capture_logs() as logs:
        refused = steps.ask(name, SEND if name == "message_send" else {"room_id": ROOM})
    assert refused == {
        "ref": 7,
        "ok": False,
        "error": {"code": "internal", "message": "Internal error", "retryable": True},
    }
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["command_failed"]


def test_a_database_that_is_away_is_unavailable_not_a_fault_of_ours(steps: Steps) -> None:
    steps.fault = OperationalError("SELECT", {}, Exception("secret of the house"))
    with capture_logs():
        refused = steps.ask("room_close", {"room_id": ROOM})
    assert code(refused) == "unavailable"
    assert refused["error"]["retry_after"]
    assert "secret" not in str(refused)


# Sending


def test_a_send_is_answered_when_its_outcome_is_known(steps: Steps) -> None:
    assert steps.ask("message_send", SEND) is None
    assert steps.taken == ["send"]
    (reply,) = steps.replies
    reply(Sent(5, b'{"seq":5}', duplicate=False))
    reply(Sent(5, b'{"seq":5}', duplicate=True))
    reply(Refused(Code.ROOM_CLOSED))
    answers = [data for _, data in steps.ears.heard]
    assert answers[:2] == [
        {"ref": 7, "ok": True, "message": {"seq": 5}, "duplicate": False},
        {"ref": 7, "ok": True, "message": {"seq": 5}, "duplicate": True},
    ]
    assert code(answers[2]) == "room_closed"


def test_a_send_without_a_ref_is_never_answered(steps: Steps) -> None:
    steps.ask("message_send", SEND, None)
    (reply,) = steps.replies
    reply(Sent(5, b"{}", duplicate=False))
    reply(Refused(Code.ROOM_CLOSED))
    assert steps.ears.heard == []


def test_a_send_that_is_not_even_taken_is_refused_at_once(steps: Steps) -> None:
    steps.fault = Refused(Code.UNAVAILABLE, retry_after=1)
    assert code(steps.ask("message_send", SEND)) == "unavailable"


# New tokens


@pytest.mark.parametrize("namespace", [CHAT, NOTIFICATIONS])
def test_a_new_token_is_put_under_the_connection_on_either_namespace(steps: Steps, namespace: str) -> None:
    assert steps.ask("token_refresh", {"token": "t"}, namespace=namespace) == {"ref": 7, "ok": True, "expires_at": 5.0}
    assert steps.taken == ["refresh"]


def test_a_bad_token_is_refused_and_the_connection_stays(steps: Steps) -> None:
    steps.fault = sessions.unauthorized()
    assert code(steps.ask("token_refresh", {"token": "t"})) == "unauthorized"
    assert steps.ears.byes == []


def test_a_token_of_somebody_else_closes_the_connection(steps: Steps) -> None:
    steps.fault = PermissionError()
    assert steps.ask("token_refresh", {"token": "t"}) is None
    assert steps.ears.byes == ["bad_packet"]


def test_every_command_of_the_contract_has_an_operation_or_a_way_of_its_own(steps: Steps) -> None:
    hub = Hub(Errands())
    entrance, buckets = Entrance(hub, lambda: "w"), steps.buckets
    operations = Operations(hub, entrance, lambda hints: None, typing=buckets, history=buckets)
    assert {*operations.table, "message_send", "token_refresh"} == set(COMMANDS)
