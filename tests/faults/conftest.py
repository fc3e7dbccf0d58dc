"""A PostgreSQL and a Redis, which the runs of a session use one after the other, each with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cluster import Services


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    running = Services(tmp_path_factory.mktemp("services"))
    yield running
    running.stop()
