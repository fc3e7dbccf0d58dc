"""The pump alone: whatever comes, in whatever order, each reader gets its part of the log once and in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chatapp.realtime import log_pump
from chatapp.realtime.connection import Connection
from chatapp.realtime.log_pump import LogPump, Reader
from chatapp.realtime.outgoing import Event
from tests.realtime.doubles import Ears, answer, entries, entry


def a_pump() -> LogPump:
    """One whose evictions are said to the evicted."""

    def said(connection: Connection, room_id: str) -> None:
        connection.room_bye(room_id, "removed")

    return LogPump("room", said)


def enter(pump: LogPump, head: int, user_id: str = "ada", epoch: str = "one") -> Ears:
    """Somebody new who has entered with a snapshot that ends at `head`."""
    ears = Ears(user_id)
    assert pump.finish(pump.begin(ears), epoch=epoch, head=head, answer=answer(head))
    return ears


def hear(pump: LogPump, *seqs: int, epoch: str = "one") -> None:
    pump.take(epoch, entries(*seqs))


# What comes in


@pytest.mark.parametrize(
    ("hints", "heard"),
    [
        ([[4], [5], [6]], [4, 5, 6]),
        ([[4, 5, 6]], [4, 5, 6]),
        ([[6], [5], [4]], [4, 5, 6]),
        ([[6, 5, 4]], [4, 5, 6]),
        ([[4], [4], [4, 5], [5]], [4, 5]),
        ([[1, 2, 3, 4]], [4]),
        ([[3], [2], [1]], []),
        ([[5], [6]], []),
        ([[5], [7], [4]], [4, 5]),
        ([[4], [6], [], [5]], [4, 5, 6]),
    ],
)
def test_the_next_is_emitted_an_earlier_one_dropped_a_later_one_kept(hints: list[list[int]], heard: list[int]) -> None:
    pump = a_pump()
    ears = enter(pump, 3)
    for seqs in hints:
        hear(pump, *seqs)
    assert ears.seqs == heard
    assert pump.cursor == 3 + len(heard)


@pytest.mark.parametrize(("seqs", "hole"), [([4], False), ([5], True), ([3], False), ([5, 4], False), ([4, 6], True)])
def test_a_pump_knows_whether_it_waits_for_an_earlier_one(seqs: list[int], hole: bool) -> None:
    pump = a_pump()
    enter(pump, 3)
    hear(pump, *seqs)
    assert pump.has_hole is hole


def test_a_run_goes_out_as_one_thing_to_every_reader() -> None:
    class Counting(Ears):
        sends = 0

        def send(self, outgoing: object) -> None:
            self.sends += 1

    pump = a_pump()
    counting = Counting()
    pump.finish(pump.begin(counting), epoch="one", head=0, answer=answer(0))
    hear(pump, 1, 2, 3)
    assert counting.sends == 2


def test_what_waits_behind_a_hole_is_bounded_and_the_nearest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pump, "MAX_LATER", 3)
    pump = a_pump()
    ears = enter(pump, 0)
    hear(pump, 9, 8, 7, 6, 5, 4, 3, 2)
    assert ears.seqs == []
    hear(pump, 1)
    assert ears.seqs == [1, 2, 3, 4]
    assert not pump.has_hole  # the log has the rest


def test_entries_of_another_epoch_are_no_entries_of_this_log() -> None:
    pump = a_pump()
    ears = enter(pump, 3)
    hear(pump, 4, epoch="two")
    assert ears.seqs == []
    assert not pump.has_hole


# Entering


@dataclass
class Entering:
    """One who enters step by step, against a log that grows."""

    pump: LogPump
    ears: Ears = field(default_factory=Ears)
    reader: Reader | None = None
    head: int = 0

    def begin(self) -> None:
        self.reader = self.pump.begin(self.ears)

    def read(self, head: int) -> None:
        self.head = head

    def finish(self) -> bool:
        assert self.reader is not None
        return self.pump.finish(self.reader, epoch="one", head=self.head, answer=answer(self.head))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("moment", ["before begin", "before read", "before finish", "after"])
def test_at_whatever_moment_a_message_comes_it_is_in_the_answer_or_behind_it_never_both(
    known: bool, moment: str
) -> None:
    """`known` says whether somebody is in the room already, so that its pump knows where the log stands."""
    pump = a_pump()
    if known:
        enter(pump, 5, "bob")
    late, log_end = Entering(pump), 5
    for step in ("begin", "read", "finish", "after"):
        if moment in (f"before {step}", step):
            log_end = 6
            hear(pump, 6)
        if step == "begin":
            late.begin()
        elif step == "read":
            late.read(log_end)
        elif step == "finish":
            assert late.finish()
    hear(pump, 7)
    assert late.ears.heard[0] == ("welcome", {"head": late.head})
    assert late.ears.seqs == list(range(late.head + 1, 8))


def test_one_who_enters_hears_nothing_before_the_answer() -> None:
    pump = a_pump()
    enter(pump, 5, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    hear(pump, 6, 7, 8)
    pump.send_all(Event.of("/chat", "room_updated", {}))
    assert ears.heard == []
    assert pump.finish(reader, epoch="one", head=7, answer=answer(7))
    assert ears.heard == [("welcome", {"head": 7}), ("message", {"seq": 8}), ("room_updated", {})]


def test_while_the_pump_is_behind_a_snapshot_its_reader_skips() -> None:
    pump = a_pump()
    other = enter(pump, 5, "bob")
    ears = enter(pump, 8)
    hear(pump, 6)
    hear(pump, 7, 8, 9)
    hear(pump, 10)
    assert ears.seqs == [9, 10]
    assert other.seqs == [6, 7, 8, 9, 10]


def test_two_who_enter_a_fresh_room_at_once_both_get_all_whoever_is_answered_first() -> None:
    """The pump begins at the first answer's head. One with an older snapshot would never get what lies between."""
    pump = a_pump()
    slow = Entering(pump)
    slow.begin()
    slow.read(5)
    hear(pump, 6, 7)
    enter(pump, 7, "bob")
    assert not slow.finish()
    assert slow.ears.heard == []
    slow.begin()
    slow.read(7)
    assert slow.finish()
    hear(pump, 8)
    assert slow.ears.seqs == [8]


