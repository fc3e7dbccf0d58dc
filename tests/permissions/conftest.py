"""A world for each status of the room, made once a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.permissions.world import Status, World, house_in
from tests.support.school import House


@pytest.fixture(scope="session")
def folder_of_worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@pytest.fixture(scope="session")
def house_of_worlds(folder_of_worlds: Path) -> House:
    """The app in which they are all lived in."""
    return house_in(folder_of_worlds)


@pytest.fixture(scope="session")
def worlds() -> dict[Status, World]:
    """Those made so far."""
    return {}


@pytest.fixture
def world_of(house_of_worlds: House, worlds: dict[Status, World], folder_of_worlds: Path) -> Callable[[Status], World]:
    """The world with the room in a status."""

    def made(status: Status) -> World:
        house_of_worlds.reset()
        if status not in worlds:
            worlds[status] = World(house_of_worlds, status, folder_of_worlds).build()
        return worlds[status]

    return made
