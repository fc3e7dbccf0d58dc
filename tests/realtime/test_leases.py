"""Leases and absences on clocks that the test sets: never early, boundedly late, and only one closes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from chatapp.realtime.leases import Leases, Terms
from tests.realtime.doubles import Clock


@dataclass(frozen=True)
class Absence:
    """A host who is away, as the database has it."""

    room_id: str = "room"
    number: int = 1
    grace_seconds: int = 60
    told: bool = False
    closes_at: float | None = None
    closes_in: float | None = None


@dataclass
class School:
    """The database that all workers share. Times are the school's; each worker has a clock of its own."""

    clock: Clock = field(default_factory=Clock)
    workers: dict[str, int] = field(default_factory=dict)
    away: dict[str, Absence] = field(default_factory=dict)
    log: list[tuple[float, str]] = field(default_factory=list)

    def leave(self, room_id: str = "room", *, grace: int = 60, number: int = 1, told: bool = False) -> None:
        """A host's last visit ends."""
        closes_at = self.clock() + grace if told else None
        self.away[room_id] = Absence(room_id, number, grace, told, closes_at)

    def said(self, what: str) -> list[float]:
        """When something was done, in seconds from the start."""
        return [moment for moment, each in self.log if each == what]


class Member:
    """One worker of the school: its leases, its clock, its own way to the database."""

    def __init__(self, school: School, name: str = "w1") -> None:
        self.school = school
        self.name = name
        self.clock = Clock(5000.0)
        self.started = school.clock()
        self.fenced: list[float] = []
        self.fault: Exception | None = None
        self.before: Callable[[str], None] = lambda what: None
        self.lives = 0
        self.wrong_by = 0.0
        self.leases = Leases(self, Terms(), fence=lambda: self.fenced.append(self.clock()), clock=self.clock)

    # The ledger

    def _ask(self, what: str) -> None:
        self.before(what)
        if self.fault is not None:
            raise self.fault

    def _note(self, what: str) -> None:
        self.school.log.append((self.school.clock() - 1000.0, what))

    def clock_error(self) -> float:
        return self.wrong_by

    def begin(self) -> str:
        self._ask("begin")
        self.lives += 1
        worker_id = f"{self.name}-{self.lives}"
        self.school.workers[worker_id] = 0
        return worker_id

    def beat(self, worker_id: str) -> bool:
        self._ask("beat")
        if worker_id not in self.school.workers:
            return False
        self.school.workers[worker_id] += 1
        return True

    def beats(self) -> dict[str, int]:
        self._ask("beats")
        return dict(self.school.workers)

    def bury(self, worker_id: str) -> bool:
        self._ask("bury")
        self._note(f"bury {worker_id}")
        return self.school.workers.pop(worker_id, None) is not None

    def absences(self) -> list[Absence]:
        self._ask("absences")
        now = self.school.clock()
        return [
            replace(each, closes_in=None if each.closes_at is None else each.closes_at - now)
            for each in self.school.away.values()
        ]

    def tell_away(self, *, room_id: str, absence: int, closes_in: float) -> None:
        self._ask("tell")
        found = self.school.away.get(room_id)
        if found is not None and found.number == absence and not found.told:
            self._note("away")
            self.school.away[room_id] = replace(found, told=True, closes_at=self.school.clock() + closes_in)

    def postpone(self, *, room_id: str, absence: int, closes_in: float) -> None:
        self._ask("postpone")
        found = self.school.away.get(room_id)
        moment = self.school.clock() + closes_in
        if found is not None and found.number == absence and found.closes_at is not None and found.closes_at < moment:
            self._note("postponed")
            self.school.away[room_id] = replace(found, closes_at=moment)

    def close_abandoned(self, *, room_id: str, absence: int) -> bool:
        self._ask("close")
        found = self.school.away.get(room_id)
        if found is None or found.number != absence:
            return False
        self._note(f"closed {room_id}")
        del self.school.away[room_id]
        return True

    # Time

    def second(self) -> None:
        """What the worker's loops do each second."""
        self._try(self.leases.guard)
        if (self.clock() - 5000.0) % 3 == 0:
            self._try(self.leases.beat)
        self._try(self.leases.watch)

    @staticmethod
    def _try(task: Callable[[], None]) -> None:
        try:
            task()
        except ConnectionError:
            return


def live(school: School, seconds: int, *members: Member) -> None:
    """Let so many seconds pass for the school and these workers."""
    for _ in range(seconds):
        school.clock.advance(1)
        for member in members:
            member.clock.advance(1)
        for member in members:
            member.second()


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def member(school: School) -> Member:
    member = Member(school)
    member.leases.begin()
    return member


# The own lease


