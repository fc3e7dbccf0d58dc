"""One school in which everybody stands in another relation to one room; made once a room's status, and put back after
each act that changed something."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import create_engine

from chatapp.db import Base, database, engine_options
from chatapp.domain import absences, api_tokens, deliveries, lobby, participants, rooms, visits, webhooks, workers
from chatapp.domain.actor import Actor
from chatapp.runtime import Runtime
from tests.support.backend import SqliteBackend
from tests.support.school import PASSWORD, Api, House, School, Signed


class Relation(StrEnum):
    """What somebody is to the room, or to the school."""

    NOBODY = "not signed in"
    STRANGER = "stranger"
    PENDING = "pending"
    DENIED = "denied"
    PARTICIPANT = "participant"
    REMOVED = "removed"
    BANNED = "banned"
    HOST = "host"
    TEACHER = "teacher elsewhere"
    ADMIN = "administrator"


class Status(StrEnum):
    """How the room is."""

    OPEN = "open"
    UNSUPERVISED = "unsupervised"
    CLOSED = "closed"


SETTINGS = {
    "LIMIT_REQUESTS": "100000/second", "LIMIT_REQUESTS_BURST": "100000", "LIMIT_PACKETS": "100000/second",
    "LIMIT_PACKETS_BURST": "100000", "LIMIT_SENDS": "100000/second", "LIMIT_SENDS_BURST": "100000",
    "LIMIT_HISTORY": "1000000/minute", "LIMIT_HISTORY_BURST": "1000000", "LIMIT_CODE_LOOKUPS": "1000000/minute",
    "LIMIT_LOGIN": "100000/minute", "LIMIT_LOGIN_ADDRESS": "100000/minute", "LIMIT_KNOCKS": "1000/hour",
    "LIMIT_UPLOADS": "100000/minute", "LIMIT_CONNECTS": "1000000/minute",
    "LIMIT_CONNECTIONS": "1000", "LIMIT_EXPORTS": "100000/minute", "LIMIT_REGISTER": "100000/minute",
}  # fmt: skip


def house_in(folder: Path) -> House:
    """An app on an SQLite file, whatever the run's other schools are kept in: it is put back two thousand times."""

    def fill(url: str) -> None:
        engine = create_engine(url, **engine_options(url))
        Base.metadata.create_all(engine)
        engine.dispose()

    backend = SqliteBackend(folder)
    return House(folder, backend, backend.make(fill), SETTINGS)


@dataclass
class World:
    """`people` by relation; the others are whom acts are done to."""

    house: House
    status: Status
    folder: Path
    people: dict[Relation, Signed] = field(default_factory=dict)
    room: dict[str, Any] = field(default_factory=dict)
    waiting: Signed = None  # type: ignore[assignment]  # all three are set by `build`
    classmate: Signed = None  # type: ignore[assignment]
    outcast: Signed = None  # type: ignore[assignment]

    file_id: str = ""
    webhook_id: str = ""
    delivery_id: int = 0
    token_id: str = ""

    @property
    def room_id(self) -> str:
        return str(self.room["id"])

    @property
    def runtime(self) -> Runtime:
        found: Runtime = self.house.app.extensions["chatapp"]
        return found

    def session_id(self, relation: Relation) -> str:
        """The session that somebody came by; nobody's is none."""
        person = self.people.get(relation)
        return "" if person is None else person.actor.session_id

    def build(self) -> World:
        """The people, the room, and everybody's relation to it."""
        school = School(self.house.app)
        host, elsewhere, admin = school.teacher(), school.teacher(), school.admin()
        stranger, pending, denied, inside, removed, banned = (school.student() for _ in range(6))
        self.waiting, self.classmate, self.outcast = (school.student() for _ in range(3))
        self.room = rooms.create(host.actor, title="Class")
        school.room(elsewhere)
        for person in (inside, removed, banned, self.classmate, self.outcast):
            lobby.knock(person.actor, room_id=self.room_id)
        lobby.approve(host.actor, room_id=self.room_id, selector={"all": True})
        for person, ban in ((removed, False), (banned, True), (self.outcast, True)):
            participants.remove(host.actor, room_id=self.room_id, user_id=person.id, ban=ban)
        lobby.knock(denied.actor, room_id=self.room_id)
        lobby.deny(host.actor, room_id=self.room_id, selector={"all": True})
        for person in (pending, self.waiting):
            lobby.knock(person.actor, room_id=self.room_id)
        self.file_id = self._bring_a_picture(host)
        hook = {"url": "https://hooks.example.org/", "room_id": self.room_id}
        self.webhook_id = webhooks.create(host.actor, **hook)["id"]
        webhooks.replay(host.actor, webhook_id=self.webhook_id, room_id=self.room_id, after=0)
        (job,) = deliveries.due(each=50)
        deliveries.note(job, 1, status=200, fault=None, ms=1)
        self.delivery_id = webhooks.deliveries(host.actor, webhook_id=self.webhook_id, limit=1)["items"][0]["id"]
        made = api_tokens.create(host.actor, name="program", scopes=["rooms:read"], current_password=PASSWORD)
        self.token_id = made["id"]
        self._reach_status(host.actor)
        everybody = (stranger, pending, denied, inside, removed, banned, host, elsewhere, admin)
        self.people = dict(zip([each for each in Relation if each is not Relation.NOBODY], everybody, strict=True))
        database.release()
        self.house.engine.dispose()
        shutil.copyfile(self._file, self._copy)
        return self

    def _bring_a_picture(self, host: Signed) -> str:
        picture = io.BytesIO()
        Image.new("RGB", (900, 600), "teal").save(picture, "PNG")
        picture.seek(0)
        path = f"/api/chat/{self.room_id}/files/?send=true&client_id=picture"
        brought = Api(self.house.app, host).post(path, data={"file": (picture, "board.png")}).ok(201)
        return str(brought["id"])

    def _reach_status(self, host: Actor) -> None:
        if self.status is Status.CLOSED:
            rooms.close(host, room_id=self.room_id)
        if self.status is Status.UNSUPERVISED:
            visits.connect(host, connection_id="a-connection", worker_id=(worker := workers.begin()))
            visits.enter(host, connection_id="a-connection", room_id=self.room_id, worker_id=worker)
            visits.disconnect(connection_id="a-connection")
            (absence,) = workers.absences()
            absences.tell_away(room_id=self.room_id, absence=absence.number, closes_in=60)

    @property
    def _file(self) -> Path:
        return Path(str(self.house.engine.url.database))

    @property
    def _copy(self) -> Path:
        return self.folder / f"{self.status}.db"

    def restore(self) -> None:
        """Everything as it was."""
        database.release()
        self.house.engine.dispose()
        for path in self._file.parent.glob(f"{self._file.name}*"):
            path.unlink()
        shutil.copyfile(self._copy, self._file)
        database.bind(self.house.engine)
        self.runtime.leases.begin()
