"""The lists of who runs the school are read along an index in their order: a page costs a page, however old the school.

How plans are told, and the big school they are asked about, is `test_plans`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from chatapp.contract import cursors
from chatapp.contract.words import Act
from chatapp.domain import audit, school
from chatapp.domain.actor import OPERATOR
from tests.domain.test_plans import BigSchool, Caught, big, caught, plans, run, walks
from tests.support.postgres import postgres

__all__ = ["big", "caught", "postgres"]

BEHIND = cursors.encode(("2026-01-01T00:00:00+00:00", "a" * 20))
DAY = date(2026, 1, 1)

LISTS: dict[str, Callable[[BigSchool], Any]] = {
    "users": lambda _: school.list_users(OPERATOR),
    "users behind one": lambda _: school.list_users(OPERATOR, cursor=cursors.encode(("u7",))),
    "users of a role": lambda _: school.list_users(OPERATOR, role="teacher"),
    "users searched": lambda _: school.list_users(OPERATOR, role="student", search="u1"),
    "rooms": lambda _: school.list_rooms(OPERATOR),
    "rooms behind one": lambda _: school.list_rooms(OPERATOR, cursor=BEHIND),
    "rooms searched": lambda _: school.list_rooms(OPERATOR, search="room 9"),
    "open rooms": lambda _: school.list_rooms(OPERATOR, status="open"),
    "closed rooms": lambda _: school.list_rooms(OPERATOR, status="closed"),
    "join requests": lambda _: school.list_requests(OPERATOR),
    "join requests behind one": lambda _: school.list_requests(OPERATOR, cursor=BEHIND),
    "join requests of a status": lambda _: school.list_requests(OPERATOR, status="denied", cursor=BEHIND),
    "audit of an act": lambda _: audit.page(OPERATOR, act=Act.LOGIN_FAILED),
    "audit of a person": lambda _: audit.page(OPERATOR, by="u7"),
    "audit of a room": lambda big: audit.page(OPERATOR, room_id=big.room),
    "audit of a period": lambda _: audit.page(OPERATOR, since=DAY, until=DAY),
    "audit behind an entry": lambda _: audit.page(OPERATOR, cursor=cursors.encode((7,))),
}
ONE_ROOMS: dict[str, Callable[[BigSchool], Any]] = {
    "a room": lambda big: school.room(OPERATOR, room_id=big.room),
    "join requests of a room": lambda big: school.list_requests(OPERATOR, room_id=big.room),
    "messages of a room": lambda big: school.read_messages(OPERATOR, room_id=big.room),
    "a user": lambda big: school.user(OPERATOR, user_id=big.users[3]),
}


def lists(statements: Caught) -> Caught:
    """The statements that read a list, not those that look up what stands in one page."""
    return [one for one in statements if "LIMIT" in one[0] and " IN (" not in one[0]]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_in_the_order_of_an_index(big: BigSchool, caught: Caught, name: str) -> None:
    run(LISTS[name], big)
    assert walks(plans(big, caught)) == []
    steps = plans(big, lists(caught), avoid=("sort", "bitmapscan"))
    assert steps
    assert not [step for step in steps if step.startswith(("USE TEMP B-TREE", "Sort"))]


@pytest.mark.parametrize("name", ONE_ROOMS)
def test_what_is_asked_of_one_room_or_user_costs_that_room_or_user(big: BigSchool, caught: Caught, name: str) -> None:
    run(ONE_ROOMS[name], big)
    assert caught and walks(plans(big, caught)) == []


def test_the_newest_page_of_the_whole_audit_log_is_its_end(big: BigSchool, caught: Caught) -> None:
    audit.page(OPERATOR)
    steps = plans(big, lists(caught), avoid=("sort",))
    assert len(steps) <= 2, steps  # a walk of the primary key, and the page's limit
    assert any("audit_entries" in step for step in steps)
