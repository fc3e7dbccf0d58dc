"""Under which name and role somebody is shown, and that whoever is shown a room's people learns of another one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import MemberState
from chatapp.db import Transaction
from chatapp.domain import access
from chatapp.models import Membership, User


def lock(tx: Transaction, user_id: str) -> User | None:
    """A user whose name or role is about to change, locked, and before that the rooms they are in: each has other
    people by it, as its `members_version` says. Whoever takes somebody into a room locks them, too, so that none is
    missed. Raises unavailable when they have come into another one in this very moment."""
    room_ids = _rooms_of(tx.session, user_id)
    for room in access.lock_rooms(tx.session, room_ids):
        room.members_version += 1
    user = access.lock_users(tx.session, [user_id]).get(user_id)
    if not _rooms_of(tx.session, user_id) <= room_ids:
        raise Refused(Code.UNAVAILABLE, "They are just entering a room. Try again.", retry_after=1)
    return user


def _rooms_of(session: Session, user_id: str) -> set[str]:
    query = select(Membership.room_id).where(Membership.user_id == user_id, Membership.state == MemberState.ACTIVE)
    return set(session.scalars(query))
