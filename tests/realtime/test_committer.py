"""The group commit alone: what goes together, who gets which answer when something fails, and that it never stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, LogGrew, LogUncertain, RoomChanged
from chatapp.realtime import committer as module
from chatapp.realtime.committer import Committer
from chatapp.realtime.connection import Cork
from tests.realtime.doubles import Clock, Ears
from tests.support.wait import eventually


class OperationalError(Exception):
    """What SQLAlchemy raises for a database that is away."""

    orig: Exception | None = None


class LockNotAvailable(OperationalError):
    """What psycopg raises for a lock that another holds."""


@dataclass(frozen=True)
class Send:
    room: str
    text: str


@dataclass
class Book:
    """What is committed: a log of each room, written batch by batch. `trouble` is asked before each batch."""

    batches: list[list[str]] = field(default_factory=list)
    stored: list[Send] = field(default_factory=list)
    trouble: Callable[[list[Send]], None] = lambda batch: None
    trouble_after: Callable[[list[Send]], None] = lambda batch: None

    def write(self, batch: list[Send]) -> tuple[list[str | Refused], list[Hint]]:
        self.batches.append([send.text for send in batch])
        self.trouble(batch)
        answers: list[str | Refused] = []
        for send in batch:
            answers.append(f"{send.text} again" if send in self.stored else send.text)
            if send not in self.stored:
                self.stored.append(send)
        self.trouble_after(batch)
        return answers, [LogGrew(room, "one", ()) for room in sorted({send.room for send in batch})]


class Desk:
    """A committer with its book; `told` has announcements and answers in the order they went out."""

    def __init__(self, *, capacity: int = 100, cork: Cork | None = None) -> None:
        self.book = Book()
        self.clock = Clock()
        self.told: list[Hint | tuple[str, str]] = []
        self.committer = Committer[Send, str](
            write=self.write,
            announce=self.announce,
            room_of=lambda send: send.room,
            capacity=capacity,
            deadline_seconds=8.0,
            cork=cork,
            clock=self.clock,
        )
        self.thread: threading.Thread | None = None

    def write(self, batch: list[Send]) -> tuple[list[str | Refused], list[Hint]]:
        return self.book.write(batch)

    def announce(self, hints: list[Hint]) -> None:
        self.told += hints

    def submit(self, text: str, room: str = "a") -> None:
        def reply(answer: str | Refused) -> None:
            self.told.append((text, answer.code.value if isinstance(answer, Refused) else answer))

        self.committer.submit(Send(room, text), reply)

    def run(self) -> None:
        """Commit in a thread from now on."""
        self.committer.begin()
        self.thread = threading.Thread(target=self.committer.run, daemon=True)
        self.thread.start()

    def finish(self) -> None:
        """Commit all that was submitted, in one batch if nothing divides it."""
        if self.thread is None:
            self.run()
        self.committer.stop()
        assert self.thread is not None
        self.thread.join(5)
        assert not self.thread.is_alive()

    @property
    def answers(self) -> dict[str, str]:
        return dict(each for each in self.told if isinstance(each, tuple))

    @property
    def hints(self) -> list[Hint]:
        return [each for each in self.told if not isinstance(each, tuple)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    desk.committer.begin()
    yield desk
    desk.committer.stop()
    if desk.thread is not None:
        desk.thread.join(5)


# Together


def test_what_gathers_while_a_batch_is_committed_goes_together_in_order(desk: Desk) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(batch: list[Send]) -> None:
        if batch[0].text == "1":
            entered.set()
            leave.wait(5)

    desk.book.trouble = slow
    desk.run()
    desk.submit("1")
    assert entered.wait(5)
    assert desk.committer.busy
    for text in "2345":
        desk.submit(text, room=text)
    assert desk.committer.depth == 4
    leave.set()
    desk.finish()
    assert desk.book.batches == [["1"], ["2", "3", "4", "5"]]
    assert [each[0] for each in desk.told if isinstance(each, tuple)] == ["1", "2", "3", "4", "5"]
    assert not desk.committer.busy


def test_a_batch_is_announced_before_it_is_answered(desk: Desk) -> None:
    desk.submit("1")
    desk.submit("2", room="b")
    desk.finish()
    assert desk.told == [LogGrew("a", "one", ()), LogGrew("b", "one", ()), ("1", "1"), ("2", "2")]


def test_a_batch_has_a_greatest_size(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 2)
    for text in "12345":
        desk.submit(text)
    desk.finish()
    assert desk.book.batches == [["1", "2"], ["3", "4"], ["5"]]


def test_a_refusal_of_one_send_is_no_failure_of_the_batch(desk: Desk) -> None:
    def write(batch: list[Send]) -> tuple[list[str | Refused], list[Hint]]:
        return [Refused(Code.ROOM_CLOSED) if send.text == "2" else send.text for send in batch], []

    desk.book.write = write  # type: ignore[method-assign]
    for text in "123":
        desk.submit(text)
    desk.finish()
    assert desk.answers == {"1": "1", "2": "room_closed", "3": "3"}


def test_the_answers_and_events_of_a_batch_share_one_write_of_each_connection() -> None:
    cork = Cork()
    desk = Desk(cork=cork)
    ears = Ears()
    corked: list[bool] = []

    def reply(answer: object) -> None:
        corked.append(cork.is_in)
        if ears not in cork.waiting:
            cork.waiting.append(ears)

    desk.committer.begin()
    for text in "123":
        desk.committer.submit(Send("a", text), reply)
    desk.finish()
    assert corked == [True, True, True]
    assert ears.flushed == 1
    assert not cork.is_in


def test_a_connection_that_cannot_be_flushed_harms_no_other() -> None:
    class Broken(Ears):
        def flush(self) -> None:
            raise OSError

    cork = Cork()
    broken, ears = Broken(), Ears()
    with capture_logs() as logs, cork.gather(), cork.gather():
        cork.waiting += [broken, ears]
    assert ears.flushed == 1
    assert [each["event"] for each in logs] == ["flush_failed"]
    assert (cork.is_in, cork.waiting) == (False, [])


# Bounded


def test_beyond_the_queue_a_send_is_told_when_to_come_back() -> None:
    desk = Desk(capacity=2)
    desk.committer.begin()
    desk.submit("1")
    desk.submit("2")
    with pytest.raises(Refused) as caught:
        desk.submit("3")
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after == module.RETRY_AFTER_SECONDS
    assert caught.value.retryable
    desk.finish()
    assert desk.answers == {"1": "1", "2": "2"}


def test_past_its_deadline_a_send_is_refused_and_nothing_is_begun_for_it(desk: Desk) -> None:
    desk.submit("late")
    desk.clock.advance(7.9)
    desk.submit("in time")
    desk.clock.advance(0.1)
    desk.finish()
    assert desk.answers == {"late": "unavailable", "in time": "in time"}
    assert desk.book.batches == [["in time"]]


def test_where_all_are_late_the_database_is_left_alone(desk: Desk) -> None:
    desk.submit("late")
    desk.clock.advance(8)
    desk.finish()
    assert desk.answers == {"late": "unavailable"}
    assert desk.book.batches == []


def test_the_deadline_holds_for_every_later_try_too(desk: Desk) -> None:
    """Dividing takes time: who is last must not wait for all before."""

    def slow(batch: list[Send]) -> None:
        desk.clock.advance(3)
        raise ValueError

    desk.book.trouble = slow
    for n in range(10):
        desk.submit(str(n), room="a")
    desk.finish()
    assert len(desk.book.batches) == 3
    assert desk.answers == {"0": "internal"} | {str(n): "unavailable" for n in range(1, 10)}


# One is guilty


def test_one_guilty_send_in_three_rooms_is_the_only_one_that_fails(desk: Desk) -> None:
    def trouble(batch: list[Send]) -> None:
        if any(send.text == "bad" for send in batch):
            raise ValueError

    desk.book.trouble = trouble
    for text, room in (("1", "a"), ("2", "b"), ("bad", "b"), ("3", "b"), ("4", "c")):
        desk.submit(text, room)
    with capture_logs() as logs:
        desk.finish()
    assert desk.answers == {"1": "1", "2": "2", "bad": "internal", "3": "3", "4": "4"}
    assert desk.book.batches == [["1", "2", "bad", "3", "4"], ["1"], ["2", "bad", "3"], ["2"], ["bad"], ["3"], ["4"]]
    assert {each.room_id for each in desk.hints if isinstance(each, LogUncertain)} == {"a", "b", "c"}
    assert "ValueError" in {each.get("fault") for each in logs}


def test_a_single_guilty_send_is_tried_twice_and_no_more(desk: Desk) -> None:
    def trouble(batch: list[Send]) -> None:
        raise ValueError

    desk.book.trouble = trouble
    desk.submit("bad")
    desk.finish()
    assert desk.book.batches == [["bad"], ["bad"]]
    assert desk.answers == {"bad": "internal"}


def test_too_few_answers_are_a_fault_like_any_other(desk: Desk) -> None:
    desk.book.write = lambda batch: ([], [])  # type: ignore[method-assign]
    desk.submit("1")
    desk.finish()
    assert desk.answers == {"1": "internal"}


# The database is away


@pytest.mark.parametrize("fault", [OperationalError(), TimeoutError()])
def test_in_an_outage_all_are_unavailable_and_rooms_are_not_tried_one_by_one(desk: Desk, fault: Exception) -> None:
    def trouble(batch: list[Send]) -> None:
        raise fault

    desk.book.trouble = trouble
    for n in range(5):
        desk.submit(f"{n}x", room=str(n))
        desk.submit(f"{n}y", room=str(n))
    desk.finish()
    assert len(desk.book.batches) == 2
    assert set(desk.answers.values()) == {"unavailable"}
    assert len(desk.answers) == 10
    assert desk.hints == [LogUncertain(str(n)) for n in range(5)]


def test_a_batch_that_was_not_even_begun_is_refused_at_once(desk: Desk) -> None:
    def trouble(batch: list[Send]) -> None:
        raise Refused(Code.UNAVAILABLE, "The database is busy.", retry_after=1)

    desk.book.trouble = trouble
    desk.submit("1")
    desk.submit("2", room="b")
    desk.finish()
    assert len(desk.book.batches) == 1
    assert desk.answers == {"1": "unavailable", "2": "unavailable"}
    assert desk.hints == []


@pytest.mark.parametrize("wrapped", [True, False])
def test_one_room_whose_lock_another_holds_keeps_no_other_from_sending(desk: Desk, wrapped: bool) -> None:
    """The driver's own error, and SQLAlchemy's around it."""

    def trouble(batch: list[Send]) -> None:
        if any(send.room == "locked" for send in batch):
            if not wrapped:
                raise LockNotAvailable
            fault = OperationalError()
            fault.orig = LockNotAvailable()
            raise fault

    desk.book.trouble = trouble
    for text, room in (("1", "locked"), ("2", "b"), ("3", "locked"), ("4", "c")):
        desk.submit(text, room)
    desk.finish()
    assert desk.answers == {"1": "unavailable", "2": "2", "3": "unavailable", "4": "4"}
    assert len(desk.book.batches) == 4


def test_after_a_commit_of_unknown_outcome_the_second_try_finds_what_was_stored(desk: Desk) -> None:
    def connection_lost(batch: list[Send]) -> None:
        desk.book.trouble_after = lambda batch: None
        raise OperationalError

    desk.book.trouble_after = connection_lost
    desk.submit("1")
    desk.submit("2", room="b")
    desk.finish()
    assert desk.answers == {"1": "1 again", "2": "2 again"}
    assert [send.text for send in desk.book.stored] == ["1", "2"]
    assert {each for each in desk.hints if isinstance(each, LogUncertain)} == {LogUncertain("a"), LogUncertain("b")}


def test_when_the_database_is_back_sending_goes_on(desk: Desk) -> None:
    def trouble(batch: list[Send]) -> None:
        raise OperationalError

    desk.run()
    desk.book.trouble = trouble
    desk.submit("1")
    eventually(lambda: "1" in desk.answers, within=5)
    desk.book.trouble = lambda batch: None
    desk.submit("2")
    eventually(lambda: "2" in desk.answers, within=5)
    assert desk.answers == {"1": "unavailable", "2": "2"}


# It never stops


def test_a_reply_that_raises_harms_no_other(desk: Desk) -> None:
    def broken(answer: object) -> None:
        raise RuntimeError

    desk.committer.submit(Send("a", "1"), broken)
    desk.submit("2")
    with capture_logs() as logs:
        desk.finish()
    assert desk.answers == {"2": "2"}
    assert [each["event"] for each in logs] == ["reply_failed"]


def test_an_announcement_that_raises_takes_nobodys_answer(desk: Desk) -> None:
    """It ended the process's one writer for ever."""

    def broken(hints: list[Hint]) -> None:
        raise RuntimeError

    desk.committer._announce = broken
    desk.submit("1")
    with capture_logs():
        desk.run()
        eventually(lambda: desk.answers == {"1": "1"}, within=5)
        desk.committer._announce = desk.announce
        desk.submit("2")
        desk.finish()
    assert desk.answers == {"1": "1", "2": "2"}


