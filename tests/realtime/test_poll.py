"""What no hint told is found by looking; a worker that cannot look says nothing; what failed is done later."""

from __future__ import annotations

import threading

import pytest

from chatapp.contract import hints
from chatapp.contract.hints import LogGrew
from chatapp.realtime.courier import MAX_FAILURES, PATIENCE_SECONDS, RETRY_SECONDS
from chatapp.realtime.errands import Errands, List
from chatapp.realtime.log_pump import Shown
from chatapp.realtime.poll import SURPLUS_SECONDS
from tests.realtime.doubles import Ears, School, Worker, answer, entries
from tests.support.wait import eventually

USER = {"id": "bob"}


@pytest.fixture
def school() -> School:
    school = School()
    school.room()
    return school


@pytest.fixture
def worker(school: School) -> Worker:
    return Worker(school)


# Lost hints


def test_lost_messages_are_found_and_an_idle_look_finds_nothing(worker: Worker, school: School) -> None:
    ears = worker.join()
    worker.look()
    ears.heard.clear()
    school.asked.clear()
    worker.look()
    assert school.asked == ["heads", "sessions"]
    worker.connect("bob", notified=0)
    worker.look()
    school.asked.clear()
    worker.look()
    assert school.asked == ["heads", "notification heads", "sessions"]
    school.rooms["room"].write(3)
    worker.look()
    assert ears.seqs == [1, 2, 3]


def test_one_connection_too_many_elsewhere_ends_the_oldest_here_though_nobody_told(
    worker: Worker, school: School
) -> None:
    old, young = worker.join(), worker.join()
    worker.look()
    school.crowded["ada"] = {old.id, "on another worker"}
    worker.look()
    assert old.byes == [], "it is not asked at every look"
    worker.clock.advance(SURPLUS_SECONDS)
    school.away = True
    with pytest.raises(ConnectionError):
        worker.look()
    school.away = False
    worker.look()
    assert (old.byes, young.byes) == (["too_many"], [])
    school.rooms["room"].write()
    worker.clock.advance(SURPLUS_SECONDS)
    worker.look()
    assert old.byes == ["too_many"] and (old.seqs, young.seqs) == ([], [1])


def test_a_worker_without_connections_asks_nothing_about_them(worker: Worker, school: School) -> None:
    worker.look()
    assert "surplus" not in school.asked


def test_a_lost_change_of_the_room_is_shown_once(worker: Worker, school: School) -> None:
    ears = worker.join()
    worker.look()
    ears.heard.clear()
    school.rooms["room"].version = 7
    worker.look()
    worker.look()
    assert [room["version"] for room in ears.named("room_updated")] == [7]


def test_a_change_behind_the_first_readers_snapshot_is_shown_though_nobody_told_of_it(
    worker: Worker, school: School
) -> None:
    ears = worker.join()
    school.rooms["room"].version = 2
    worker.look()
    assert [room["version"] for room in ears.named("room_updated")] == [2]


def test_who_was_shown_the_newest_is_shown_nothing_again(worker: Worker, school: School) -> None:
    school.rooms["room"].version = 5
    ears = worker.join()
    school.asked.clear()
    worker.look()
    assert not {"room", "members"} & set(school.asked) and ears.heard == []


def test_who_enters_with_an_older_answer_behind_a_look_is_shown_the_newest(worker: Worker, school: School) -> None:
    """It was read before a change, and written after somebody else's answer and a look that both knew of it."""
    slow = worker.connect("bob")
    pump, reader = worker.hub.begin(slow, "room")
    school.rooms["room"].version = 2
    worker.join()
    worker.look()
    assert pump.finish(reader, epoch="one", head=0, answer=answer(0), shown=Shown(1, 1))
    slow.heard.clear()
    worker.look()
    worker.look()
    assert [room["version"] for room in slow.named("room_updated")] == [2]


@pytest.mark.parametrize("looked_before", [True, False])
def test_a_lost_removal_is_found(worker: Worker, school: School, looked_before: bool) -> None:
    ears = worker.join()
    if looked_before:
        worker.look()
    school.rooms["room"].members.discard("ada")
    school.rooms["room"].members_version += 1
    worker.look()
    assert ears.named("bye") == [{"room_id": "room", "code": "removed"}]


def test_a_lost_knock_is_shown_to_the_host_from_the_moment_of_connecting_on(worker: Worker, school: School) -> None:
    place = school.rooms["room"]
    place.knock("old")
    host = worker.connect("host")
    worker.settle()
    place.knock("between")
    worker.look()
    place.knock("later")
    worker.look()
    worker.look()
    assert [each["id"] for each in host.named("join_request")] == ["between", "later"]


def test_a_knock_told_and_found_is_shown_once(worker: Worker, school: School) -> None:
    host = worker.connect("host")
    worker.settle()
    school.rooms["room"].knock("q1")
    worker.tell(hints.LobbyChanged("room", "host", 1))
    worker.look()
    assert len(host.named("join_request")) == 1