def test_an_older_snapshot_is_good_where_the_pump_has_held_everything_behind_it() -> None:
    pump = a_pump()
    enter(pump, 5, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    hear(pump, 6, 7)
    assert pump.finish(reader, epoch="one", head=5, answer=answer(5))
    assert ears.seqs == [6, 7]


def test_who_is_held_too_much_for_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pump, "MAX_HELD", 3)
    pump = a_pump()
    enter(pump, 0, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    for seq in range(1, 7):
        hear(pump, seq)
    assert reader.held == []
    assert not pump.finish(reader, epoch="one", head=0, answer=answer(0))
    assert ears.heard == []
    assert ears.id not in pump.readers
    assert pump.finish(pump.begin(ears), epoch="one", head=6, answer=answer(6))


def test_who_enters_again_is_held_back_until_the_new_answer() -> None:
    pump = a_pump()
    ears = enter(pump, 0)
    hear(pump, 1)
    reader = pump.begin(ears)
    hear(pump, 2)
    assert pump.finish(reader, epoch="one", head=1, answer=answer(1))
    hear(pump, 3)
    assert [name for name, _ in ears.heard] == ["welcome", "message", "welcome", "message", "message"]
    assert ears.seqs == [1, 2, 3]


def test_who_left_hears_nothing_more() -> None:
    pump = a_pump()
    ears = enter(pump, 0)
    assert pump.leave(ears.id)
    assert not pump.leave(ears.id)
    hear(pump, 1)
    assert ears.seqs == []


# Eviction


def test_the_evicted_get_their_own_line_and_nothing_above_it() -> None:
    pump = a_pump()
    tab, phone, other = enter(pump, 3), enter(pump, 3), enter(pump, 3, "bob")
    pump.take("one", [entry(6), entry(5, "ada"), entry(4)])
    assert tab.seqs == phone.seqs == [4, 5]
    assert tab.heard[-1] == ("bye", {"room_id": "room", "code": "removed"})
    assert other.seqs == [4, 5, 6]
    assert list(pump.readers) == [other.id]


@pytest.mark.parametrize(
    ("evicted_at", "head", "enters"), [(7, 5, False), (7, 6, False), (7, 7, True), (7, 8, True), (6, 5, False)]
)
def test_one_who_enters_is_evicted_by_a_line_above_the_snapshot_only(evicted_at: int, head: int, enters: bool) -> None:
    pump = a_pump()
    enter(pump, 5, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    pump.take("one", [entry(seq, "ada" if seq == evicted_at else None) for seq in range(6, 9)])
    assert pump.finish(reader, epoch="one", head=head, answer=answer(head)) is enters
    assert bool(ears.heard) is enters


def test_one_who_was_taken_back_is_not_evicted_by_the_old_line() -> None:
    """Removed at 6, back at 7, entered with 8, and only then does the pump come to 6."""
    pump = a_pump()
    other = enter(pump, 5, "bob")
    ears = enter(pump, 8)
    pump.take("one", [entry(6, "ada"), entry(7), entry(8), entry(9)])
    assert ears.seqs == [9]
    assert other.seqs == [6, 7, 8, 9]
    pump.take("one", [entry(10, "ada"), entry(11)])
    assert ears.seqs == [9, 10]


def test_only_members_are_kept_and_who_enters_meanwhile_begins_again() -> None:
    pump = a_pump()
    ada, bob, host = enter(pump, 0), enter(pump, 0, "bob"), enter(pump, 0, "host")
    entering = pump.begin(Ears("ada"))
    assert not pump.keep_only({"host", "bob"}, of=pump.entered())
    hear(pump, 1)
    assert (ada.seqs, bob.seqs, host.seqs) == ([], [1], [1])
    assert ada.named("bye") == [{"room_id": "room", "code": "removed"}]
    assert not pump.finish(entering, epoch="one", head=1, answer=answer(1))
    assert pump.keep_only({"host", "bob"}, of=pump.entered())


def test_who_entered_after_the_members_were_read_is_not_judged_by_them() -> None:
    """A student let in between the reading and the checking must not be sent away with `removed`."""
    pump = a_pump()
    enter(pump, 0, "bob")
    entered = pump.entered()
    newcomer = enter(pump, 1, "carol")
    assert not pump.keep_only({"bob"}, of=entered)
    hear(pump, 1, 2)
    assert newcomer.seqs == [2]
    assert newcomer.named("bye") == []
    assert pump.keep_only({"bob", "carol"}, of=pump.entered())


# Beside the log


def test_things_beside_the_log_reach_those_who_entered_save_one() -> None:
    pump = a_pump()
    ada, bob, host = enter(pump, 0), enter(pump, 0, "bob"), enter(pump, 0, "host")
    pump.send_all(Event.of("/chat", "typing", {}), but=ada.id)
    pump.send_all(Event.of("/chat", "room_updated", {}), user_ids={"host"})
    assert [len(each.heard) for each in (ada, bob, host)] == [1, 2, 3]


def test_who_enters_gets_what_was_told_meanwhile_if_it_is_theirs_and_of_this_log() -> None:
    pump = a_pump()
    enter(pump, 0, "bob")
    ada, host = Ears(), Ears("host")
    readers = [pump.begin(each) for each in (ada, host)]
    pump.send_all(Event.of("/chat", "presence", {}), but=ada.id)
    pump.send_all(Event.of("/chat", "room_updated", {}), user_ids={"host"})
    assert pump.finish(readers[1], epoch="one", head=0, answer=answer(0))
    assert [name for name, _ in host.heard] == ["welcome", "presence", "room_updated"]
    assert pump.finish(readers[0], epoch="two", head=0, answer=answer(0))
    pump.send_all(Event.of("/chat", "presence", {}))
    assert [name for name, _ in ada.heard] == ["welcome", "presence"]


def test_the_first_reader_of_a_room_gets_what_was_told_meanwhile_too() -> None:
    pump, ears = a_pump(), Ears()
    reader = pump.begin(ears)
    pump.send_all(Event.of("/chat", "presence", {}))
    assert pump.finish(reader, epoch="one", head=3, answer=answer(3))
    assert [name for name, _ in ears.heard] == ["welcome", "presence"]


def test_who_is_told_too_much_beside_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pump, "MAX_BESIDE", 2)
    pump = a_pump()
    enter(pump, 0, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    for _ in range(3):
        pump.send_all(Event.of("/chat", "presence", {}))
    assert not pump.finish(reader, epoch="one", head=0, answer=answer(0))
    assert ears.heard == []


# Another log


def test_after_a_restart_readers_are_told_once_and_hear_the_new_log_only_when_they_have_entered_it() -> None:
    pump = a_pump()
    ears = enter(pump, 5)
    hear(pump, 8)
    pump.restart("two", 3)
    hear(pump, 6, epoch="one")
    hear(pump, 4, 5, epoch="two")
    assert ears.heard[1:] == [("room_head", {"room_id": "room", "head": 3, "epoch": "two"})]
    assert (pump.epoch, pump.cursor) == ("two", 5)
    pump.restart("two", 3)
    hear(pump, 4, 5, 6, epoch="two")
    assert pump.finish(pump.begin(ears), epoch="two", head=6, answer=answer(6))
    hear(pump, 7, epoch="two")
    assert ears.heard[2:] == [("welcome", {"head": 6}), ("message", {"seq": 7})]


def test_who_has_not_entered_the_new_log_is_evicted_from_it_all_the_same() -> None:
    pump = a_pump()
    ears = enter(pump, 50)
    pump.restart("two", 3)
    pump.take("two", [entry(4, evicts="ada")])
    assert ears.heard[-1] == ("bye", {"room_id": "room", "code": "removed"})
    assert pump.readers == {}


def test_what_was_held_of_a_replaced_log_is_never_sent() -> None:
    pump = a_pump()
    enter(pump, 5, "bob")
    ears = Ears()
    reader = pump.begin(ears)
    hear(pump, 6, 7)
    pump.restart("two", 3)
    assert not pump.finish(reader, epoch="two", head=3, answer=answer(3))
    assert ears.heard == []


def test_an_answer_of_the_log_that_was_replaced_begins_again() -> None:
    pump = a_pump()
    enter(pump, 5, "bob")
    reader = pump.begin(Ears())
    pump.restart("two", 3)
    assert not pump.finish(reader, epoch="one", head=5, answer=answer(5))
    early = a_pump()
    reader = early.begin(Ears())
    enter(early, 3, "bob", epoch="two")
    assert not early.finish(reader, epoch="one", head=5, answer=answer(5))


def test_a_newer_snapshot_tells_the_pump_that_its_log_was_replaced() -> None:
    pump = a_pump()
    bob, held = enter(pump, 9, "bob"), Ears("carol")
    entering = pump.begin(held)
    ears = Ears()
    reader = pump.begin(ears)
    hear(pump, 10)
    assert pump.finish(reader, epoch="two", head=4, answer=answer(4))
    hear(pump, 11, epoch="one")
    hear(pump, 5, epoch="two")
    assert ears.heard == [("welcome", {"head": 4}), ("message", {"seq": 5})]
    assert bob.seqs == [10]
    assert bob.heard[-1] == ("room_head", {"room_id": "room", "head": 4, "epoch": "two"})
    assert not pump.finish(entering, epoch="two", head=5, answer=answer(5))


def test_entries_that_came_before_the_first_answer_count_only_if_they_are_of_its_log() -> None:
    pump = a_pump()
    ears = Ears()
    reader = pump.begin(ears)
    hear(pump, 4, 5, epoch="one")
    hear(pump, 4, epoch="two")
    assert pump.finish(reader, epoch="two", head=3, answer=answer(3))
    assert ears.seqs == [4]
    pump = a_pump()
    reader = pump.begin(ears)
    hear(pump, 4, epoch="one")
    assert pump.finish(reader, epoch="two", head=3, answer=answer(3))
    assert ears.seqs == [4]
    assert not pump.has_hole
