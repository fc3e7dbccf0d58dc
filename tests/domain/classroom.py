"""A school to act in: people with sessions, rooms with people in them, and what the database says afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from chatapp.contract import ids, jsontext, texts
from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Act, Role
from chatapp.db import now, reading, transaction
from chatapp.domain import entering, limits, lobby, messages, rooms, sessions, visits, workers
from chatapp.domain.actor import Actor
from chatapp.models import AuditEntry, Message, Room, SignIn, User
from tests.support.school import CHEAP, PASSWORD

_HASH = CHEAP.hash(PASSWORD)


@contextmanager
def refused(code: Code) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """Expect the answer no, for this very reason."""
    with pytest.raises(Refused) as caught:
        yield caught
    assert caught.value.code is code, caught.value


def with_limits(**changed: Any) -> None:
    """Go by these limits until the test ends; what is not named is as it ships."""
    limits.use(limits.Limits(**changed))


class Classroom:
    """Everything a test says about people goes through here; rules are asked of the domain itself."""

    def __init__(self) -> None:
        self.worker = workers.begin()

    def person(self, role: Role, username: str | None = None, display_name: str | None = None) -> Actor:
        """Somebody with an account and an open session."""
        moment = now()
        own_id = ids.new_id()
        username = username or f"{role.value}-{own_id}"
        session_id = ids.new_id()
        with transaction() as tx:
            tx.session.add(
                User(
                    id=own_id,
                    username=username,
                    username_key=texts.username_key(username),
                    display_name=display_name or username,
                    password_hash=_HASH,
                    role=role.value,
                    active=True,
                    created_at=moment,
                )
            )
            tx.session.flush()
            tx.session.add(
                SignIn(
                    id=session_id,
                    user_id=own_id,
                    refresh_id=ids.new_id(),
                    device="",
                    created_at=moment,
                    last_seen_at=moment,
                    expires_at=moment + timedelta(days=1),
                )
            )
        return sessions.actor_of(session_id)

    @staticmethod
    def entered(actor: Actor, room_id: str, **since: Any) -> dict[str, Any]:
        """The answer to entering as it arrives."""
        entered = entering.enter(actor, room_id=room_id, **since)
        answer: dict[str, Any] = jsontext.decode(jsontext.encode(entered.answer))
        return answer

    def teacher(self, username: str | None = None) -> Actor:
        """A teacher."""
        return self.person(Role.TEACHER, username)

    def student(self, username: str | None = None) -> Actor:
        """A student."""
        return self.person(Role.STUDENT, username)

    def room(self, host: Actor, **wishes: Any) -> str:
        """A new room's id."""
        return str(rooms.create(host, **({"title": "Class 7b"} | wishes))["id"])

    def knock(self, actor: Actor, room_id: str) -> str:
        """The id of a new join request."""
        return str(lobby.knock(actor, room_id=room_id)[0]["id"])

    def let_in(self, host: Actor, room_id: str, *actors: Actor) -> None:
        """Make participants of these."""
        for actor in actors:
            lobby.knock(actor, room_id=room_id)
        lobby.approve(host, room_id=room_id, selector={"all": True})

    def lesson(self, students: int = 1, **wishes: Any) -> tuple[str, Actor, list[Actor]]:
        """An open room with a host and so many participants."""
        host = self.teacher()
        room_id = self.room(host, **wishes)
        pupils = [self.student() for _ in range(students)]
        if pupils:
            self.let_in(host, room_id, *pupils)
        return room_id, host, pupils

    def say(self, actor: Actor, room_id: str, body: str = "hello", client_id: str | None = None) -> int:
        """The seq of a text."""
        return messages.send(actor, room_id=room_id, client_id=client_id or ids.new_id(), body=body).seq

    def connect(self, actor: Actor, *room_ids: str, listening: bool = False) -> str:
        """A live connection that visits these rooms; its id."""
        connection_id = ids.new_id()
        visits.connect(actor, connection_id=connection_id, worker_id=self.worker)
        if listening:
            visits.listen(actor, connection_id=connection_id)
        for room_id in room_ids:
            visits.enter(actor, connection_id=connection_id, room_id=room_id, worker_id=self.worker)
        return connection_id

    def log(self, room_id: str) -> list[str]:
        """The room's log: codes of system messages, texts in quotes."""
        with reading() as session:
            rows = session.scalars(select(Message).where(Message.room_id == room_id).order_by(Message.seq)).all()
            head = session.get_one(Room, room_id).last_seq
        assert [row.seq for row in rows] == list(range(1, head + 1))
        return [row.code or f"'{row.body}'" for row in rows]

    def row(self, room_id: str) -> Room:
        """The room as it is stored."""
        with reading() as session:
            return session.get_one(Room, room_id)

    def acts(self, room_id: str | None = None) -> list[tuple[Act, str | None, str | None]]:
        """The audit log, of one room or all of it: (act, who, to whom)."""
        query = select(AuditEntry).order_by(AuditEntry.id)
        if room_id is not None:
            query = query.where(AuditEntry.room_id == room_id)
        with reading() as session:
            return [(Act(row.act), row.actor_id, row.subject_id) for row in session.scalars(query)]
