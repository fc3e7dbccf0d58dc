"""A room against a small model of it: hypothesis plays a class's day at the domain's door, and both must agree.

The model knows nothing of SQL, versions or sockets; it is what a reader of the contract would expect of a room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine, event

from chatapp.contract import jsontext
from chatapp.contract.errors import Refused
from chatapp.contract.words import Role
from chatapp.db import Base, connect_args, database, now, transaction
from chatapp.domain import absences, entering, history, limits, lobby, messages, participants, rooms, visits
from chatapp.domain.actor import Actor
from chatapp.models import Worker
from tests.support.people import Enrolled, enrol

TEACHER, *STUDENTS = PEOPLE = [Enrolled("teacher", 1), *(Enrolled("student", number) for number in range(1, 3))]
WORKER = "w" * 20

students = st.sampled_from(STUDENTS)
people = st.sampled_from(PEOPLE)
connections = st.sampled_from(["tab", "phone"])


def actor(who: Enrolled) -> Actor:
    return Actor(who.id, who.session_id, Role(who.role), who.username, who.display_name)


HOST = actor(TEACHER)


def answer(operation: Callable[[], Any]) -> Any:
    """What it returns, or the code of its refusal."""
    try:
        return operation()
    except Refused as refusal:
        return refusal.code.value


class RoomMachine(RuleBasedStateMachine):
    """The room on the right, the model in these fields on the left. So small that it fills, and the lobby overflows."""

    seats = 2
    bench = 1

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[str, str]] = []
        self.checked = 0
        self.places: dict[Enrolled, str] = {}
        self.requests: dict[Enrolled, str] = {}
        self.sent: dict[tuple[str, str], tuple[int, str]] = {}
        self.open = True
        self.admission = "ask"
        self.visiting: set[str] = set()
        self.absence = 0
        self.absent = False
        self.away_told = False

    @initialize(grace=st.sampled_from([0, 5, 60, 60]), admission=st.sampled_from(["ask", "ask", "ask", "open"]))
    def create(self, grace: int, admission: str) -> None:
        self.grace = grace
        self.admission = admission
        made = rooms.create(HOST, title="Class", host_grace_seconds=grace, admission=admission)
        self.room_id = made["id"]
        self.say("room_created", TEACHER)

    # The model's own words

    def say(self, code: str, who: Enrolled | None = None) -> None:
        self.log.append((code, who.id if who else ""))

    def active(self) -> list[Enrolled]:
        return [one for one, state in self.places.items() if state == "active"]

    def waiting(self) -> list[Enrolled]:
        return [one for one, status in self.requests.items() if status == "pending"]

    def full(self) -> bool:
        return len(self.active()) + 1 >= self.seats

    def admit(self, who: Enrolled) -> None:
        self.places[who] = "active"
        self.say("participant_joined", who)

    def shut(self) -> None:
        self.open = False
        self.absent = self.away_told = False
        for one in self.waiting():
            self.requests[one] = "expired"
        self.say("room_closed")

    # What may happen. Coming in and talking are half of it: a room that nobody reaches tests nothing.

    @rule(who=students, how=st.sampled_from(["withdraw", "leave", "deny", "remove", "ban", "unban"]))
    def part(self, who: Enrolled, how: str) -> None:
        ways = {
            "withdraw": self.withdraw,
            "leave": self.leave,
            "deny": self.deny,
            "remove": lambda one: self.remove(one, ban=False),
            "ban": lambda one: self.remove(one, ban=True),
            "unban": self.unban,
        }
        ways[how](who)

    @rule(who=students, other=students)
    def stand_in_the_door(self, who: Enrolled, other: Enrolled) -> None:
        self.enter(who)
        self.play_the_host(who, other)

    @rule(how=st.sampled_from(["close", "leave", *["reopen"] * 4, *["ask"] * 4, "open", "closed"]))
    def run_the_room(self, how: str) -> None:
        if how in ("close", "leave"):
            self.close(by_leaving=how == "leave")
        elif how == "reopen":
            self.reopen()
        else:
            self.change_admission(how)

    @rule(
        how=st.sampled_from(["return", "return", "drop", "drop", "drop both", "lasts", "is over"]),
        connection=connections,
        stale=st.booleans(),
    )
    def come_and_go(self, how: str, connection: str, stale: bool) -> None:
        if how == "return":
            self.return_(connection)
        elif how == "lasts":
            self.the_absence_has_lasted(stale)
        elif how == "is over":
            self.the_grace_time_is_over(stale)
        elif self.visiting:
            self.drop(both=how == "drop both")

    # Students

    @rule(who=students)
    def knock(self, who: Enrolled) -> None:
        got = answer(lambda: lobby.knock(actor(who), room_id=self.room_id, note="Let me in"))
        state = self.places.get(who)
        if state == "active":
            assert got[0]["status"] == "approved" and got[0]["id"] is None and got[1] is False
        elif state == "banned":
            assert got == "forbidden"
        elif not self.open:
            assert got == "room_closed"
        elif self.admission == "closed":
            assert got == "forbidden"
        elif self.requests.get(who) == "pending":
            if self.admission == "open" and not self.full():
                assert got[0]["status"] == "approved" and got[1] is False
                self.requests[who] = "approved"
                self.admit(who)
            else:
                assert got[0]["status"] == "pending" and got[1] is False
        elif self.admission == "open":
            if self.full():
                assert got == "room_full"
            else:
                assert got[0]["status"] == "approved" and got[1] is True
                self.requests[who] = "approved"
                self.admit(who)
        elif len(self.waiting()) >= self.bench:
            assert got == "limit_reached"
        else:
            assert got[0]["status"] == "pending" and got[1] is True
            self.requests.pop(who, None)  # the newest stands last
            self.requests[who] = "pending"

    def withdraw(self, who: Enrolled) -> None:
        got = answer(lambda: lobby.withdraw(actor(who), room_id=self.room_id))
        status = self.requests.get(who)
        if status is None:
            assert got == "not_found"
        elif status in ("pending", "withdrawn"):
            assert got["status"] == "withdrawn"
            self.requests[who] = "withdrawn"
        else:
            assert got == "not_pending"

    def leave(self, who: Enrolled) -> None:
        got = answer(lambda: participants.leave(actor(who), room_id=self.room_id))
        if self.places.get(who) != "active":
            assert got == "not_found"
        else:
            assert "join_code" not in got
            self.places[who] = "left"
            if self.open:
                self.say("participant_left", who)

    @rule(who=people, client_id=st.sampled_from(["a", "b"]), body=st.sampled_from(["hello", "good morning"]))
    def send(self, who: Enrolled, client_id: str, body: str) -> None:
        got = answer(lambda: messages.send(actor(who), room_id=self.room_id, client_id=client_id, body=body))
        known = self.sent.get((who.id, client_id))
        if who is not TEACHER and self.places.get(who) != "active":
            assert got == "not_found"
        elif known is not None:
            if known[1] == body:
                assert got.duplicate and got.seq == known[0]
                assert jsontext.decode(got.payload)["body"] == body
            else:
                assert got == "conflict"
        elif not self.open:
            assert got == "room_closed"
        else:
            assert not got.duplicate and got.seq == len(self.log) + 1
            self.log.append((body, who.id))
            self.sent[who.id, client_id] = (got.seq, body)

    def enter(self, who: Enrolled) -> None:
        got = answer(lambda: entering.enter(actor(who), room_id=self.room_id, after=0).answer)
        if self.places.get(who) != "active":
            assert got == "not_found"
        else:
            assert got["head"] == len(self.log) == len(got["messages"])
            assert (
                jsontext.decode(jsontext.encode(got["me"]))["role"] == "participant"
                and not got["more"]
                and not got["reset"]
            )

    def play_the_host(self, who: Enrolled, other: Enrolled) -> None:
        """Nobody decides but the host: who is inside is told so, who is outside learns nothing."""
        told = "forbidden" if self.places.get(who) == "active" else "not_found"
        me = actor(who)
        assert answer(lambda: lobby.approve(me, room_id=self.room_id, selector={"user_id": other.id})) == told
        assert answer(lambda: lobby.deny(me, room_id=self.room_id, selector={"all": True})) == told
        assert answer(lambda: participants.remove(me, room_id=self.room_id, user_id=other.id)) == told
        assert answer(lambda: rooms.close(me, room_id=self.room_id)) == told
        assert answer(lambda: rooms.reopen(me, room_id=self.room_id)) == told

    # The host's decisions

    @rule(who=students)
    def approve(self, who: Enrolled) -> None:
        got = answer(lambda: lobby.approve(HOST, room_id=self.room_id, selector={"user_id": who.id}))
        status = self.requests.get(who)
        if not self.open and status is not None:
            if status == "approved" and self.places.get(who) == "active":
                assert outcomes(got) == ["approved"]
            else:
                assert got == "room_closed"
        elif self.open and self.places.get(who) in ("removed", "banned") and status != "pending":
            if self.full():
                assert got == "room_full"
            else:
                assert outcomes(got) == ["approved"]
                self.admit(who)
        elif status is None:
            assert got == "not_found"
        elif status == "pending":
            if self.full():
                assert got == "room_full"
            else:
                assert outcomes(got) == ["approved"]
                self.requests[who] = "approved"
                self.admit(who)
        elif status == "approved" and self.places.get(who) == "active":
            assert outcomes(got) == ["approved"]
        else:
            assert got == "not_pending"

    @rule()
    def approve_all(self) -> None:
        got = answer(lambda: lobby.approve(HOST, room_id=self.room_id, selector={"all": True}))
        if not self.open:
            assert got == "room_closed"
            return
        by_id = {one.id: one for one in STUDENTS}
        assert sorted(row["user_id"] for row in got["results"]) == sorted(one.id for one in self.waiting())
        for row in got["results"]:
            if self.full():
                assert row["outcome"] == "room_full"
            else:
                assert row["outcome"] == "approved"
                self.requests[by_id[row["user_id"]]] = "approved"
                self.admit(by_id[row["user_id"]])

    def deny(self, who: Enrolled) -> None:
        got = answer(lambda: lobby.deny(HOST, room_id=self.room_id, selector={"user_id": who.id}, reason="Full today"))
        status = self.requests.get(who)
        if status is None:
            assert got == "not_found"
        elif status in ("pending", "denied"):
            assert outcomes(got) == ["denied"]
            self.requests[who] = "denied"
        else:
            assert got == "not_pending"

    def remove(self, who: Enrolled, ban: bool) -> None:
        got = answer(lambda: participants.remove(HOST, room_id=self.room_id, user_id=who.id, ban=ban))
        state = self.places.get(who)
        if state in (None, "left"):
            assert got == "not_found"
            return
        if state == "active":
            self.places[who] = "banned" if ban else "removed"
            if self.open:
                self.say("participant_removed", who)
        elif ban:
            self.places[who] = "banned"
            if state == "removed" and self.requests.get(who) == "pending":
                self.requests[who] = "denied"
        assert got == {"user_id": who.id, "seq": len(self.log), "banned": self.places[who] == "banned"}

    def unban(self, who: Enrolled) -> None:
        got = answer(lambda: participants.unban(HOST, room_id=self.room_id, user_id=who.id))
        if self.places.get(who) == "banned":
            assert got == {"user_id": who.id}
            self.places[who] = "left"
        else:
            assert got == "not_found"

    def change_admission(self, admission: str) -> None:
        rooms.update(HOST, room_id=self.room_id, changes={"admission": admission})
        if admission == "open" != self.admission:
            for one in self.waiting():
                if not self.full():
                    self.requests[one] = "approved"
                    self.admit(one)
        self.admission = admission

    def close(self, by_leaving: bool) -> None:
        shown = (participants.leave if by_leaving else rooms.close)(HOST, room_id=self.room_id)
        if self.open:
            self.shut()
        assert shown["status"] == "closed" and shown["closes_at"] is None

    def reopen(self) -> None:
        rooms.reopen(HOST, room_id=self.room_id)
        if not self.open:
            self.open = True
            self.say("room_reopened", TEACHER)

    # The host's connections

    def return_(self, connection: str) -> None:
        visits.enter(HOST, connection_id=self.own(connection), room_id=self.room_id, worker_id=WORKER)
        self.visiting.add(connection)
        if self.absent:
            self.absent = False
            if self.away_told:
                self.away_told = False
                self.say("host_back", TEACHER)

    def drop(self, both: bool) -> None:
        going = sorted(self.visiting)
        for connection in going if both else going[:1]:
            visits.disconnect(connection_id=self.own(connection))
            self.visiting.discard(connection)
        if self.visiting or not self.open or self.absent:
            return
        self.absence += 1
        if self.grace == 0:
            self.shut()
            return
        self.absent = True
        if self.grace < absences.AT_ONCE_BELOW:
            self.tell_away()

    def the_absence_has_lasted(self, stale: bool) -> None:
        absences.tell_away(room_id=self.room_id, absence=self.absence - stale, closes_in=self.grace)
        if self.absent and not stale and not self.away_told:
            self.tell_away()

    def the_grace_time_is_over(self, stale: bool) -> None:
        closed = absences.close_abandoned(room_id=self.room_id, absence=self.absence - stale)
        assert closed == (self.absent and not stale)
        if closed:
            self.shut()

    def tell_away(self) -> None:
        self.away_told = True
        self.say("host_away", TEACHER)

    def own(self, connection: str) -> str:
        return f"{connection}-{self.room_id}"

    # What must hold after every step

    @invariant()
    def the_room_is_the_models(self) -> None:
        found = jsontext.decode(jsontext.encode(entering.enter(HOST, room_id=self.room_id, after=self.checked).answer))
        assert found["head"] == len(self.log)
        assert [item["seq"] for item in found["messages"]] == list(range(self.checked + 1, len(self.log) + 1))
        assert [_told(item) for item in found["messages"]] == self.log[self.checked :]
        self.checked = len(self.log)
        shown = found["room"]
        assert shown["status"] == ("closed" if not self.open else "unsupervised" if self.away_told else "open")
        assert shown["participant_count"] == len(self.active()) + 1 <= self.seats
        assert shown["pending_count"] == len(self.waiting()) <= self.bench
        assert (shown["closes_at"] is not None) == self.away_told
        assert (shown["join_code"] is None) == (not self.open)
        inside = {row["user"]["id"] for row in found["participants"]}
        assert inside == {TEACHER.id} | {one.id for one in self.active()}

    def teardown(self) -> None:
        """In the end the whole log is read again, and the lobby: nothing has changed behind the cursor."""
        if not self.log:
            return
        stored = history.read(HOST, room_id=self.room_id, after=0, limit=200)
        assert [_told(item) for item in stored["items"]] == self.log
        pending = lobby.requests(HOST, room_id=self.room_id, status="pending")["items"]
        assert {row["user"]["id"] for row in pending} == {one.id for one in self.waiting()}

    @invariant()
    def each_opening_closes_once(self) -> None:
        after_closing = [
            then for (code, _), (then, _) in zip(self.log, self.log[1:], strict=False) if code == "room_closed"
        ]
        assert set(after_closing) <= {"room_reopened"}


def outcomes(got: Any) -> list[str]:
    assert isinstance(got, dict), got
    return [row["outcome"] for row in got["results"]]


def _told(item: dict[str, Any]) -> tuple[str, str]:
    if item["type"] == "system":
        about = item["params"].get("user")
        return item["code"], about["id"] if about else ""
    return item["body"], item["sender"]["id"]


@pytest.fixture
def school(tmp_path: Path) -> Iterator[None]:
    """An empty school on a file that need not survive a power cut."""
    url = f"sqlite:///{tmp_path / 'school.db'}"
    engine = create_engine(url, connect_args=connect_args(url))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    Base.metadata.create_all(engine)
    enrol(url, PEOPLE)
    database.bind(engine)
    before = limits.current()
    limits.use(
        limits.Limits(participants=RoomMachine.seats, pending=RoomMachine.bench, open_rooms=1_000_000, knocks=1_000_000)
    )
    with transaction() as tx:
        tx.session.add(Worker(id=WORKER, started_at=now()))
    yield
    limits.use(before)
    engine.dispose()


def test_a_room_behaves_as_its_model(school: None) -> None:
    run_state_machine_as_test(
        RoomMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=50,
            phases=(Phase.explicit, Phase.generate),  # shrinking would replay this database for minutes
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            database=None,
        ),
    )
