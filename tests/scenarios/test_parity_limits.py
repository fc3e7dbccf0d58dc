"""Limits through each way in: what one socket spends is spent for the others, and each way says when there is more."""

from __future__ import annotations

import math

import pytest

from tests.scenarios.classroom import room_with
from tests.scenarios.ways import WAYS, Json, Result, nothing
from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {"LIMIT_HISTORY": "2/hour", "LIMIT_HISTORY_BURST": "2", "LIMIT_SENDS": "1/hour", "LIMIT_SENDS_BURST": "1"}
HOUR = 3600


def a_class(server: ServerProcess) -> tuple[Person, str]:
    """A participant whom nobody knows, and the room."""
    student = server.student()
    return student, room_with(server.teacher(), [student])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "data"), [("messages_after", {"after": 0}), ("messages_before", {"before": 9})])
def test_pages_of_history_are_counted_by_every_way(server: ServerProcess, way: str, name: str, data: Json) -> None:
    student, room_id = a_class(server)
    for _ in range(2):
        assert WAYS[way](student, name, room_id, data, nothing).code == "ok"
    # All workers count what REST reads, each what its sockets do.
    for asked in [way] if way == "REST" else [other for other in WAYS if other != "REST"]:
        assert_told_when(WAYS[asked](student, name, room_id, data, nothing))


@pytest.mark.parametrize("way", WAYS)
def test_sends_are_counted_by_every_way(server: ServerProcess, way: str) -> None:
    student, room_id = a_class(server)
    first = WAYS[way](student, "message_send", room_id, send("one"), nothing)
    assert first.code == "ok"
    for number, asked in enumerate(WAYS):
        assert_told_when(WAYS[asked](student, "message_send", room_id, send(f"two-{number}"), nothing))
    refused = student.rest.send(room_id, "three", "hello")
    assert int(refused.headers["Retry-After"]) == math.ceil(refused.body["retry_after"])


def send(client_id: str) -> Json:
    return {"client_id": client_id, "body": "hello"}


def assert_told_when(refused: Result) -> None:
    """It was too much, and is told when it will not be."""
    assert refused.code == "rate_limited"
    assert refused.more.keys() == {"retry_after"} and 0 < refused.more["retry_after"] <= HOUR
