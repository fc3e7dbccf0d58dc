"""The same moment, twice: what real threads may do to the rules, on both databases.

SQLite has one writer, so there the threads only queue; PostgreSQL is where a rule that reads before it locks loses.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Act, RequestStatus
from chatapp.db import database, reading, transaction
from chatapp.domain import absences, access, lobby, messages, notifications, participants, rooms, visits, workers
from chatapp.domain.actor import Actor
from chatapp.domain.messages import Sent
from chatapp.models import JoinRequest, Message, Notification
from tests.domain.classroom import Classroom, with_limits
from tests.support.wait import eventually

THREADS = 8
ROUNDS = 5


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of these came to, started together: its answer, or why it was refused. Anything else is a bug."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait(30)
        try:
            return act()
        except Refused as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(60) for future in [pool.submit(run, act) for act in acts]]


def codes(results: Sequence[Any]) -> Counter[Any]:
    """How often each refusal came; None counts the others."""
    return Counter(result.code if isinstance(result, Refused) else None for result in results)


def send_many(*sends: messages.Send) -> list[Sent | Refused]:
    with transaction() as tx:
        return messages.send_many(tx, sends)


def one_by_one(sends: list[messages.Send]) -> list[Sent | Refused]:
    return [answer for send in sends for answer in send_many(send)]


def five_by_five(sends: list[messages.Send]) -> list[Sent | Refused]:
    return [answer for first in range(0, len(sends), 5) for answer in send_many(*sends[first : first + 5])]


def a_text(actor: Actor, room_id: str, body: str = "hello") -> messages.Send:
    return messages.prepare(actor, room_id=room_id, client_id=ids.new_id(), body=body)


def pending(room_id: str) -> int:
    with reading() as session:
        return access.pending_count(session, room_id)


def test_of_two_decisions_at_once_one_wins_and_the_other_is_told(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for _ in range(ROUNDS):
        pupil = classroom.student()
        selector = {"request_id": classroom.knock(pupil, room_id)}
        lines, acts = len(classroom.log(room_id)), len(classroom.acts(room_id))
        results = at_once(
            partial(lobby.approve, host, room_id=room_id, selector=selector),
            partial(lobby.deny, host, room_id=room_id, selector=selector),
        )
        assert codes(results) == {None: 1, Code.NOT_PENDING: 1}
        (loser,) = [result for result in results if isinstance(result, Refused)]
        assert loser.data["decided_by"]["id"] == host.user_id
        status = lobby.mine(pupil, room_id=room_id)["status"]
        assert len(classroom.log(room_id)) - lines == (status == "approved")
        assert len(classroom.acts(room_id)) - acts == 1
        kinds = [item["kind"] for item in notifications.newest(pupil)["items"]]
        assert kinds == [f"join_request_{status}"]


def test_the_same_decision_many_times_at_once_is_made_once(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    selector = {"request_id": classroom.knock(pupil, room_id)}
    results = at_once(*[partial(lobby.approve, host, room_id=room_id, selector=selector)] * THREADS)
    assert all(result == results[0] for result in results) and results[0]["results"][0]["outcome"] == "approved"
    assert classroom.log(room_id) == ["room_created", "participant_joined"]
    assert [act for act, _, _ in classroom.acts(room_id)].count(Act.REQUEST_APPROVED) == 1
    assert len(notifications.newest(pupil)["items"]) == 1


def test_letting_everybody_in_twice_at_once_lets_each_in_once(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for _ in range(10):
        classroom.knock(classroom.student(), room_id)
    results = at_once(*[partial(lobby.approve, host, room_id=room_id, selector={"all": True})] * 3)
    assert sum(len(result["results"]) for result in results) == 10
    assert classroom.log(room_id).count("participant_joined") == 10


def test_many_knocks_at_once_are_one_pending_request(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for _ in range(ROUNDS):
        pupil = classroom.student()
        before = pending(room_id)
        results = at_once(*[partial(lobby.knock, pupil, room_id=room_id)] * THREADS)
        assert [new for _, new in results].count(True) == 1
        assert len({request["id"] for request, _ in results}) == 1
        assert pending(room_id) == before + 1
    kinds = [item["kind"] for item in notifications.newest(host)["items"]]
    assert kinds.count("join_request_created") == ROUNDS


def test_withdrawing_and_approving_at_once_ends_in_one_of_the_two(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for _ in range(ROUNDS):
        pupil = classroom.student()
        selector = {"request_id": classroom.knock(pupil, room_id)}
        results = at_once(
            partial(lobby.withdraw, pupil, room_id=room_id),
            partial(lobby.approve, host, room_id=room_id, selector=selector),
        )
        assert codes(results) == {None: 1, Code.NOT_PENDING: 1}
        status = lobby.mine(pupil, room_id=room_id)["status"]
        assert (status == "approved") == (pupil.user_id in participants.actives(room_id=room_id))


def test_the_last_seats_go_to_so_many_and_no_more(classroom: Classroom) -> None:
    with_limits(participants=4)
    room_id, _, _ = classroom.lesson(0, admission="open")
    pupils = [classroom.student() for _ in range(THREADS)]
    results = at_once(*[partial(lobby.knock, pupil, room_id=room_id) for pupil in pupils])
    assert codes(results) == {None: 3, Code.ROOM_FULL: THREADS - 3}
    assert len(participants.actives(room_id=room_id)) == 4


def test_the_last_places_in_the_lobby_go_to_so_many_and_no_more(classroom: Classroom) -> None:
    with_limits(pending=3)
    room_id, _, _ = classroom.lesson(0)
    pupils = [classroom.student() for _ in range(THREADS)]
    results = at_once(*[partial(lobby.knock, pupil, room_id=room_id) for pupil in pupils])
    assert codes(results) == {None: 3, Code.LIMIT_REACHED: THREADS - 3} and pending(room_id) == 3


def test_a_teachers_last_open_room_is_created_once(classroom: Classroom) -> None:
    with_limits(open_rooms=2)
    teacher = classroom.teacher()
    closed = classroom.room(teacher)
    rooms.close(teacher, room_id=closed)
    classroom.room(teacher)
    results = at_once(
        *[partial(rooms.create, teacher, title="Class")] * 4, partial(rooms.reopen, teacher, room_id=closed)
    )
    assert codes(results) == {None: 1, Code.LIMIT_REACHED: 4}
    assert len(rooms.list_cards(teacher)["items"]) == 2


def test_the_same_client_id_from_many_threads_is_one_row(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    for n in range(ROUNDS):
        head = classroom.row(room_id).last_seq
        send = messages.prepare(pupil, room_id=room_id, client_id=f"c{n}", body="hello")
        results = [answer for (answer,) in at_once(*[partial(send_many, send)] * THREADS)]
        assert Counter(sent.duplicate for sent in results) == {False: 1, True: THREADS - 1}
        assert {sent.seq for sent in results} == {head + 1} and len({sent.payload for sent in results}) == 1
        assert classroom.row(room_id).last_seq == head + 1


def test_the_same_client_id_with_many_bodies_is_one_row_and_conflicts(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    sends = [messages.prepare(pupil, room_id=room_id, client_id="c", body=f"{n}") for n in range(THREADS)]
    results = [answer for (answer,) in at_once(*[partial(send_many, send) for send in sends])]
    assert codes(results) == {None: 1, Code.CONFLICT: THREADS - 1}
    assert len(classroom.log(room_id)) == 3


def test_batches_over_crossing_rooms_neither_deadlock_nor_leave_a_hole(classroom: Classroom) -> None:
    lessons = [classroom.lesson(2) for _ in range(6)]
    batches, size = 15, 6

    def talk(seed: int) -> int:
        lane, chance, sent = database.lane(messages.PREPARED), random.Random(seed), 0
        for _ in range(batches):
            chosen = [chance.choice(lessons) for _ in range(size)]
            sends = [a_text(chance.choice([host, *pupils]), room_id) for room_id, host, pupils in chosen]
            with lane.transaction() as tx:
                results = messages.send_many(tx, sends)
            sent += sum(isinstance(result, Sent) for result in results)
        lane.close()
        return sent

    total = sum(at_once(*[partial(talk, seed) for seed in range(THREADS)]))
    assert total == THREADS * batches * size
    assert sum(len(classroom.log(room_id)) - 3 for room_id, _, _ in lessons) == total


def test_every_way_of_writing_at_once_neither_deadlocks_nor_leaves_a_hole(classroom: Classroom) -> None:
    """Mentions, closings and removals lock users after rooms; sends cross rooms; hosts come and go."""
    host = classroom.teacher()
    pupils = [classroom.student(f"pupil{n}") for n in range(4)]
    room_ids = [classroom.room(host, host_grace_seconds=n % 2) for n in range(4)]
    for room_id in room_ids:
        classroom.let_in(host, room_id, *pupils)
    mention = " ".join(f"@{pupil.username}" for pupil in pupils)

    def do_something(chance: random.Random) -> Any:
        room_id, pupil = chance.choice(room_ids), chance.choice(pupils)
        acts: list[Callable[[], Any]] = [
            lambda: send_many(*(a_text(pupil, one, mention) for one in chance.sample(room_ids, 3))),
            lambda: participants.remove(host, room_id=room_id, user_id=pupil.user_id),
            lambda: lobby.approve(host, room_id=room_id, selector={"user_id": pupil.user_id}),
            lambda: rooms.close(host, room_id=room_id),
            lambda: rooms.reopen(host, room_id=room_id),
            lambda: visits.disconnect(connection_id=classroom.connect(host, *room_ids)),
            lambda: lobby.knock(pupil, room_id=room_id),
        ]
        return chance.choice(acts)()

    def act(seed: int) -> list[Refused]:
        chance = random.Random(seed)
        refusals = []
        for _ in range(12):
            try:
                do_something(chance)
            except Refused as refusal:
                refusals.append(refusal)
        return refusals

    refusals = at_once(*[partial(act, seed) for seed in range(THREADS)])
    assert codes([refusal for some in refusals for refusal in some])[Code.UNAVAILABLE] == 0
    for room_id in room_ids:
        log = classroom.log(room_id)
        for place, line in enumerate(log[:-1]):
            assert (line == "room_closed") == (log[place + 1] == "room_reopened")
    with reading() as session:
        for actor in (host, *pupils):
            query = select(Notification.seq).where(Notification.user_id == actor.user_id).order_by(Notification.seq)
            seqs = list(session.scalars(query))
            assert seqs == list(range(1, len(seqs) + 1))


def test_nothing_of_a_removed_participant_stands_above_the_removal(classroom: Classroom) -> None:
    room_id, host, pupils = classroom.lesson(ROUNDS)
    for pupil in pupils:
        sends = [a_text(pupil, room_id, f"{n}") for n in range(30)]
        results = at_once(
            partial(one_by_one, sends),
            partial(five_by_five, sends),
            partial(participants.remove, host, room_id=room_id, user_id=pupil.user_id),
        )
        removed_at = results[2]["seq"]
        with reading() as session:
            last = session.scalar(
                select(func.max(Message.seq)).where(Message.room_id == room_id, Message.sender_id == pupil.user_id)
            )
        assert (last or 0) < removed_at
        assert send_many(sends[0])[0].code is Code.NOT_FOUND  # type: ignore[union-attr]


def test_nothing_is_said_in_a_closed_room_however_close(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    for _ in range(ROUNDS):
        results = at_once(
            partial(one_by_one, [a_text(pupil, room_id) for _ in range(10)]),
            partial(one_by_one, [a_text(host, room_id) for _ in range(10)]),
            partial(rooms.close, host, room_id=room_id),
        )
        assert classroom.log(room_id)[-1] == "room_closed"
        said = [answer for answers in results[:2] for answer in answers if isinstance(answer, Sent)]
        assert all(sent.seq < results[2]["head"] for sent in said)
        rooms.reopen(host, room_id=room_id)


def test_an_abandoned_room_is_closed_by_one_of_many(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    results = at_once(*[partial(absences.close_abandoned, room_id=room_id, absence=1)] * THREADS)
    assert Counter(results) == {True: 1, False: THREADS - 1}
    assert classroom.log(room_id).count("room_closed") == 1


def test_a_host_who_returns_in_the_last_moment_is_back_or_too_late(classroom: Classroom) -> None:
    for _ in range(ROUNDS):
        room_id, host, _ = classroom.lesson(0)
        visits.disconnect(connection_id=classroom.connect(host, room_id))
        absences.tell_away(room_id=room_id, absence=1, closes_in=0)
        closed, _ = at_once(
            partial(absences.close_abandoned, room_id=room_id, absence=1),
            partial(classroom.connect, host, room_id),
        )
        assert classroom.log(room_id)[-2:] == ["host_away", "room_closed" if closed else "host_back"]
        assert (classroom.row(room_id).closed_at is not None) == closed


def test_two_tabs_that_close_together_are_one_absence(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for n in range(ROUNDS):
        tabs = [classroom.connect(host, room_id) for _ in range(4)]
        at_once(*[partial(visits.disconnect, connection_id=tab) for tab in tabs])
        assert classroom.row(room_id).host_absence == n + 1
        assert [absence.number for absence in workers.absences()] == [n + 1]


def test_a_host_who_is_here_is_never_marked_absent(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    connection = classroom.connect(host, room_id)
    for _ in range(10):
        _, following = at_once(
            partial(visits.disconnect, connection_id=connection),
            partial(classroom.connect, host, room_id),
        )
        assert workers.absences() == [] and "host_away" not in classroom.log(room_id)
        connection = following


def test_a_worker_is_buried_once_while_its_people_come_back_elsewhere(classroom: Classroom) -> None:
    lessons = [classroom.lesson(1, host_grace_seconds=5) for _ in range(3)]
    for room_id, host, (pupil,) in lessons:
        classroom.connect(host, room_id)
        classroom.connect(pupil, room_id)
    dead, classroom.worker = classroom.worker, workers.begin()
    results = at_once(
        partial(workers.bury, dead),
        partial(workers.bury, dead),
        *[partial(classroom.connect, host, room_id) for room_id, host, _ in lessons],
        *[partial(send_many, a_text(host, room_id)) for room_id, host, _ in lessons],
    )
    assert sorted(results[:2]) == [False, True]
    assert workers.absences() == []
    for room_id, host, (pupil,) in lessons:
        with reading() as session:
            assert visits.online(session.connection(), room_id) == {host.user_id}
        log = classroom.log(room_id)
        assert log.count("host_away") == log.count("host_back") <= 1
        assert pupil.user_id in participants.actives(room_id=room_id)


# What follows arranges who waits for whom, by PostgreSQL's own word, so that it cannot pass by luck. SQLite has no
# such queue: its one writer waits in our own process.

on_postgresql = pytest.mark.parametrize(
    "engine", [pytest.param("postgresql", marks=pytest.mark.service)], indirect=True
)


@pytest.fixture
def queue(classroom: Classroom, engine: Engine) -> Iterator[Queue]:
    """Who waits for a lock of this database."""
    with ThreadPoolExecutor(4) as pool:
        yield Queue(engine, pool)


class Queue:
    """Threads that wait for a locked room, one behind the other."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._pool = pool
        self._waiting = 0

    def line_up(self, act: Callable[[], Any]) -> Future[Any]:
        """Start `act`, and return its future when PostgreSQL says that it waits behind the others."""
        future = self._pool.submit(act)
        self._waiting += 1
        eventually(lambda: self._waiters() >= self._waiting, message="it does not wait for the room's lock")
        return future

    def _waiters(self) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with self._engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())