def test_a_host_who_comes_during_a_look_misses_nothing(worker: Worker, school: School) -> None:
    """The look asked before; what it did not see must not be forgotten by it."""
    other = worker.connect("carol")
    worker.look()
    heads = worker.poll._reads.heads

    def slow(rooms: object, users: object) -> object:
        found = heads(rooms, users)  # type: ignore[arg-type]
        if "host" not in worker.hub.users():
            worker.connect("host")
            worker.settle()
        return found

    object.__setattr__(worker.poll._reads, "heads", slow)
    worker.look()
    school.rooms["room"].knock("q1")
    worker.look()
    (host,) = worker.hub.of_user("host")
    assert isinstance(host, Ears)
    assert [each["id"] for each in host.named("join_request")] == ["q1"]
    assert other.heard == []


def test_only_the_doors_of_those_who_may_host_are_looked_after(worker: Worker, school: School) -> None:
    pupil = Ears("pupil")
    worker.hub.add(pupil)
    worker.hub.note_host("nobody who is here")
    assert worker.hub.hosts() == set()
    host = worker.connect("host")
    assert worker.hub.hosts() == {"host"}
    worker.hub.remove(host.id)
    assert worker.hub.hosts() == set() and worker.hub.users() == ["pupil"]


def test_the_lobby_of_a_host_elsewhere_is_not_read_here(worker: Worker, school: School) -> None:
    worker.join()
    worker.look()
    school.rooms["room"].knock("q1")
    school.asked.clear()
    worker.look()
    assert "lobby" not in school.asked
    assert worker.courier.lobbies_seen == {}


def test_lost_notifications_are_found_by_those_who_listen(worker: Worker, school: School) -> None:
    ada, deaf = worker.connect(notified=0), worker.connect("bob")
    for _ in range(2):
        school.notify("ada")
        school.notify("bob")
    worker.look()
    worker.look()
    assert [each["seq"] for each in ada.named("notification")] == [1, 2]
    assert deaf.heard == []


def test_a_lost_word_of_what_was_read_is_found_once(worker: Worker, school: School) -> None:
    ada, deaf = worker.connect(notified=0), worker.connect("ada")
    for _ in range(2):
        school.notify("ada")
    school.read("ada", 1)
    worker.look()
    worker.look()
    assert ada.named("notifications_read") == [{"up_to_seq": 1, "unread": 1}]
    assert [name for name, _ in ada.heard] == ["notification", "notification", "notifications_read"]
    school.read("ada", 2)
    worker.tell(hints.NotificationsWereRead("ada", 2, 0))
    worker.look()
    assert ada.named("notifications_read")[1:] == [{"up_to_seq": 2, "unread": 0}]
    assert deaf.heard == []


def test_who_waits_and_comes_or_goes_unseen_is_shown_to_the_host_alone(worker: Worker, school: School) -> None:
    place = school.rooms["room"]
    place.knock("knock", online=True)
    host, ada = worker.connect(place.host_id), worker.join()
    worker.look()
    host.heard.clear()
    place.requests["knock"]["online"] = False
    worker.look()
    worker.look()
    assert [each["online"] for each in host.named("join_request")] == [False]
    assert ada.named("join_request") == []
    place.requests["knock"]["online"] = True
    worker.look()
    assert [each["online"] for each in host.named("join_request")] == [False, True]


def test_a_lost_end_of_a_session_is_found(worker: Worker, school: School) -> None:
    ada, bob = worker.join(), worker.join("bob")
    school.ended = {"session-ada", "of somebody elsewhere"}
    worker.look()
    assert (ada.byes, bob.byes) == (["revoked"], [])


def test_a_restored_backup_is_another_log(worker: Worker, school: School) -> None:
    place = school.rooms["room"]
    place.write(5)
    ears = worker.join()
    worker.look()
    place.epoch, place.log = "two", entries(1, 2)
    worker.look()
    assert ears.heard[-1] == ("room_head", {"room_id": "room", "head": 2, "epoch": "two"})
    place.write()
    worker.look()
    assert ears.seqs == [], "nothing of it before it has entered it"


def test_a_room_that_is_gone_is_no_failure(worker: Worker, school: School) -> None:
    ears = worker.join()
    worker.look()
    del school.rooms["room"]
    worker.tell(hints.LogUncertain("room"), hints.RoomChanged("room"))
    worker.look()
    assert ears.named("bye") == []


# Blindness


def is_blind(worker: Worker) -> bool:
    return worker.hub.blind


def test_a_worker_that_does_not_see_the_database_delivers_nothing_after_five_seconds(
    worker: Worker, school: School
) -> None:
    ears = worker.join()
    worker.look()
    ears.heard.clear()
    worker.clock.advance(5)
    worker.hub.take([LogGrew("room", "one", tuple(school.rooms["room"].write()))])
    assert ears.seqs == [1]
    worker.clock.advance(0.1)
    school.away = True
    assert is_blind(worker)
    worker.hub.take([LogGrew("room", "one", tuple(school.rooms["room"].write()))])
    worker.hub.take([hints.Typed("room", USER, typing=True), hints.PresenceChanged("room", USER, online=True)])
    assert not worker.settle()
    worker.courier.tell_heads()
    worker.courier.tell_presence()
    assert ears.heard == [("message", {"seq": 1})]
    with pytest.raises(ConnectionError):
        worker.poll.look()
    assert is_blind(worker)
    school.away = False
    worker.look()
    assert not is_blind(worker)
    assert ears.seqs == [1, 2]


