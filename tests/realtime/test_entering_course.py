"""Everything at once, as production drives it: the log grows, hints of it come as they like, people enter, give up,
begin again, leave and are sent away, and each reader gets its part of the log once and in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.contract.hints import Entry, LogGrew
from chatapp.realtime.errands import Errands
from chatapp.realtime.hub import Hub
from chatapp.realtime.log_pump import LogPump, Reader
from tests.realtime.doubles import Ears, answer, entry


@dataclass
class Member:
    """A user's way through a room, as the model keeps it. `stale` are entries of the same connection that it has begun
    anew since, and that have not come to nothing yet."""

    ears: Ears
    reader: Reader
    snapshot: int | None = None
    entry_head: int | None = None
    stale: list[Reader] = field(default_factory=list)

    @property
    def user_id(self) -> str:
        return self.ears.user_id


class Course:
    """A hub, the log of its one room, and the people in it."""

    def __init__(self) -> None:
        self.hub = Hub(Errands())
        self.log: list[Entry] = []
        self.people: list[Member] = []
        self.away: set[str] = set()

    @property
    def pump(self) -> LogPump | None:
        return self.hub.pumps.get("room")

    def write(self, evicts: str | None) -> None:
        if evicts in self.away:
            evicts = None
        if evicts is not None:
            self.away.add(evicts)
        self.log.append(entry(len(self.log) + 1, evicts))

    def back(self, user_id: str) -> None:
        self.away.discard(user_id)

    def hint(self, places: list[int]) -> None:
        recent = self.log[-12:]
        self.hub.take([LogGrew("room", "one", tuple(recent[n] for n in places if n < len(recent)))])

    def read(self, _: object = None) -> None:
        """What the courier does."""
        if self.pump is not None and self.pump.cursor is not None:
            self.pump.take("one", self.log[self.pump.cursor :])

    def begin(self, user_id: str) -> None:
        if user_id not in self.away:
            ears = Ears(user_id)
            self.hub.add(ears)
            self.people.append(Member(ears, self.hub.begin(ears, "room")[1]))

    def again(self, member: Member) -> None:
        """The same connection begins to enter a second time, before the first came to an end."""
        member.stale.append(member.reader)
        member.reader = self.hub.begin(member.ears, "room")[1]
        member.snapshot = None

    def fail(self, member: Member) -> None:
        """What was begun first comes to nothing: it writes no answer."""
        if member.stale:
            self.hub.abandon(member.stale.pop(), "room")

    def snapshot(self, member: Member) -> None:
        if member.user_id in self.away:
            self.give_up(member)
        else:
            member.snapshot = len(self.log)

    def finish(self, member: Member) -> None:
        assert self.pump is not None
        assert member.snapshot is not None
        head = member.snapshot
        if self.pump.finish(member.reader, epoch="one", head=head, answer=answer(head)):
            member.entry_head = head
        else:
            self.give_up(member)

    def give_up(self, member: Member) -> None:
        self.hub.abandon(member.reader, "room")
        self.people.remove(member)
        assert member.ears.heard == []
        assert self.hub.rooms_of(member.ears.id) == []

    def leave(self, member: Member) -> None:
        self.hub.leave(member.ears.id, "room")
        self.people.remove(member)

    def check(self, *, ended: bool = False) -> None:
        readers = {} if self.pump is None else self.pump.readers
        assert set(readers) <= {member.ears.id for member in self.people}, "a place of somebody who gave up"
        for member in self.people:
            if member.entry_head is None:
                assert member.ears.heard == []
                assert readers[member.ears.id] is member.reader
                continue
            assert member.ears.heard[0] == ("welcome", {"head": member.entry_head})
            seqs = member.ears.seqs
            assert seqs == list(range(member.entry_head + 1, member.entry_head + 1 + len(seqs))), member
            ends = [each.seq for each in self.log if each.evicts == member.user_id and each.seq > member.entry_head]
            assert all(seq <= (ends[0] if ends else len(self.log)) for seq in seqs), "above its eviction"
            if ended:
                assert len(seqs) == (ends[0] if ends else len(self.log)) - member.entry_head

    def step(self, name: str, value: object) -> None:
        """One of STEPS; where a number says who, of those whom it can happen to."""
        who = {
            "again": [each for each in self.people if each.entry_head is None],
            "fail": [each for each in self.people if each.stale],
            "snapshot": [each for each in self.people if each.entry_head is None and each.snapshot is None],
            "finish": [each for each in self.people if each.entry_head is None and each.snapshot is not None],
            "leave": [each for each in self.people if each.entry_head is not None],
        }.get(name)
        if who is None:
            getattr(self, name)(value)
        elif who:
            assert isinstance(value, int)
            getattr(self, name)(who[value % len(who)])


WHO = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([None, None, None, None, "ada", "bob"])),
    st.tuples(st.just("back"), st.sampled_from(["ada", "bob"])),
    st.tuples(st.just("hint"), st.lists(st.integers(0, 11), min_size=1, max_size=4)),
    st.tuples(st.just("read"), st.none()),
    st.tuples(st.just("begin"), st.sampled_from(["ada", "bob", "carol"])),
    st.tuples(st.just("snapshot"), WHO),
    st.tuples(st.just("finish"), WHO),
    st.tuples(st.sampled_from(["again", "fail", "leave"]), WHO),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=80))
def test_every_reader_gets_its_part_of_the_log_once_and_in_order_whatever_happens(
    steps: list[tuple[str, object]],
) -> None:
    course = Course()
    for name, value in steps:
        course.step(name, value)
        course.check()
    course.read()
    course.check(ended=True)
    for member in list(course.people):
        (course.give_up if member.entry_head is None else course.leave)(member)
    assert course.hub.pumps == {}
