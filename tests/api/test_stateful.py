"""The OpenAPI document against the app in chains of calls, by schemathesis: what one answer gives is what the next call
asks about. As each role, and as everybody by turns: no 500, no answer that is not documented, and nothing that was
deleted comes back. CHATAPP_EXAMPLES=200 looks longer.

The links from call to call are inferred from the document. Where a chain begins with an id it is mostly the
world's own, so that it begins inside a room.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.permissions.world import Relation, Status, World, house_in

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]

EXAMPLES = int(os.environ.get("CHATAPP_EXAMPLES", "6"))
STEPS = 30
OFTEN = 0.9
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BY_TURNS = (Relation.STRANGER, Relation.PENDING, Relation.PARTICIPANT, Relation.HOST, Relation.ADMIN, Relation.NOBODY)
ROLES = {
    "nobody": (Relation.NOBODY,),
    "student": (Relation.PARTICIPANT,),
    "teacher": (Relation.HOST,),
    "admin": (Relation.ADMIN,),
    "everybody": BY_TURNS,
}
LINKS = {"nobody": 0, "student": 4, "teacher": 8, "admin": 1, "everybody": 5}
"""So many operations at least are done with what another one gave; a stranger is given little."""

DELETES = ("/api/webhooks/{webhook_id}/",)
"""What is gone for good after its DELETE: asked about again, it is not found."""

LOOK = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES < 20,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A school with a room in it, and everybody."""
    folder: Path = tmp_path_factory.mktemp("stateful")
    house = house_in(folder)
    made = World(house, Status.OPEN, folder)
    house.reset()
    made.build()
    yield made
    house.engine.dispose()


@pytest.mark.parametrize("who", ROLES)
def test_no_chain_of_calls_ends_in_a_fault_or_an_undocumented_answer(world: World, who: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", world.house.app)
    answered: Counter[int] = Counter()
    followed: Counter[str] = Counter()
    known = {
        "room_id": world.room_id,
        "file_id": world.file_id,
        "webhook_id": world.webhook_id,
        "token_id": world.token_id,
        "join_code": str(world.room["join_code"]),
    }

    class Chain(schema.as_state_machine()):  # type: ignore[misc]
        """One school from its beginning, and what becomes of it."""

        def setup(self) -> None:
            world.house.reset()
            world.restore()
            self.dice = random.Random(1)
            self.deleted: set[str] = set()
            self.linked = False

        def step(self, input: Any) -> Any:  # noqa: A002 — its name there
            self.linked = input.is_applied and input.transition is not None
            return super().step(input)

        def before_call(self, case: Any) -> None:
            if not self.linked and self.dice.random() < OFTEN:
                given = case.path_parameters or {}
                case.path_parameters = {name: known.get(name, value) for name, value in given.items()}

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            person = world.people.get(self.dice.choice(ROLES[who]))
            return {"headers": person.bearer if person else {}}

        def validate_response(self, response: Any, case: Any, *args: Any, **kwargs: Any) -> None:
            answered[response.status_code] += 1
            if self.linked and response.status_code < 400:
                followed[case.operation.label] += 1
            case.validate_response(response, checks=CHECKS, headers=kwargs.get("headers"))
            path = case.formatted_path
            assert path not in self.deleted or response.status_code in (401, 403, 404, 400), f"{path} came back"
            if case.operation.method == "delete" and response.status_code == 204 and case.path in DELETES:
                self.deleted.add(path)

    Chain.run(settings=LOOK)
    assert sum(answered.values()) > EXAMPLES * STEPS // 2
    assert len(followed) >= LINKS[who], followed
