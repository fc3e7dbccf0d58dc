"""One scenario for each fault that chatapp promises to survive, uploads left out; time-outs and waits are shrunk alike.

A class talks through all of a group's scenarios, then everything is read back and judged once. Numbers of the fault
list that are minutes of waiting (40, 60 s) are shrunk with the leases that they are meant to outlast. What cannot be
injected is in docs/reliability.md, with what was seen in one whole run.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.groups import GROUPS, survive
from tests.faults.run_facts import Bounds

pytestmark = [pytest.mark.service, pytest.mark.timeout(280)]

BOUNDS = Bounds(late=15.0, delivery=1.0)
"""Two cores are shared with other tests here; 150 ms are measured where nothing else runs."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if group.long else ()) for name, group in GROUPS.items()]
)
def test_a_class_loses_nothing(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    services = None if GROUPS[name].sqlite else request.getfixturevalue("services")
    verdict, summary = asyncio.run(survive(tmp_path, name, bounds=BOUNDS, services=services))
    assert verdict, f"{verdict}\n{report.markdown([summary])}"
