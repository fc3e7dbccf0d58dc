"""The people of a room as those who enter are shown them: all read all, 300 times 300 when a lecture begins.

So a room's people are read and encoded once, and again when it has other ones: `members_version` counts who comes and
goes, and under which name (`names.lock`). What is remembered is told by the room row of the reader's own moment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from chatapp.contract import jsontext
from chatapp.contract.words import MemberState, MyRole
from chatapp.domain import views
from chatapp.models import Membership, User
from chatapp.prepared import Prepared

MOST_PEOPLE = 20_000
"""So many are remembered, in all rooms together; each takes about 700 bytes."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in a room, in the order they joined: each by id with their Participant, online and not. `host` has a
    User's columns."""

    people: dict[str, tuple[bytes, bytes]]
    host: Any

    def participants(self, online: set[str]) -> bytes:
        """The list of Participants, with these of them online."""
        shown = [present if who in online else absent for who, (present, absent) in self.people.items()]
        return b"[" + b",".join(shown) + b"]"

    def participant(self, user_id: str) -> bytes:
        """One of them, who is online."""
        return self.people[user_id][0]


class _Rosters:
    """The rosters read last, by room, each of one log and one members_version."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[tuple[str, int], Roster]] = OrderedDict()
        self._people = 0
        self._lock = threading.Lock()

    def find(self, room: Any) -> Roster | None:
        with self._lock:
            key, roster = self._kept.get(room.id, (None, None))
            if key != (room.epoch, room.members_version):
                return None
            self._kept.move_to_end(room.id)
            return roster

    def keep(self, room: Any, roster: Roster) -> None:
        with self._lock:
            self._drop(room.id)
            self._kept[room.id] = (room.epoch, room.members_version), roster
            self._people += len(roster.people)
            while self._people > MOST_PEOPLE and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))

    def _drop(self, room_id: str) -> None:
        if room_id in self._kept:
            _, roster = self._kept.pop(room_id)
            self._people -= len(roster.people)


_rosters = _Rosters()


def of(connection: Connection, room: Any) -> Roster:
    """The people of a room, whose row was read at the moment that `connection` sees."""
    found = _rosters.find(room)
    if found is None:
        found = _read(connection, room.id)
        _rosters.keep(room, found)
    return found


def _read(connection: Connection, room_id: str) -> Roster:
    rows = _PEOPLE.rows(connection, room_id=room_id)
    (host,) = (row for row in rows if row.member_role == MyRole.HOST)
    return Roster({row.id: _shown(row) for row in rows}, host)


def _shown(row: Any) -> tuple[bytes, bytes]:
    shown = {
        "user": views.user(row),
        "role": row.member_role,
        "online": True,
        "joined_at": views.instant(row.joined_at),
    }
    return _kept(shown), _kept(shown | {"online": False})


def _kept(shown: views.Json) -> bytes:
    """As JSON, in a copy: what orjson returns stands in the 4 KiB that it was written in."""
    return bytes(memoryview(jsontext.encode(shown)))


_PEOPLE = Prepared(
    select(
        User.id,
        User.username,
        User.display_name,
        User.role,
        Membership.role.label("member_role"),
        Membership.joined_at,
    )
    .join(User, User.id == Membership.user_id)
    .where(Membership.room_id == bindparam("room_id"), Membership.state == MemberState.ACTIVE)
    .order_by(Membership.joined_at, Membership.user_id)
)