def test_what_was_seen_is_as_old_as_the_asking(worker: Worker, school: School) -> None:
    """A process that stood still while the answer was on its way has not seen the present."""
    heads = worker.poll._reads.heads

    def paused(rooms: object, users: object) -> object:
        worker.clock.advance(40)
        return heads(rooms, users)  # type: ignore[arg-type]

    object.__setattr__(worker.poll._reads, "heads", paused)
    worker.poll.look()
    assert worker.hub.blind


# What fails


def test_every_errand_that_failed_is_done_when_the_database_is_back(worker: Worker, school: School) -> None:
    """The poll has noted the new versions already, so nobody else would ask again: a removed one would stay."""
    ada, bob, host = worker.join(), worker.join("bob"), worker.join("host")
    host.notified_seq = 0
    worker.look()
    for one in (ada, bob, host):
        one.heard.clear()
    place = school.rooms["room"]
    place.members.discard("ada")
    place.members_version, place.version = 2, 2
    place.knock("q1")
    school.notify("host")
    place.write()
    worker.hub.take([hints.LobbyChanged("room", "host", 0, ("q1",)), hints.LogUncertain("room")])
    worker.poll.look()
    worker.connect("dora")
    school.away = True
    for _ in range(3):
        assert not worker.settle()
    school.away = False
    assert worker.settle()
    assert worker.errands == List()
    assert ada.named("bye")
    assert [room["version"] for room in bob.named("room_updated")] == [2]
    assert {name for name, _ in host.heard} == {"message", "room_updated", "join_request", "notification"}


def test_one_errand_that_always_fails_harms_no_other(worker: Worker, school: School) -> None:
    school.room("broken")
    ears = worker.join()
    worker.join("bob", "broken")
    worker.settle()
    del school.rooms["broken"]
    school.rooms["room"].members.discard("ada")
    worker.hub.errands.check_members("broken")
    worker.hub.errands.check_members("room")
    assert not worker.settle()
    assert ears.named("bye")
    assert worker.errands == List(members={"broken"})


def test_an_outage_costs_a_few_questions_not_one_for_each_room(worker: Worker, school: School) -> None:
    for n in range(20):
        school.room(f"r{n}")
        worker.join("ada", f"r{n}")
        worker.hub.errands.read_log(f"r{n}")
    school.asked.clear()
    school.away = True
    assert not worker.settle()
    assert len(school.asked) == MAX_FAILURES
    assert len(worker.errands.logs) == 20


# The courier's loop


def test_the_courier_works_until_it_is_stopped_and_waits_before_it_tries_again() -> None:
    school = School()
    place = school.room()
    worker = Worker(school)
    ears = worker.join()
    errands = worker.hub.errands
    courier = threading.Thread(target=worker.courier.run, daemon=True)
    courier.start()
    place.write()
    errands.read_log("room")
    eventually(lambda: ears.seqs == [1], within=5)
    school.away = True
    failures = len(worker.slept)
    errands.read_log("room")
    eventually(lambda: len(worker.slept) > failures, within=5)
    school.away = False
    place.write()
    eventually(lambda: ears.seqs == [1, 2], within=5)
    assert set(worker.slept) == {RETRY_SECONDS}
    place.write(2)
    worker.hub.take([LogGrew("room", "one", tuple(entries(4)))])
    eventually(lambda: ears.seqs == [1, 2, 3, 4], within=5)
    assert PATIENCE_SECONDS in worker.slept
    errands.stop()
    courier.join(5)
    assert not courier.is_alive()


def test_a_list_names_each_errand_once_and_is_handed_over_once() -> None:
    errands = Errands()
    for _ in range(2):
        errands.read_log("a")
        errands.fill_hole("a")
        errands.check_members("a")
        errands.show_room("a")
        errands.note_lobbies("u")
        errands.notify("u")
    errands.show_requests("a", "host", ("q2", "q1"))
    errands.show_requests("a", "host", ("q1", "q3"))
    errands.read_lobby("a", since=4)
    errands.read_lobby("a", since=2)
    errands.read_lobby("a", since=3)
    assert errands.wait() == List(
        logs={"a"},
        holes={"a"},
        members={"a"},
        rooms={"a"},
        hosts={"u"},
        requests={"a": ("host", {"q1", "q2", "q3"})},
        lobbies={"a": 2},
        users={"u"},
    )
    errands.notify("v")
    assert errands.wait() == List(users={"v"})
    errands.notify("w")
    errands.stop()
    assert errands.wait() is None
