"""A school big enough to be measured, put into the product's database at once: people with sessions, rooms with their
members and, where wanted, with a long log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import create_engine, insert, update
from sqlalchemy.orm import Session

from chatapp.contract import ids
from chatapp.models import JoinRequest, Membership, Message, Room
from tests.support.people import Enrolled, enrol
from tests.support.tokens import access_token

CHUNK = 5000


class School:
    """Who and what is in one database."""

    def __init__(self, database_url: str, jwt_secret: str) -> None:
        self._engine = create_engine(database_url)
        self._url = database_url
        self._secret = jwt_secret
        self._numbers = 0
        self.teacher = self._enrol("teacher", 1)[0]

    def students(self, count: int) -> list[Enrolled]:
        """So many new ones."""
        return self._enrol("student", count)

    def token(self, person: Enrolled) -> str:
        """An access token of theirs."""
        return access_token(self._secret, person.id, person.session_id)

    def room(self, members: Sequence[Enrolled], *, log: int = 0) -> str:
        """An open room of the teacher's with these participants, and `log` messages said by them in turn."""
        moment, room_id = datetime.now(UTC), ids.new_id()
        with Session(self._engine) as session:
            session.add(
                Room(
                    id=room_id,
                    host_id=self.teacher.id,
                    title="A class to be measured",
                    description="",
                    admission="ask",
                    host_grace_seconds=600,
                    epoch=ids.new_id(),
                    created_at=moment,
                )
            )
            session.flush()
            people = [(self.teacher, "host"), *((member, "participant") for member in members)]
            session.add_all(
                Membership(
                    room_id=room_id, user_id=who.id, role=role, state="active", joined_at=moment, changed_at=moment
                )
                for who, role in people
            )
            session.flush()
            for chunk in _log(room_id, members, log, moment):
                session.execute(insert(Message), chunk)
            session.execute(update(Room).where(Room.id == room_id).values(last_seq=log))
            session.commit()
        return room_id

    def knock(self, room_id: str, people: Sequence[Enrolled]) -> list[tuple[str, str]]:
        """Let them wait at a room's door: (room, join request) each."""
        moment, made = datetime.now(UTC), []
        with Session(self._engine) as session:
            for version, who in enumerate(people, start=1):
                request_id = ids.new_id()
                session.add(
                    JoinRequest(
                        id=request_id,
                        room_id=room_id,
                        user_id=who.id,
                        status="pending",
                        note="",
                        version=version,
                        created_at=moment,
                    )
                )
                made.append((room_id, request_id))
            session.execute(update(Room).where(Room.id == room_id).values(lobby_version=len(people)))
            session.commit()
        return made

    def _enrol(self, role: str, count: int) -> list[Enrolled]:
        people = [Enrolled(role, self._numbers + n) for n in range(1, count + 1)]
        self._numbers += count
        enrol(self._url, people)
        return people


def _log(room_id: str, members: Sequence[Enrolled], count: int, moment: datetime) -> Iterator[list[dict[str, Any]]]:
    for first in range(1, count + 1, CHUNK):
        yield [
            {
                "room_id": room_id,
                "seq": seq,
                "sender_id": members[seq % len(members)].id,
                "client_id": f"log-{seq}",
                "type": "text",
                "body": f"This is what was said as number {seq}, a while ago.",
                "body_hash": hashlib.blake2b(str(seq).encode(), digest_size=16).digest(),
                "params": {},
                "created_at": moment,
            }
            for seq in range(first, min(first + CHUNK, count + 1))
        ]
