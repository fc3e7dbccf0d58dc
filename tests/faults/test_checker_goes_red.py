"""Each known mistake, seeded into real workers, turns the checker red; the right product survives the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import Verdict
from tests.faults.cluster import Services
from tests.faults.lab import Lab
from tests.faults.provocations import PROVOCATIONS
from tests.faults.run_facts import Bounds
from tests.faults.seeded_bugs import BUGS

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]

BOUNDS = Bounds(late=10.0, delivery=30.0, delivery_redis_dead=30.0)
"""How quick delivery is, is not what these runs are about."""

SPECIAL = {
    "absence_without_identity": {"JANITOR_SECONDS": "3"},
    "cursor_advanced_although_the_write_failed": {"SLOW_BYTES": "8000000"},
    "direct_write_past_a_queue": {"SLOW_BYTES": "8000000"},
}
"""Settings that make a mistake show sooner."""


def provoked(folder: Path, services: Services, names: list[str], bug: str = "") -> Verdict:
    async def run() -> Verdict:
        env: dict[str, Any] = SPECIAL.get(bug, {})
        async with Lab(folder, workers=2, bounds=BOUNDS, services=services, bug=bug, **env) as lab:
            for name in names:
                await PROVOCATIONS[name].provoke(lab)
            return await lab.judge(within=8 if bug else 30)

    return asyncio.run(run())


def test_every_bug_has_its_provocation() -> None:
    assert set(PROVOCATIONS) == set(BUGS)


@pytest.mark.parametrize("bug", list(BUGS))
def test_a_seeded_bug_turns_the_checker_red(bug: str, services: Services, tmp_path: Path) -> None:
    verdict = provoked(tmp_path, services, [bug], bug)
    assert PROVOCATIONS[bug].breaks & set(verdict.broken), f"{bug} was not seen: {verdict}"


def test_the_right_product_survives_all_that(services: Services, tmp_path: Path) -> None:
    once = {each.provoke: name for name, each in PROVOCATIONS.items()}
    verdict = provoked(tmp_path, services, list(once.values()))
    assert verdict, str(verdict)
