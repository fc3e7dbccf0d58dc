"""The OpenAPI document against the app, by schemathesis: as everybody, asked rightly and wrongly, no 500 and no answer
that is not documented. CHATAPP_EXAMPLES=200 looks longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.permissions.world import Relation, Status, World, house_in

pytestmark = [pytest.mark.service, pytest.mark.timeout(600)]

EXAMPLES = int(os.environ.get("CHATAPP_EXAMPLES", "4"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WHO = (Relation.NOBODY, Relation.STRANGER, Relation.PARTICIPANT, Relation.HOST, Relation.ADMIN)
ENDS_THE_SESSION = {"logout", "end_session"}
"""Tried by everybody in `tests/permissions`; here they would make nobody of who asks next."""

LOOK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES < 10,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A school with a room in it, and everybody."""
    folder: Path = tmp_path_factory.mktemp("api")
    house = house_in(folder)
    made = World(house, Status.OPEN, folder)
    house.reset()
    made.build()
    made.restore()
    yield made
    house.engine.dispose()


@pytest.fixture(scope="module")
def schema(world: World) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", world.house.app)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("who", WHO, ids=lambda who: who.name.lower())
def test_no_answer_is_a_fault_or_undocumented(world: World, schema: Any, who: Relation, mode: GenerationMode) -> None:
    world.house.reset()
    world.restore()
    person = world.people.get(who)
    headers = person.bearer if person else {}
    known = {"room_id": world.room_id, "file_id": world.file_id, "join_code": str(world.room["join_code"])}
    called = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw.get("operationId") in ENDS_THE_SESSION:
            continue
        cases = operation.as_strategy(generation_mode=mode)

        @LOOK
        @given(case=cases, real=st.booleans())
        def look(case: Any, real: bool) -> None:
            nonlocal called
            if real and case.path_parameters:
                case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
            called += 1
            response = case.call(headers=headers)
            case.validate_response(response, checks=CHECKS, headers=headers)

        try:
            look()
        except Unsatisfiable:
            if mode is GenerationMode.POSITIVE:  # what takes no input cannot be asked wrongly
                raise
    assert called > 20
