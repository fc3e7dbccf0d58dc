"""Every rule, as a table. Pure: no database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatapp.contract.words import Admission, MemberState, Role
from chatapp.domain import policy
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import Membership, Room

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def actor(role: Role = Role.STUDENT, user_id: str = "u") -> Actor:
    return Actor(user_id=user_id, session_id="s", role=role, username="u", display_name="U")


@pytest.mark.parametrize(("role", "may"), [(Role.STUDENT, False), (Role.TEACHER, True), (Role.ADMIN, False)])
def test_teachers_and_nobody_else_may_create_rooms(role: Role, may: bool) -> None:
    assert policy.may_create_rooms(actor(role)) is may


@pytest.mark.parametrize(
    ("state", "active", "banned"),
    [
        (None, False, False),
        (MemberState.ACTIVE, True, False),
        (MemberState.LEFT, False, False),
        (MemberState.REMOVED, False, False),
        (MemberState.BANNED, False, True),
    ],
)
def test_who_is_in_the_room_and_who_may_not_ask_again(state: MemberState | None, active: bool, banned: bool) -> None:
    membership = None if state is None else Membership(state=state.value)
    assert policy.is_active(membership) is active
    assert policy.is_banned(membership) is banned


@pytest.mark.parametrize(("user_id", "host"), [("u", True), ("v", False), ("", False)])
def test_the_host_is_who_the_room_says(user_id: str, host: bool) -> None:
    assert policy.is_host(actor(Role.TEACHER, user_id), Room(host_id="u")) is host


@pytest.mark.parametrize(("role", "may"), [(Role.STUDENT, False), (Role.TEACHER, False), (Role.ADMIN, True)])
def test_administrators_and_nobody_else_run_the_school(role: Role, may: bool) -> None:
    assert policy.may_run_the_school(actor(role)) is may
    assert policy.may_run_the_school(OPERATOR)


def test_whoever_runs_the_school_hosts_no_room() -> None:
    assert policy.may_run_the_school(OPERATOR) and not policy.may_create_rooms(OPERATOR)
    assert not policy.is_host(OPERATOR, Room(host_id="u"))


@pytest.mark.parametrize(
    ("admission", "nobody", "everybody"),
    [(Admission.ASK, False, False), (Admission.OPEN, False, True), (Admission.CLOSED, True, False)],
)
def test_how_a_room_takes_newcomers(admission: Admission, nobody: bool, everybody: bool) -> None:
    room = Room(admission=admission.value)
    assert (policy.takes_nobody(room), policy.takes_everybody(room)) == (nobody, everybody)


@pytest.mark.parametrize(
    ("closed_at", "absent_since", "is_open", "absent"),
    [
        (None, None, True, False),
        (None, MOMENT, True, True),
        (MOMENT, None, False, False),
        (MOMENT, MOMENT, False, False),
    ],
)
def test_a_closed_room_has_no_absent_host(
    closed_at: datetime | None, absent_since: datetime | None, is_open: bool, absent: bool
) -> None:
    room = Room(closed_at=closed_at, host_absent_since=absent_since)
    assert (policy.is_open(room), policy.host_is_absent(room)) == (is_open, absent)
