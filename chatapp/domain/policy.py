"""Who may do what, as questions. Pure: everything a question needs is handed in."""

from __future__ import annotations

from chatapp.contract.words import Admission, MemberState, Role
from chatapp.domain.actor import Actor
from chatapp.models import Membership, Room


def may_create_rooms(actor: Actor) -> bool:
    """The seed's IsTeacher."""
    return actor.role == Role.TEACHER


def may_run_the_school(actor: Actor) -> bool:
    """Is this an administrator, or whoever sits at the machine's console?"""
    return actor.role == Role.ADMIN


def may_have_a_second_factor(actor: Actor) -> bool:
    """Is this somebody whose account is worth one to thieves, and who can be asked to carry a phone?"""
    return actor.role in (Role.TEACHER, Role.ADMIN)


def may_have_webhooks(actor: Actor) -> bool:
    """Is this somebody whose programs may be told what happens?"""
    return actor.role in (Role.TEACHER, Role.ADMIN)


def is_active(membership: Membership | None) -> bool:
    """Is this somebody who is in the room?"""
    return membership is not None and membership.state == MemberState.ACTIVE


def is_banned(membership: Membership | None) -> bool:
    """Is this somebody who may not ask again?"""
    return membership is not None and membership.state == MemberState.BANNED


def is_host(actor: Actor, room: Room) -> bool:
    """The seed's IsHostOrReadOnly: the host has full access, others read."""
    return room.host_id == actor.user_id


def is_open(room: Room) -> bool:
    """Does the room take messages and newcomers?"""
    return room.closed_at is None


def takes_nobody(room: Room) -> bool:
    """Does the room refuse every newcomer?"""
    return room.admission == Admission.CLOSED


def takes_everybody(room: Room) -> bool:
    """Does the room approve every knock by itself?"""
    return room.admission == Admission.OPEN


def host_is_absent(room: Room) -> bool:
    """Does an absence of the host last?"""
    return room.closed_at is None and room.host_absent_since is not None
