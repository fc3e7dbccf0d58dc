"""The tables of commands and events are whole, and their schemas take what is declared and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

from chatapp.contract import answers, inputs, things
from chatapp.contract.commands import COMMANDS, EVENTS
from chatapp.contract.names import CHAT, NAMESPACES, NOTIFICATIONS, Command, Event

ROOM: dict[str, Any] = {"room_id": "abc"}
TEXT = ROOM | {"client_id": "c", "body": "b"}


def each(command: Command, good: dict[str, Any], field: str, *bad: Any) -> list[tuple[Command, dict[str, Any]]]:
    """A good command with one field gone wrong in each of these ways."""
    return [(command, good | {field: value}) for value in bad]


GOOD: dict[Command, list[dict[str, Any]]] = {
    Command.ROOM_ENTER: [ROOM, ROOM | {"after": 0}, ROOM | {"after": 2**53 - 1, "epoch": "e"}, ROOM | {"after": None}],
    Command.ROOM_LEAVE: [ROOM],
    Command.MESSAGE_SEND: [ROOM | {"client_id": "c", "body": "b"}, ROOM | {"client_id": "c", "file_id": "f"}],
    Command.MESSAGES_AFTER: [ROOM | {"after": 0}, ROOM | {"after": 1, "limit": 200}],
    Command.MESSAGES_BEFORE: [ROOM | {"before": 9}, ROOM | {"before": 9, "limit": 1}],
    Command.TYPING: [ROOM | {"typing": True}, ROOM | {"typing": False}],
    Command.JOIN_REQUEST_CREATE: [ROOM, ROOM | {"note": "please"}, ROOM | {"note": None}],
    Command.JOIN_REQUEST_WITHDRAW: [ROOM],
    Command.JOIN_REQUEST_APPROVE: [
        ROOM | {"request_id": "r"},
        ROOM | {"user_id": "u"},
        ROOM | {"request_ids": ["r", "s"]},
        ROOM | {"all": True},
    ],
    Command.JOIN_REQUEST_DENY: [ROOM | {"request_id": "r", "reason": "no"}, ROOM | {"all": True}],
    Command.PARTICIPANT_REMOVE: [ROOM | {"user_id": "u"}, ROOM | {"user_id": "u", "reason": "x", "ban": True}],
    Command.ROOM_CREATE: [{"title": "t"}, {"title": "t", "admission": "open", "host_grace_seconds": 600}],
    Command.ROOM_CLOSE: [ROOM],
    Command.ROOM_REOPEN: [ROOM],
    Command.TOKEN_REFRESH: [{"token": "t"}],
    Command.NOTIFICATIONS_MARK_READ: [{"ids": ["n"]}, {"up_to_seq": 3}],
}

BAD: list[tuple[Command, dict[str, Any]]] = [
    (Command.ROOM_ENTER, {}),
    *each(Command.ROOM_ENTER, ROOM, "after", -1, "1", 2**53, 2**63, 1.0, 1.5, True, [], {}),
    *each(Command.ROOM_ENTER, ROOM, "epoch", 1, [], "e" * 65),
    *each(Command.ROOM_ENTER, ROOM, "room_id", 1, None, [], {}, True, "x" * 201),
    (Command.MESSAGE_SEND, ROOM | {"client_id": "c"}),
    (Command.MESSAGE_SEND, TEXT | {"file_id": "f"}),
    (Command.MESSAGE_SEND, ROOM | {"body": "b"}),
    *each(Command.MESSAGE_SEND, TEXT, "body", None, 1, [], {}, True),
    *each(Command.MESSAGE_SEND, TEXT, "client_id", None, 1, [], {}, True),
    (Command.MESSAGES_AFTER, ROOM),
    (Command.MESSAGES_AFTER, ROOM | {"after": 1, "before": 2}),
    *each(Command.MESSAGES_AFTER, ROOM | {"after": 1}, "limit", 0, 201, "5", 1.5, True, None),
    *each(Command.MESSAGES_BEFORE, ROOM, "before", -1, "1", 2**63, 1.5, None),
    *each(Command.TYPING, ROOM, "typing", None, [], {}, "perhaps"),
    (Command.JOIN_REQUEST_APPROVE, ROOM),
    (Command.JOIN_REQUEST_APPROVE, ROOM | {"request_id": "r", "user_id": "u"}),
    (Command.JOIN_REQUEST_APPROVE, ROOM | {"request_id": "r", "reason": "approved ones need none"}),
    *each(Command.JOIN_REQUEST_APPROVE, ROOM, "all", False, None, "perhaps"),
    *each(Command.JOIN_REQUEST_APPROVE, ROOM, "request_ids", [], ["r"] * 501, "r", [None], [1]),
    (Command.PARTICIPANT_REMOVE, ROOM),
    (Command.ROOM_CREATE, {}),
    *each(Command.ROOM_CREATE, {"title": "t"}, "host_grace_seconds", -1, 601, "60", 1.5, None, True),
    *each(Command.ROOM_CREATE, {"title": "t"}, "admission", "all", None, 1),
    (Command.NOTIFICATIONS_MARK_READ, {}),
    (Command.NOTIFICATIONS_MARK_READ, {"ids": ["n"], "up_to_seq": 3}),
    (Command.NOTIFICATIONS_MARK_READ, {"ids": []}),
    (Command.TOKEN_REFRESH, {"token": 1}),
]


def schemas() -> list[type[Schema]]:
    """Every schema of the contract."""
    found = {**vars(inputs), **vars(things), **vars(answers)}.values()
    return [one for one in found if isinstance(one, type) and issubclass(one, things.Thing)]


def test_every_command_is_in_the_table_under_its_own_name() -> None:
    assert set(COMMANDS) == {command.value for command in Command}
    assert all(spec.name.value == name for name, spec in COMMANDS.items())


def test_every_event_is_in_the_table_under_its_own_name() -> None:
    assert all(spec.name.value == name for name, spec in EVENTS.items())
    assert {event.value for event in Event} - set(EVENTS) <= {Event.WELCOME.value}


def test_commands_and_events_belong_to_namespaces_that_exist() -> None:
    everything = [spec.namespaces for spec in COMMANDS.values()] + [spec.namespaces for spec in EVENTS.values()]
    assert all(namespaces and set(namespaces) <= set(NAMESPACES) for namespaces in everything)
    assert COMMANDS["token_refresh"].namespaces == (CHAT, NOTIFICATIONS)
    assert COMMANDS["notifications_mark_read"].namespaces == (NOTIFICATIONS,)


def test_a_plain_websocket_has_every_chat_command_but_entering_and_leaving() -> None:
    plain = {name for name, spec in COMMANDS.items() if spec.plain}
    assert {name for name, spec in COMMANDS.items() if CHAT in spec.namespaces} - plain == {"room_enter", "room_leave"}
    assert "notifications_mark_read" not in plain


def test_every_event_says_what_it_carries_and_volatile_is_what_may_be_dropped() -> None:
    assert all(spec.schema is not None for spec in EVENTS.values())
    volatile = {name for name, spec in EVENTS.items() if not spec.durable}
    assert volatile == {"room_head", "typing", "presence", "bye"}


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.__name__)
def test_a_field_that_is_not_declared_is_refused(schema: type[Schema]) -> None:
    for unknown in ("zzz", "__proto__", "constructor", ""):
        assert schema().validate({unknown: 1}).get(unknown) == ["Unknown field."]


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.__name__)
def test_nested_things_refuse_what_is_not_declared_too(schema: type[Schema]) -> None:
    for field in schema().fields.values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            assert isinstance(inner.schema, things.Thing)


@pytest.mark.parametrize("command", Command)
def test_a_good_command_is_taken_and_one_with_a_field_too_many_is_not(command: Command) -> None:
    schema = COMMANDS[command].schema
    for payload in GOOD[command]:
        assert schema.load(payload) == payload
        with pytest.raises(ValidationError):
            schema.load(payload | {"more": 1})


@pytest.mark.parametrize(("command", "payload"), BAD, ids=repr)
def test_a_bad_command_is_refused(command: Command, payload: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMMANDS[command].schema.load(payload)


@pytest.mark.parametrize("payload", [None, [], "x", 1, True], ids=repr)
def test_what_is_no_object_is_no_command(payload: Any) -> None:
    for spec in COMMANDS.values():
        with pytest.raises(ValidationError):
            spec.schema.load(payload)
