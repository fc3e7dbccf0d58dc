"""A room and everybody whom its rules tell apart, made anew for each way in; and a case: what one does there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.scenarios.classroom import admit, room_with
from tests.scenarios.ways import Result, nothing, shape
from tests.support.people import Person
from tests.support.server import ServerProcess

SMALL = {
    "LIMIT_SENDS": "1000/second",
    "LIMIT_UPLOADS": "1000/minute",
    "LIMIT_SENDS_BURST": "1000",
    "LIMIT_HISTORY": "100000/minute",
    "LIMIT_OPEN_ROOMS": "3",
    "LIMIT_PENDING": "2",
    "LIMIT_PARTICIPANTS": "4",
    "LIMIT_KNOCKS": "3/hour",
}
"""Settings of a school where a few cases reach what limits there are."""


@dataclass
class Scene:
    """A room with a host, a participant, one who waits, one who was banned, one who was removed, and a stranger."""

    room_id: str
    host: Person
    inside: Person
    waiting: Person
    banned: Person
    removed: Person
    stranger: Person

    @property
    def request_id(self) -> str:
        return str(self.waiting.rest.my_request(self.room_id).ok()["id"])


def a_scene(server: ServerProcess) -> Scene:
    """A scene with people of its own."""
    host, (inside, waiting, banned, removed, stranger) = server.teacher(), server.students(5)
    room_id = room_with(host, [inside, banned], title="Class")
    host.rest.remove(room_id, banned.id, ban=True).ok()
    admit(host, room_id, [removed])
    host.rest.remove(room_id, removed.id).ok()
    waiting.rest.knock(room_id, "Please").ok(201)
    return Scene(room_id, host, inside, waiting, banned, removed, stranger)


PEOPLE = ("host", "inside", "waiting", "banned", "removed", "stranger")

T = TypeVar("T")
Data = Callable[[Scene], dict[str, Any]]
Prepare = Callable[[Scene], object]


@dataclass(frozen=True)
class Case:
    """`who` does `name` with `data`, after `prepare`, and is answered `code`."""

    name: str
    who: str
    code: str
    data: Data = lambda scene: {}
    prepare: Prepare = lambda scene: None

    def __str__(self) -> str:
        return f"{self.name} by {self.who}: {self.code}"


# What comes before


def said(scene: Scene) -> None:
    scene.inside.rest.send(scene.room_id, "one", "hello").ok(201)


def closed(scene: Scene) -> None:
    scene.host.rest.close(scene.room_id).ok()


def removed(scene: Scene) -> None:
    scene.host.rest.remove(scene.room_id, scene.inside.id).ok()


def denied(scene: Scene) -> None:
    scene.host.rest.deny(scene.room_id, user_id=scene.waiting.id, reason="Not today").ok()


def approved(scene: Scene) -> None:
    scene.host.rest.approve(scene.room_id, user_id=scene.waiting.id).ok()


def full_of_rooms(scene: Scene) -> None:
    for _ in range(2):
        scene.host.rest.create_room()


def result(case: Case, scene: Scene, way: Callable[[Person, str, str, dict[str, Any], Callable[[], None]], T]) -> T:
    """What the case comes to by one way, in a scene of its own."""
    data = case.data(scene)
    if case.prepare is closed:
        # A closed room is shown to a plain WebSocket and then ends it (4410); who is in it already stays.
        return way(getattr(scene, case.who), case.name, scene.room_id, data, lambda: closed(scene))
    case.prepare(scene)
    return way(getattr(scene, case.who), case.name, scene.room_id, data, nothing)


def assert_same(results: dict[str, Result], code: str) -> None:
    """Every way has this code, the same thing or the same faults, and says the same beside them."""
    for way, got in results.items():
        assert got.code == code, f"{way}: {got}"
    first, *others = results.values()
    for got in others:
        assert shape(got.thing) == shape(first.thing)
        assert got.fields == first.fields, "not the same fields are faulty"
        assert shape(got.more) == shape(first.more)
