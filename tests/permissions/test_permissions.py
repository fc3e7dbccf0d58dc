"""docs/permissions.md holds, cell by cell; and the table itself keeps the contract's rules about who is told what."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from chatapp.contract.commands import COMMANDS
from tests.permissions import table
from tests.permissions.operations import OPERATIONS, PUBLIC, Operation, outcomes
from tests.permissions.world import Relation, Status, World

PROMISED = table.read()

OUTSIDE = (Relation.STRANGER, Relation.PENDING, Relation.DENIED, Relation.REMOVED, Relation.BANNED)
NOT_IN = (*OUTSIDE, Relation.TEACHER, Relation.ADMIN)
OF_EVERYBODY = ("GET /api/chat/<room>/", "join/", "leave/", "GET /rooms/<room>/", "ask/", "withdraw/")
"""What is about a room, and still not inside it."""

HOSTS = (
    "PATCH /api/chat/<room>/", "POST /api/chat/<room>/code/", "GET /api/chat/<room>/requests/",
    "POST /api/chat/<room>/approve/", "POST /api/chat/<room>/deny/", "POST /api/chat/<room>/remove/",
    "GET /api/chat/<room>/bans/", "POST /api/chat/<room>/unban/", "POST /api/chat/<room>/close/",
    "POST /api/chat/<room>/reopen/", "join_request_approve", "join_request_deny", "participant_remove", "room_close",
    "room_reopen",
)  # fmt: skip
INSIDE = (
    "GET /api/chat/<room>/participants/", "GET /api/chat/<room>/messages/", "POST /api/chat/<room>/messages/",
    "GET /api/chat/<room>/files/", "GET /api/files/<file>/", "GET /api/files/<file>/thumbnail/",
    "GET /files/<file>/", "GET /files/<file>/thumbnail/",
    "room_enter", "room_leave", "message_send", "messages_after", "messages_before", "typing",
)  # fmt: skip
SENDS = ("POST /api/chat/<room>/messages/", "POST /api/chat/<room>/files/", "message_send")
TEACHERS_ONLY = ("POST /api/chat/create/", "room_create", "POST /rooms/")
CELLS = [(name, status, relation) for name, status in PROMISED for relation in Relation]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_everybody_gets_what_the_table_says(
    world_of: Callable[[Status], World], operation: Operation, status: Status
) -> None:
    assert outcomes(world_of(status), operation) == PROMISED[operation.name, status]


def test_the_table_has_every_endpoint_and_command(app: Flask) -> None:
    """A new one needs a row: add it to operations.py, then scripts/write_permissions.py."""
    named = {operation.name for operation in OPERATIONS}
    assert {key[0] for key in PROMISED} == named
    assert {name for name in COMMANDS if name not in named} == set()
    rules = {
        f"{method} {_plain(str(rule.rule))}".rstrip("/")
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == {
        name.rstrip("/") for name in named | PUBLIC if name.partition(" ")[0] in ("GET", "POST", "PATCH", "DELETE")
    }


def _plain(rule: str) -> str:
    rule = re.sub(r"^/(static|assets|texts)/.*", r"/\1/<file>", rule)
    for name, ours in {
        "room_id": "room",
        "join_code": "code",
        "session_id": "session",
        "user_id": "user",
        "file_id": "file",
        "webhook_id": "webhook",
        "token_id": "token",
    }.items():
        rule = re.sub(rf"<(\w+:)?{name}>", f"<{ours}>", rule)
    return rule


def test_the_document_is_what_its_cells_say() -> None:
    assert table.DOCUMENT.read_text() == table.text(PROMISED)


def cells(
    names: tuple[str, ...], relations: tuple[Relation, ...], statuses: tuple[Status, ...] = tuple(Status)
) -> set[str]:
    """All that these get."""
    return {PROMISED[name, status][who] for name in names for status in statuses for who in relations}


def test_no_cell_is_a_fault_of_ours() -> None:
    wrong = {"internal", "unavailable", "unknown_command", "method_not_allowed", "rate_limited", "500"}
    assert [cell for cell in CELLS if PROMISED[cell[:2]][cell[2]] in wrong] == []


def test_nobody_does_anything_without_a_session() -> None:
    told = {PROMISED[name, status][Relation.NOBODY] for name, status in PROMISED if name != "GET /"}
    assert told <= {"unauthorized", "sign in", "4401"}


def test_inside_of_a_room_one_is_not_in_nothing_exists() -> None:
    assert cells((*INSIDE, *HOSTS), tuple(set(NOT_IN) - {Relation.PENDING})) == {"not_found"}
    assert cells(tuple(set(INSIDE + HOSTS) - {"room_enter"}), (Relation.PENDING,)) == {"not_found"}
    waiting = (Status.OPEN, Status.UNSUPERVISED)
    assert cells(("room_enter",), (Relation.PENDING,), waiting) == {"forbidden"}
    assert cells(("open ws/chat/<room>/",), (Relation.PENDING,), waiting) == {"4403"}
    assert cells(("open ws/chat/<room>/",), tuple(set(NOT_IN) - {Relation.PENDING})) == {"4404"}


def test_a_participant_without_the_right_is_told_so() -> None:
    assert cells(HOSTS, (Relation.PARTICIPANT,)) == {"forbidden"}


def test_the_host_may_all_of_it_while_the_room_is_open() -> None:
    assert cells(HOSTS, (Relation.HOST,), (Status.OPEN, Status.UNSUPERVISED)) == {"ok"}
    assert cells(INSIDE, (Relation.HOST, Relation.PARTICIPANT), (Status.OPEN, Status.UNSUPERVISED)) == {"ok"}


def test_a_closed_room_is_read_and_not_written() -> None:
    inside, closed = (Relation.HOST, Relation.PARTICIPANT), (Status.CLOSED,)
    assert cells(SENDS, inside, closed) == {"room_closed"}
    reads = ("GET /api/chat/<room>/messages/", "GET /api/chat/<room>/participants/", "room_enter", "messages_after")
    assert cells(reads, inside, closed) == {"ok"}
    assert cells(("open ws/chat/<room>/",), inside, closed) == {"ok then 4410"}


def test_only_teachers_make_rooms() -> None:
    teachers = (Relation.HOST, Relation.TEACHER)
    assert cells(TEACHERS_ONLY, teachers) == {"ok"}
    others = tuple(set(Relation) - set(teachers) - {Relation.NOBODY})
    assert cells(TEACHERS_ONLY, others) == {"forbidden"}


def test_the_schools_pages_are_the_administrators_alone() -> None:
    pages = tuple({name for name, _ in PROMISED if " /school/" in name})
    assert cells(pages, tuple(set(Relation) - {Relation.ADMIN, Relation.NOBODY})) == {"not_found"}
    assert "ok" in cells(pages, (Relation.ADMIN,))


TAKEN = "GET /api/chat/<room>/export/"


def test_an_administrator_is_nobody_in_a_room_but_for_taking_it_away_on_record() -> None:
    assert cells((TAKEN,), (Relation.ADMIN, Relation.HOST)) == {"ok"}
    rooms = {name for name, _ in PROMISED if "<room>" in name and "/school/" not in name} - {TAKEN}
    differing = [
        (name, status)
        for name in sorted(rooms)
        for status in Status
        if PROMISED[name, status][Relation.ADMIN] != PROMISED[name, status][Relation.STRANGER]
    ]
    assert differing == []