def test_a_worker_that_beats_goes_on_serving(school: School, member: Member) -> None:
    live(school, 60, member)
    assert member.leases.serving
    assert member.fenced == []
    assert school.workers == {"w1-1": 20}


def test_a_worker_whose_lease_was_taken_stops_at_its_next_beat_and_begins_anew(school: School, member: Member) -> None:
    del school.workers["w1-1"]
    live(school, 3, member)
    assert member.fenced == [5003.0]
    assert not member.leases.serving
    live(school, 3, member)
    assert member.leases.worker_id == "w1-2"
    live(school, 30, member)
    assert len(member.fenced) == 1


@pytest.mark.parametrize(("pause", "fences"), [(4, False), (5, True), (40, True)])
def test_a_process_that_stood_still_five_seconds_stops_before_it_does_anything_else(
    school: School, member: Member, pause: int, fences: bool
) -> None:
    live(school, 4, member)
    member.clock.advance(pause)
    school.clock.advance(pause)
    live(school, 1, member)
    assert bool(member.fenced) is fences
    live(school, 6, member)
    assert member.leases.serving
    assert member.leases.worker_id == ("w1-2" if fences else "w1-1")


@pytest.mark.parametrize("slow", [False, True])
def test_without_a_beat_for_twelve_seconds_a_worker_stops_and_not_before(
    school: School, member: Member, slow: bool
) -> None:
    """Also while a beat waits for its database: the guard does not."""
    live(school, 3, member)

    def wait(what: str) -> None:
        if slow and what == "beat":
            for _ in range(8):
                school.clock.advance(1)
                member.clock.advance(1)
                member.leases.guard()

    member.before = wait
    member.fault = ConnectionError()
    with capture_logs() as logs:
        while not member.fenced and member.clock() < 5060:
            live(school, 1, member)
    assert member.fenced == [5016.0]
    assert [each["reason"] for each in logs if each["event"] == "fenced"] == ["the database is out of reach"]


def test_begun_anew_only_when_the_database_answers(school: School, member: Member) -> None:
    member.fault = ConnectionError()
    live(school, 30, member)
    assert len(member.fenced) == 1
    assert not member.leases.serving
    member.fault = None
    live(school, 3, member)
    assert member.leases.worker_id == "w1-2"


def test_an_answer_from_before_a_pause_is_asked_for_again(school: School, member: Member) -> None:
    """The beat was written, then the process stood still and was buried, then it read that all was well."""

    answered = member.beat

    def late(worker_id: str) -> bool:
        member.beat = answered  # type: ignore[method-assign]
        renewed = answered(worker_id)
        member.clock.advance(20)
        del school.workers[worker_id]
        return renewed

    member.beat = late  # type: ignore[method-assign]
    member.leases.beat()
    assert len(member.fenced) == 1


@pytest.mark.parametrize("wrong_by", [3600, -3600, 16, -16])
def test_a_worker_with_a_wrong_clock_stops_until_it_is_right(school: School, member: Member, wrong_by: int) -> None:
    live(school, 30, member)
    member.wrong_by = wrong_by
    with capture_logs() as logs:
        live(school, 30, member)
    assert member.fenced == [5033.0]
    assert not member.leases.serving
    assert member.leases.clock_is_wrong
    said = [each["event"] for each in logs if each["event"] != "worker_buried"]
    assert said == ["clock_is_wrong", "fenced"], "each once"
    member.wrong_by = 0.0
    live(school, 3, member)
    assert member.leases.worker_id == "w1-2"
    assert not member.leases.clock_is_wrong


def test_a_worker_with_a_wrong_clock_does_not_begin(school: School) -> None:
    member = Member(school)
    member.wrong_by = -3600.0
    member.leases.begin()
    assert not member.leases.serving
    assert member.leases.clock_is_wrong
    assert school.workers == {}


@pytest.mark.parametrize("wrong_by", [14, -14])
def test_clocks_that_differ_a_little_harm_nobody(school: School, member: Member, wrong_by: int) -> None:
    member.wrong_by = wrong_by
    live(school, 60, member)
    assert member.leases.serving
    assert member.fenced == []


def test_a_clock_that_is_asked_about_behind_a_fence_changes_nothing(school: School, member: Member) -> None:
    def clock_error() -> float:
        member.clock.advance(1)
        member.leases.guard()
        member.clock.advance(20)
        member.leases.guard()
        return 3600.0

    member.clock_error = clock_error  # type: ignore[method-assign]
    member.leases.beat()
    assert len(member.fenced) == 1
    assert school.workers == {"w1-1": 0}