def test_even_a_fault_of_the_committer_itself_ends_no_more_than_its_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(send: Send) -> str:
        raise RuntimeError

    def trouble(batch: list[Send]) -> None:
        raise ValueError

    desk.book.trouble = trouble
    desk.committer._room_of = broken
    desk.submit("1")
    with capture_logs() as logs:
        desk.run()
        eventually(lambda: [each for each in logs if each["event"] == "batch_lost"], within=5)
    desk.book.trouble = lambda batch: None
    desk.submit("2")
    desk.finish()
    assert desk.answers == {"2": "2"}


def test_stopping_drains_what_was_accepted_and_takes_no_more(desk: Desk) -> None:
    for text in "123":
        desk.submit(text)
    desk.committer.stop()
    with pytest.raises(Refused) as caught:
        desk.submit("4")
    assert (caught.value.code, caught.value.retry_after) == (Code.UNAVAILABLE, module.RETRY_AFTER_SECONDS)
    desk.committer.run()
    assert desk.answers == {"1": "1", "2": "2", "3": "3"}
    assert desk.committer.depth == 0


# Waiting


def test_before_it_runs_a_send_is_committed_by_its_caller() -> None:
    desk = Desk()
    desk.submit("1")
    assert desk.told == [LogGrew("a", "one", ()), ("1", "1")]
    assert desk.committer.submit_and_wait(Send("a", "2")) == "2"
    assert desk.committer.depth == 0


