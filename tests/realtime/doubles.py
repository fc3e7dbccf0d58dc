"""What stands in for the outside of delivery: connections that remember, a clock that is set, a school to read from."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from chatapp.contract.hints import Entry, Hint
from chatapp.contract.names import CHAT, NOTIFICATIONS
from chatapp.realtime.connection import Connection
from chatapp.realtime.courier import Courier
from chatapp.realtime.errands import Errands, List
from chatapp.realtime.hub import Hub
from chatapp.realtime.log_pump import Shown
from chatapp.realtime.outgoing import Ack, Bundle, Event, Outgoing
from chatapp.realtime.poll import Poll
from chatapp.realtime.reads import NotificationHead, Reads

Json = dict[str, Any]


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self, moment: float = 1000.0) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += seconds


class Ears(Connection):
    """A connection that remembers what it was sent, in order: `(name, data)` of events, `("ack", …)` of answers."""

    _numbers = itertools.count(1)

    def __init__(self, user_id: str = "ada", *, session_id: str = "", only_room: str | None = None) -> None:
        self.id = f"c{next(self._numbers)}"
        self.user_id = user_id
        self.session_id = session_id or f"session-{user_id}"
        self.expires_at = 2.0**40
        self.closed = False
        self.namespaces = {CHAT, NOTIFICATIONS}
        self.only_room = only_room
        self.heard: list[tuple[str, Any]] = []
        self.byes: list[str] = []
        self.flushed = 0

    def __repr__(self) -> str:
        return f"<{self.user_id}'s {self.id}>"

    def send(self, outgoing: Outgoing | Bundle) -> None:
        for item in outgoing.items if isinstance(outgoing, Bundle) else [outgoing]:
            if isinstance(item, Event):
                self.heard.append((str(item.name), json.loads(item.payload)))
            else:
                assert isinstance(item, Ack)
                self.heard.append(("ack", json.loads(item.payload) | {"ref": item.ref}))

    def flush(self) -> None:
        self.flushed += 1

    def hears(self, namespace: str, room_id: str | None = None) -> bool:
        if self.only_room is not None:
            return namespace == CHAT and room_id in (None, self.only_room)
        return namespace in self.namespaces

    def room_bye(self, room_id: str, code: str) -> None:
        if self.only_room is not None:
            self.bye(code)
        else:
            super().room_bye(room_id, code)

    def bye(self, code: str, *, retry_ms: int | None = None) -> None:
        self.byes.append(str(code))
        self.closed = True

    def named(self, name: str) -> list[Any]:
        """The data of the events of one name."""
        return [data for each, data in self.heard if each == name]

    @property
    def seqs(self) -> list[int]:
        """The seqs of the messages that came."""
        return [data["seq"] for data in self.named("message")]


def entry(seq: int, evicts: str | None = None) -> Entry:
    """A line of a log."""
    return Entry(seq, b'{"seq":%d}' % seq, evicts)


def entries(*seqs: int) -> list[Entry]:
    """Lines of a log."""
    return [entry(seq) for seq in seqs]


def answer(head: int) -> Event:
    """The answer to an entering, told apart from messages by its name."""
    return Event.of(CHAT, "welcome", {"head": head})


def payloads(frames: bytes) -> list[str]:
    """The texts in unmasked frames."""
    texts = []
    stream = BytesIO(frames)
    while head := stream.read(2):
        assert head[0] == 0x81
        length = head[1]
        if length == 126:
            length = int.from_bytes(stream.read(2), "big")
        elif length == 127:
            length = int.from_bytes(stream.read(8), "big")
        texts.append(stream.read(length).decode())
    return texts


@dataclass
class Place:
    """A room of the school: what the poll compares, its log, its people."""

    host_id: str = "host"
    epoch: str = "one"
    log: list[Entry] = field(default_factory=list)
    version: int = 1
    lobby_version: int = 0
    members_version: int = 1
    members: set[str] = field(default_factory=lambda: {"host", "ada", "bob"})
    requests: dict[str, Json] = field(default_factory=dict)
    online: int = 0

    @property
    def last_seq(self) -> int:
        return len(self.log)

    def write(self, count: int = 1, *, evicts: str | None = None) -> list[Entry]:
        """New lines at the end of the log; the last one evicts."""
        for _ in range(count):
            self.log.append(entry(self.last_seq + 1))
        if evicts is not None:
            self.log[-1] = entry(self.last_seq, evicts)
            self.members.discard(evicts)
            self.members_version += 1
        return self.log[-count:]

    def knock(self, request_id: str, **changes: Any) -> None:
        """A join request is new or changed."""
        self.lobby_version += 1
        before = self.requests.get(request_id, {"id": request_id, "status": "pending"})
        self.requests[request_id] = before | changes | {"version": self.lobby_version}


@dataclass(frozen=True)
class Noted:
    """Where somebody's notifications stand."""

    last_seq: int
    read_version: int