def test_a_beat_that_returns_after_the_fence_changes_nothing(school: School, member: Member) -> None:
    def fence(what: str) -> None:
        member.before = lambda what: None
        member.clock.advance(1)
        member.leases.guard()
        member.clock.advance(20)
        member.leases.guard()

    member.before = fence
    member.leases.beat()
    assert len(member.fenced) == 1
    assert not member.leases.serving


# Others' leases


def test_a_silent_worker_is_buried_after_fifteen_seconds_of_ones_own_clock(school: School, member: Member) -> None:
    school.workers["other"] = 7
    live(school, 15, member)
    assert "other" in school.workers
    live(school, 2, member)
    assert school.said("bury other") == [16.0]
    assert "other" not in school.workers


def test_a_worker_that_beats_now_and_then_is_left_alone(school: School, member: Member) -> None:
    school.workers["other"] = 7
    for _ in range(5):
        live(school, 14, member)
        school.workers["other"] += 1
    assert "other" in school.workers


def test_a_worker_never_buries_itself(school: School, member: Member) -> None:
    member.beat = lambda worker_id: True  # type: ignore[method-assign]
    live(school, 60, member)
    assert school.log == []


def test_one_worker_that_cannot_be_buried_keeps_nothing_else_waiting(school: School, member: Member) -> None:
    school.workers |= {"stuck": 1, "other": 1}
    school.leave()
    bury = member.bury

    def fail(worker_id: str) -> bool:
        if worker_id == "stuck":
            raise ValueError
        return bury(worker_id)

    member.bury = fail  # type: ignore[method-assign]
    with capture_logs():
        live(school, 70, member)
    assert "other" not in school.workers
    assert school.said("closed room") == [61.0]


# Absences


@pytest.mark.parametrize(
    ("grace", "away", "closed"), [(60, 6.0, 61.0), (600, 6.0, 601.0), (10, 6.0, 11.0), (9, 1.0, 10.0), (1, 1.0, 2.0)]
)
def test_an_absence_is_told_after_five_seconds_and_closes_after_the_whole_grace(
    school: School, member: Member, grace: int, away: float, closed: float
) -> None:
    school.leave(grace=grace)
    live(school, grace + 30, member)
    assert school.log == [(away, "away"), (closed, "closed room")]


def test_without_grace_an_absence_closes_at_the_first_look(school: School, member: Member) -> None:
    school.leave(grace=0, told=True)
    live(school, 3, member)
    assert school.log == [(1.0, "closed room")]


def test_a_host_who_is_back_in_time_leaves_no_trace(school: School, member: Member) -> None:
    for number in range(1, 30):
        school.leave(number=number)
        live(school, 4, member)
        school.away.clear()
        live(school, 1, member)
    assert school.log == []


def test_another_absence_is_observed_from_its_own_beginning(school: School, member: Member) -> None:
    school.leave()
    live(school, 55, member)
    school.leave(number=2)
    live(school, 59, member)
    assert school.said("closed room") == []
    live(school, 3, member)
    assert school.said("closed room") == [116.0]


def test_rooms_are_observed_each_for_itself(school: School, member: Member) -> None:
    school.leave("a", grace=20)
    live(school, 10, member)
    school.leave("b", grace=20)
    live(school, 30, member)
    assert (school.said("closed a"), school.said("closed b")) == ([21.0], [31.0])


def test_one_room_that_cannot_be_closed_keeps_no_other_open(school: School, member: Member) -> None:
    school.leave("a", grace=20)
    school.leave("b", grace=20)
    close = member.close_abandoned

    def fail(*, room_id: str, absence: int) -> bool:
        if room_id == "a":
            raise ValueError
        return close(room_id=room_id, absence=absence)

    member.close_abandoned = fail  # type: ignore[method-assign]
    with capture_logs():
        live(school, 30, member)
    assert school.said("closed b") == [21.0]
    member.close_abandoned = close  # type: ignore[method-assign]
    live(school, 1, member)
    assert school.said("closed a") == [31.0]


# Breaks


def test_after_a_restart_the_whole_grace_is_observed_again_and_the_announced_moment_moves(school: School) -> None:
    first = Member(school)
    first.leases.begin()
    school.leave()
    live(school, 40, first)
    second = Member(school, "w2")
    second.leases.begin()
    live(school, 59, second)
    assert school.said("closed room") == []
    assert school.said("postponed")
    assert min(school.said("postponed")) >= 41
    live(school, 20, second)
    assert school.said("closed room") == [101.0]


@pytest.mark.parametrize("outage", [1, 3, 4, 11])
@pytest.mark.parametrize("failing", ["beats", "absences", "everything"])
def test_after_an_outage_the_whole_grace_is_observed_again(
    school: School, member: Member, outage: int, failing: str
) -> None:
    """However short: while the database was away no host could come back."""
    school.leave()
    live(school, 50, member)

    def fail(what: str) -> None:
        if failing in ("everything", what):
            raise ConnectionError

    member.before = fail
    live(school, outage, member)
    member.before = lambda what: None
    live(school, 60, member)
    assert school.said("closed room") == []
    live(school, 5, member)
    assert len(school.said("closed room")) == 1


