"""A school at work while everything is broken at random, from a fixed seed: nothing lost, doubled, out of order or
heard by who may not. `make soak MINUTES=10` is the same for longer, with more people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.run import mixed
from tests.faults.run_facts import Bounds


@pytest.mark.service
@pytest.mark.timeout(280)
def test_a_mixed_run_keeps_every_promise(tmp_path: Path) -> None:
    bounds = Bounds(delivery=1.0, delivery_redis_dead=3.0)  # other tests run beside this one
    verdict, summary = asyncio.run(mixed(tmp_path, seed=7, seconds=100, workers=3, bounds=bounds))
    report.save(tmp_path, [summary])
    assert verdict, f"{verdict}\n{report.markdown([summary])}"