@on_postgresql
def test_a_send_that_waited_behind_the_removal_reads_it(classroom: Classroom, queue: Queue) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    with transaction() as tx:
        access.lock_room(tx.session, room_id)
        removal = queue.line_up(partial(participants.remove, host, room_id=room_id, user_id=pupil.user_id))
        batch = queue.line_up(partial(send_many, a_text(pupil, room_id), a_text(other, room_id)))
    (mine, others) = batch.result(10)
    assert isinstance(mine, Refused) and mine.code is Code.NOT_FOUND
    assert others.seq == removal.result(10)["seq"] + 1


@on_postgresql
def test_a_knock_that_waited_behind_the_other_reads_it(classroom: Classroom, queue: Queue) -> None:
    room_id, _, _ = classroom.lesson(0)
    pupil = classroom.student()
    with transaction() as tx:
        access.lock_room(tx.session, room_id)
        first = queue.line_up(partial(lobby.knock, pupil, room_id=room_id))
        second = queue.line_up(partial(lobby.knock, pupil, room_id=room_id))
    assert [first.result(10)[1], second.result(10)[1]] == [True, False]
    with reading() as session:
        query = select(func.count()).where(
            JoinRequest.room_id == room_id, JoinRequest.status == RequestStatus.PENDING.value
        )
        assert session.scalar(query) == 1


