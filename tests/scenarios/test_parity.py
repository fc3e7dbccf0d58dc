"""Each rule through each way in: the same operation gets the same answer over REST, Socket.IO and plain WebSocket, and
comes to the same by the pages' forms. What only some ways have is compared among those."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatapp.contract.errors import MEANINGS, Code
from tests.scenarios.cases import CASES, NOTIFICATIONS, ON_SOCKETS
from tests.scenarios.scenes import PEOPLE, SMALL, Case, Scene, a_scene, approved, assert_same, denied, result
from tests.scenarios.ways import FORMS, WAYS, by_notifications, by_pages, by_rest, has_form
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = SMALL


def at_the_plain_door(case: Case) -> str | None:
    """What a plain WebSocket tells those who may not enter, whatever they came for: it is in one room, or nowhere."""
    if case.who in ("stranger", "banned", "removed") or (case.who == "waiting" and case.prepare is denied):
        return "not_found"
    return "forbidden" if case.who == "waiting" and case.prepare is not approved else None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_way_gives_the_same_answer(server: ServerProcess, case: Case) -> None:
    results = {name: result(case, a_scene(server), way) for name, way in WAYS.items()}
    door = at_the_plain_door(case)
    if door is not None:
        assert results.pop("plain WebSocket").code == door
    assert_same(results, case.code)


@pytest.mark.parametrize("case", ON_SOCKETS, ids=str)
def test_both_kinds_of_sockets_give_the_same_answer(server: ServerProcess, case: Case) -> None:
    assert_same({name: result(case, a_scene(server), way) for name, way in WAYS.items() if name != "REST"}, case.code)


@pytest.mark.parametrize("case", NOTIFICATIONS, ids=str)
def test_notifications_are_read_the_same_by_rest_and_by_their_namespace(server: ServerProcess, case: Case) -> None:
    ways = {"REST": by_rest, "/notifications": by_notifications}
    assert_same({name: result(case, a_scene(server), way) for name, way in ways.items()}, case.code)


# The pages' forms


NOBODY = cast(Scene, SimpleNamespace(request_id="r" * 20, **dict.fromkeys(PEOPLE, SimpleNamespace(id="u" * 20))))
ON_PAPER = [case for case in CASES if case.name in FORMS and has_form(case.name, case.data(NOBODY))]


def outcome(scene: Scene) -> Any:
    """How the room stands afterwards, with everybody by the part they play."""
    parts = {getattr(scene, part).id: part for part in PEOPLE}
    requests = scene.host.rest.requests(scene.room_id)
    return {
        "status": scene.host.rest.room(scene.room_id)["status"],
        "requests": sorted(
            (parts[each["user"]["id"]], each["status"], each["note"], each["reason"]) for each in requests
        ),
        "inside": sorted(parts[each["user"]["id"]] for each in scene.host.rest.participants(scene.room_id)),
    }


@pytest.mark.parametrize("case", ON_PAPER, ids=str)
def test_a_form_of_the_pages_comes_to_the_same(server: ServerProcess, case: Case) -> None:
    by_program, on_paper = a_scene(server), a_scene(server)
    got = result(case, by_program, by_rest)
    assert got.code == case.code
    assert result(case, on_paper, by_pages) == (200 if case.code == "ok" else MEANINGS[Code(case.code)].status)
    assert outcome(on_paper) == outcome(by_program)


def test_every_form_is_tried_with_success_and_without() -> None:
    tried = {(case.name, case.code == "ok") for case in ON_PAPER}
    assert tried == {(name, success) for name in FORMS for success in (True, False)}