class School:
    """The database as delivery reads it. `away` makes every read fail."""

    def __init__(self) -> None:
        self.rooms: dict[str, Place] = {}
        self.notifications: dict[str, list[Json]] = {}
        self.read_versions: Counter[str] = Counter()
        self.ended: set[str] = set()
        self.crowded: dict[str, set[str]] = {}
        self.away = False
        self.asked: list[str] = []
        self.page = 200

    def room(self, room_id: str = "room", **changes: Any) -> Place:
        """A new room."""
        self.rooms[room_id] = Place(**changes)
        return self.rooms[room_id]

    def notify(self, user_id: str) -> None:
        """One more notification for a user."""
        theirs = self.notifications.setdefault(user_id, [])
        theirs.append({"seq": len(theirs) + 1})

    def read(self, user_id: str, seq: int) -> None:
        """A user has read one."""
        self.notifications[user_id][seq - 1]["read"] = True
        self.read_versions[user_id] += 1

    @property
    def reads(self) -> Reads:
        """The functions that delivery is given."""
        return Reads(
            entries_after=self._entries_after,
            room_by_role=self._room_by_role,
            members=self._members,
            requests=self._requests,
            requests_since=self._requests_since,
            waiting=self._waiting,
            notifications_after=self._notifications_after,
            notifications_read=self._notifications_read,
            online_count=self._online_count,
            heads=self._heads,
            notification_heads=self._notification_heads,
            ended_sessions=self._ended_sessions,
            surplus=self._surplus,
        )

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise ConnectionError(what)

    def _entries_after(self, room_id: str, after: int) -> tuple[str, list[Entry]]:
        self._ask("log")
        if room_id not in self.rooms:
            return "", []
        place = self.rooms[room_id]
        return place.epoch, place.log[after : after + self.page]

    def _room_by_role(self, room_id: str) -> dict[str, Json]:
        self._ask("room")
        if room_id not in self.rooms:
            return {}
        place = self.rooms[room_id]
        room = {"id": room_id, "host": {"id": place.host_id}, "version": place.version}
        return {role: room | {"my_role": role} for role in ("host", "participant")}

    def _members(self, room_id: str) -> set[str]:
        self._ask("members")
        return set(self.rooms[room_id].members)

    def _requests(self, room_id: str, request_ids: list[str]) -> list[Json]:
        self._ask("requests")
        return [request for name, request in self.rooms[room_id].requests.items() if name in request_ids]

    def _requests_since(self, room_id: str, version: int) -> list[Json]:
        self._ask("lobby")
        return [each for each in self.rooms[room_id].requests.values() if each["version"] > version]

    def _waiting(self, host_ids: Iterable[str]) -> Mapping[str, Mapping[str, bool]]:
        self._ask("waiting")
        hosts = set(host_ids)
        return {
            name: {request["id"]: request.get("online", True) for request in place.requests.values()}
            for name, place in self.rooms.items()
            if place.host_id in hosts
        }

    def _notifications_after(self, user_id: str, seq: int) -> list[Json]:
        self._ask("notifications")
        return [each for each in self.notifications.get(user_id, []) if each["seq"] > seq]

    def _notifications_read(self, user_id: str, seq: int) -> tuple[list[Json], Json, int]:
        theirs = self.notifications.get(user_id, [])
        unread = sum(not each.get("read") for each in theirs)
        read = {"up_to_seq": len(theirs) - unread, "unread": unread}
        return self._notifications_after(user_id, seq), read, self.read_versions[user_id]

    def _online_count(self, room_id: str) -> int:
        self._ask("online")
        return self.rooms[room_id].online

    def _heads(self, room_ids: Iterable[str], host_ids: Iterable[str]) -> Mapping[str, Any]:
        self._ask("heads")
        rooms, hosts = set(room_ids), set(host_ids)
        return {name: place for name, place in self.rooms.items() if name in rooms or place.host_id in hosts}

    def _notification_heads(self, user_ids: list[str]) -> Mapping[str, NotificationHead]:
        self._ask("notification heads")
        return {user: Noted(len(self.notifications.get(user, [])), self.read_versions[user]) for user in user_ids}

    def _ended_sessions(self) -> set[str]:
        self._ask("sessions")
        return set(self.ended)

    def _surplus(self, user_ids: list[str]) -> set[str]:
        self._ask("surplus")
        return {each for user_id in user_ids for each in self.crowded.get(user_id, ())}


class Worker:
    """A worker's delivery without its greenlets: `settle` does what is on the courier's list, `look` is one poll."""

    def __init__(self, school: School, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.school = school
        self.hub = Hub(Errands(), self.clock)
        self.slept: list[float] = []
        self.courier = Courier(self.hub, school.reads, self.slept.append)
        self.poll = Poll(self.hub, self.courier, school.reads, self.clock)

    def join(self, user_id: str = "ada", room_id: str = "room", *, plain: bool = False) -> Ears:
        """A new connection that has entered a room now."""
        ears = Ears(user_id, only_room=room_id if plain else None)
        self.hub.add(ears)
        self.hub.note_host(user_id)
        place = self.school.rooms[room_id]
        pump, reader = self.hub.begin(ears, room_id)
        head, shown = place.last_seq, Shown(place.version, place.members_version)
        assert pump.finish(reader, epoch=place.epoch, head=head, answer=answer(head), shown=shown)
        ears.heard.clear()
        return ears

    def connect(self, user_id: str = "ada", *, notified: int = -1) -> Ears:
        """A new connection, in no room."""
        ears = Ears(user_id)
        ears.notified_seq = notified
        self.hub.add(ears)
        self.hub.note_host(user_id)
        return ears

    def tell(self, *news: Hint) -> None:
        """Hints come, and what they ask for is done."""
        self.hub.take(news)
        self.settle()

    def settle(self) -> bool:
        """One round of errands, if there are any; whether they were done."""
        return self.errands == List() or self.courier.go(self._wait())

    def look(self) -> None:
        """A look at the database, and what it asks for."""
        self.poll.look()
        self.settle()

    @property
    def errands(self) -> List:
        """What the courier has to do."""
        return self.hub.errands._list

    def _wait(self) -> List:
        errands = self.hub.errands.wait()
        assert errands is not None
        return errands
