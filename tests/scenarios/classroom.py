"""What lessons have in common: a class of people on all kinds of clients, and rooms with participants in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.support import ledger
from tests.support.clients.js import Node, js_member
from tests.support.clients.member import Member
from tests.support.clients.plain import plain_member
from tests.support.clients.sio import sio_member
from tests.support.clients.wire import CHAT, NOTIFICATIONS
from tests.support.people import Person

T = TypeVar("T")
U = TypeVar("U")

BOTH = (CHAT, NOTIFICATIONS)


def kinds(node: Node) -> Iterator[Callable[[Person], Member]]:
    """Ways to connect, in turn, for ever."""
    return itertools.cycle(
        (
            lambda person: sio_member(person, "websocket", namespaces=BOTH),
            lambda person: js_member(person, node, namespaces=BOTH),
            lambda person: sio_member(person, "polling", namespaces=BOTH),
            plain_member,
            lambda person: sio_member(person, "upgrade", namespaces=BOTH),
            lambda person: js_member(person, node, namespaces=BOTH),
        )
    )


def admit(teacher: Person, room_id: str, students: Iterable[Person]) -> None:
    """Knock and let in, over REST."""
    for student in students:
        student.rest.knock(room_id).ok(200, 201)
    teacher.rest.approve(room_id, all=True).ok(200)


def room_with(teacher: Person, students: Iterable[Person], **settings: Any) -> str:
    """A new room with these participants; its id."""
    room_id = str(teacher.rest.create_room(**settings)["id"])
    admit(teacher, room_id, students)
    return room_id


def at_once(act: Callable[[T], U], everybody: Iterable[T]) -> list[U]:
    """Do the same with each of them, at the same time."""
    everybody = list(everybody)
    with ThreadPoolExecutor(len(everybody)) as pool:
        return list(pool.map(act, everybody))


@contextmanager
def leaving(members: Iterable[Member]) -> Iterator[None]:
    """In the end they all go, whatever happened."""
    members = list(members)
    try:
        yield
    finally:
        for member in members:
            member.close()


def assert_all_heard(members: Iterable[Member], room_id: str, log: list[dict[str, Any]], **part: int) -> None:
    """Each of them has received the room's log, and nothing that a server must not do was done to them."""
    for member in members:
        member.wait_seq(room_id, part.get("last", len(log)))
        member.assert_faultless()
        try:
            ledger.assert_equal(member.rooms[room_id].messages, log, **part)
        except AssertionError as difference:
            raise AssertionError(f"{member!r}: {difference}") from None