def test_callers_who_commit_themselves_do_so_one_after_the_other() -> None:
    desk = Desk()
    inside: list[int] = []

    def alone(batch: list[Send]) -> None:
        inside.append(1)
        assert len(inside) == 1
        threading.Event().wait(0.001)
        inside.clear()

    desk.book.trouble = alone
    threads = [threading.Thread(target=desk.submit, args=(str(n),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert desk.answers == {str(n): str(n) for n in range(20)}


def test_who_waits_gets_the_answer_or_the_refusal(desk: Desk) -> None:
    desk.run()
    assert desk.committer.submit_and_wait(Send("a", "1")) == "1"
    desk.book.write = lambda batch: ([Refused(Code.CONFLICT)], [RoomChanged("a")])  # type: ignore[method-assign]
    with pytest.raises(Refused) as caught:
        desk.committer.submit_and_wait(Send("a", "1"))
    assert caught.value.code is Code.CONFLICT


def test_who_waits_longer_than_the_deadline_is_told_that_the_outcome_is_unknown() -> None:
    stuck = Committer[Send, str](
        write=lambda batch: ([], []),
        announce=lambda hints: None,
        room_of=lambda send: send.room,
        capacity=1,
        deadline_seconds=-0.95,
    )
    stuck.begin()
    with pytest.raises(Refused) as caught:
        stuck.submit_and_wait(Send("a", "1"))
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retryable
    stuck.stop()
    stuck.run()


def test_who_has_less_time_than_the_deadline_waits_no_longer_than_that(desk: Desk) -> None:
    desk.committer.begin()
    with pytest.raises(Refused) as caught:
        desk.committer.submit_and_wait(Send("a", "1"), within=0.05)
    assert (caught.value.code, caught.value.retryable) == (Code.UNAVAILABLE, True)
    desk.run()
    assert desk.committer.submit_and_wait(Send("a", "1"), within=5) == "1 again", "it was only late"


class Naps:
    """What `time.sleep` is replaced by: each nap is noted, and `during` happens in it."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.lengths: list[float] = []
        self._during = during

    def sleep(self, seconds: float) -> None:
        self.lengths.append(seconds)
        self._during()


class Hour:
    """A desk whose committer runs in this thread: `meanwhile` is said while the first batch is committed, and when
    `stored` sends are stored it stops."""

    def __init__(self, naps: Naps, monkeypatch: pytest.MonkeyPatch, *, meanwhile: list[str], stored: int) -> None:
        self.desk = Desk()
        self._meanwhile = meanwhile
        self._stored = stored
        self.desk.book.trouble = self._during
        self.desk.book.trouble_after = self._behind
        monkeypatch.setattr(module, "time", naps)

    def say(self, *texts: str) -> None:
        for text in texts:
            self.desk.committer.submit(Send("room", text), lambda answer: None)

    def run(self, *texts: str) -> list[list[str]]:
        """Begin with these; what was committed together."""
        self.desk.committer.begin()
        self.say(*texts)
        self.desk.committer.run()
        return self.desk.book.batches

    def _during(self, batch: list[Send]) -> None:
        said, self._meanwhile = self._meanwhile, []
        self.say(*said)

    def _behind(self, batch: list[Send]) -> None:
        if len(self.desk.book.stored) >= self._stored:
            self.desk.committer.stop()


def test_who_has_just_been_answered_joins_those_who_came_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    naps = Naps(lambda: hour.say("first again"))
    hour = Hour(naps, monkeypatch, meanwhile=["meanwhile"], stored=3)
    assert hour.run("first") == [["first"], ["meanwhile", "first again"]]
    assert naps.lengths == [0]


def test_nobody_is_waited_for_twice_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    naps = Naps()
    hour = Hour(naps, monkeypatch, meanwhile=["meanwhile"], stored=2)
    assert hour.run("first") == [["first"], ["meanwhile"]]
    assert naps.lengths == [0, module.PAUSE_SECONDS]


def test_where_nobody_came_meanwhile_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    naps = Naps()
    assert Hour(naps, monkeypatch, meanwhile=[], stored=1).run("first") == [["first"]]
    assert naps.lengths == []


def test_waiting_for_the_answered_ends_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    def nap() -> None:
        hour.desk.clock.advance(module.GATHER_SECONDS / 2)
        hour.say(f"more {len(naps.lengths)}")

    naps = Naps(nap)
    hour = Hour(naps, monkeypatch, meanwhile=["meanwhile"], stored=11)
    batches = hour.run(*(f"{n}" for n in range(10)))
    assert batches[1] == ["meanwhile", "more 1", "more 2"] and naps.lengths == [0, 0]