@pytest.mark.parametrize("where", ["between looks", "beats", "absences", "bury"])
def test_after_a_pause_the_whole_grace_is_observed_again(school: School, member: Member, where: str) -> None:
    """Wherever in its loop the process stood still, even with the question on its way."""
    school.leave()
    live(school, 30, member)

    def stand_still(what: str) -> None:
        if what == where:
            member.before = lambda what: None
            member.clock.advance(40)
            school.clock.advance(40)

    if where == "bury":
        member.leases._workers.clear()
        school.workers["other"] = 1
        live(school, 15, member)
    member.before = stand_still
    if where == "between looks":
        stand_still(where)
    live(school, 1, member)
    resumed = school.clock() - 1000
    live(school, 58, member)
    assert school.said("closed room") == []
    live(school, 5, member)
    (closed,) = school.said("closed room")
    assert resumed + 59 <= closed <= resumed + 62


def test_after_a_pause_no_worker_is_buried_for_what_was_not_observed(school: School, member: Member) -> None:
    school.workers["other"] = 1
    live(school, 10, member)
    member.clock.advance(40)
    live(school, 14, member)
    assert "other" in school.workers
    live(school, 4, member)
    assert "other" not in school.workers


def test_a_fenced_worker_observes_anew_too(school: School, member: Member) -> None:
    school.leave()
    live(school, 50, member)
    del school.workers["w1-1"]
    live(school, 15, member)
    assert member.fenced
    assert school.said("closed room") == []


# The announced moment


def test_the_announced_moment_is_kept_while_another_may_keep_it(school: School) -> None:
    """The newcomer would need longer, but whoever told it still watches."""
    first, second = Member(school), Member(school, "w2")
    first.leases.begin()
    school.leave()
    live(school, 30, first)
    second.leases.begin()
    live(school, 40, first, second)
    assert school.said("postponed") == []
    assert school.said("closed room") == [61.0]


def test_nobody_closes_before_the_announced_moment(school: School, member: Member) -> None:
    """Whoever told it saw the host go two seconds later, or waited so long for the room's lock."""
    school.leave()
    live(school, 4, member)
    school.away["room"] = replace(school.away["room"], told=True, closes_at=school.clock() + 59)
    live(school, 70, member)
    assert school.said("closed room") == [63.0]
    assert school.said("postponed") == []


def test_what_a_wrong_clock_announced_keeps_no_class_open(school: School, member: Member) -> None:
    school.leave()
    live(school, 4, member)
    school.away["room"] = replace(school.away["room"], told=True, closes_at=school.clock() + 3600)
    live(school, 70, member)
    assert school.said("closed room") == [66.0]


def test_the_announced_moment_moves_later_when_nobody_else_is_there(school: School) -> None:
    school.leave(told=True)
    school.clock.advance(20)
    member = Member(school)
    member.leases.begin()
    live(school, 1, member)
    assert school.said("postponed") == [21.0]
    assert school.away["room"].closes_at == pytest.approx(school.clock() + 60)
    live(school, 61, member)
    assert len(school.said("postponed")) == 1
    assert school.said("closed room") == [81.0]


def test_a_moment_that_has_passed_moves_whoever_else_is_there(school: School, member: Member) -> None:
    school.leave(told=True)
    school.clock.advance(61)
    school.workers["other"] = 1
    live(school, 1, member)
    assert school.said("postponed") == [62.0]


def test_the_announced_moment_never_moves_while_it_can_be_kept(school: School, member: Member) -> None:
    school.leave()
    live(school, 70, member)
    assert school.said("postponed") == []
    assert school.said("away") == [6.0]


def test_two_workers_close_a_room_once(school: School) -> None:
    first, second = Member(school), Member(school, "w2")
    for each in (first, second):
        each.leases.begin()
    school.leave()
    live(school, 90, first, second)
    assert school.log == [(6.0, "away"), (61.0, "closed room")]


def test_a_dead_workers_rooms_are_closed_by_another_in_bounded_time(school: School) -> None:
    first, second = Member(school), Member(school, "w2")
    for each in (first, second):
        each.leases.begin()
    live(school, 10, first, second)
    live(school, 16, second)
    assert school.said("bury w1-1") == [24.0]
    school.leave()
    live(school, 70, second)
    assert len(school.said("closed room")) == 1
    assert school.said("closed room")[0] <= 26 + 60 + 2