@on_postgresql
def test_a_send_that_waited_behind_the_same_client_id_is_the_duplicate(classroom: Classroom, queue: Queue) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    send = a_text(pupil, room_id)
    with transaction() as tx:
        access.lock_room(tx.session, room_id)
        first = queue.line_up(partial(send_many, send))
        second = queue.line_up(partial(send_many, send))
    assert [answer.duplicate for answer in first.result(10) + second.result(10)] == [False, True]


@on_postgresql
def test_a_host_who_waited_behind_the_closing_finds_it(classroom: Classroom, queue: Queue) -> None:
    room_id, host, _ = classroom.lesson(0)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    with transaction() as tx:
        access.lock_room(tx.session, room_id)
        closing = queue.line_up(partial(absences.close_abandoned, room_id=room_id, absence=1))
        coming = queue.line_up(partial(classroom.connect, host, room_id))
    assert closing.result(10) is True and coming.result(10)
    assert classroom.log(room_id) == ["room_created", "room_closed"]


@on_postgresql
def test_a_closing_that_waited_behind_the_host_does_not_happen(classroom: Classroom, queue: Queue) -> None:
    room_id, host, _ = classroom.lesson(0)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    with transaction() as tx:
        access.lock_room(tx.session, room_id)
        coming = queue.line_up(partial(classroom.connect, host, room_id))
        closing = queue.line_up(partial(absences.close_abandoned, room_id=room_id, absence=1))
    assert coming.result(10) and closing.result(10) is False
    assert classroom.log(room_id) == ["room_created"] and classroom.row(room_id).closed_at is None
