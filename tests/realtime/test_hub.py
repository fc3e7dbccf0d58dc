"""Who is connected, what each hint means for them, and that nobody who is gone leaves anything behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chatapp.contract import hints
from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, LogGrew
from chatapp.realtime.errands import Errands, List
from chatapp.realtime.hub import Hub
from tests.realtime.doubles import Ears, School, Worker, answer, entries

ADA = {"id": "ada", "username": "ada"}


@pytest.fixture
def school() -> School:
    school = School()
    school.room()
    return school


@pytest.fixture
def worker(school: School) -> Worker:
    return Worker(school)


def grew(*seqs: int, room_id: str = "room") -> LogGrew:
    return LogGrew(room_id, "one", tuple(entries(*seqs)))


# The log


def test_a_hint_with_the_next_messages_is_emitted_without_reading_anything(worker: Worker) -> None:
    ears = worker.join()
    worker.hub.take([grew(1, 2)])
    assert ears.seqs == [1, 2]
    assert worker.errands == List(hosts={"ada"})


def test_a_hint_for_a_room_without_readers_here_costs_nothing(worker: Worker) -> None:
    ears = worker.connect()
    worker.settle()
    worker.hub.take(
        [
            grew(1),
            hints.LogUncertain("room"),
            hints.Evicted("room", "ada", 1, removed=True),
            hints.RoomChanged("room"),
            hints.LobbyChanged("room", "host", 1),
            hints.NotificationsGrew("bob", 1),
            hints.PresenceChanged("room", ADA, online=True),
            hints.Typed("room", ADA, typing=True),
        ]
    )
    assert worker.errands == List()
    assert ears.heard == []
    assert worker.hub.presence == {}


def test_a_hole_waits_a_moment_for_its_hint_and_is_read_from_the_log_then(worker: Worker, school: School) -> None:
    ears = worker.join()
    worker.settle()
    school.rooms["room"].write(3)
    worker.hub.take([grew(2)])
    assert worker.errands == List(holes={"room"})
    school.asked.clear()
    worker.tell(grew(1))
    assert ears.seqs == [1, 2]
    assert school.asked == []
    worker.tell(grew(4))
    assert ears.seqs == [1, 2, 3, 4]
    assert "log" in school.asked


@pytest.mark.parametrize("hint", [LogGrew("room", "one", ()), hints.LogUncertain("room")])
def test_a_hint_without_messages_sends_the_courier_to_the_log(worker: Worker, school: School, hint: Hint) -> None:
    ears = worker.join()
    school.rooms["room"].write(3)
    worker.tell(hint)
    assert ears.seqs == [1, 2, 3]


def test_the_log_is_read_to_its_end_page_by_page(worker: Worker, school: School) -> None:
    school.page = 2
    ears = worker.join()
    school.rooms["room"].write(7)
    worker.tell(hints.LogUncertain("room"))
    assert ears.seqs == [1, 2, 3, 4, 5, 6, 7]


def test_the_removed_hear_their_removal_and_nothing_above_it(worker: Worker, school: School) -> None:
    ada, bob = worker.join(), worker.join("bob")
    lines = [
        *school.rooms["room"].write(2),
        *school.rooms["room"].write(1, evicts="ada"),
        *school.rooms["room"].write(),
    ]
    worker.tell(LogGrew("room", "one", tuple(reversed(lines))))
    assert ada.seqs == [1, 2, 3]
    assert ada.heard[-1] == ("bye", {"room_id": "room", "code": "removed"})
    assert bob.seqs == [1, 2, 3, 4]
    assert not worker.hub.is_in(ada.id, "room")
    assert worker.hub.rooms_of(ada.id) == []


def test_a_removal_without_a_line_is_found_by_comparing_the_members(worker: Worker, school: School) -> None:
    """In a closed room `room_closed` stays the last line."""
    ada, bob = worker.join(), worker.join("bob")
    school.rooms["room"].members.discard("ada")
    worker.tell(hints.Evicted("room", "ada", 0, removed=True))
    assert ada.named("bye") == [{"room_id": "room", "code": "removed"}]
    assert bob.heard == []


def test_a_plain_reader_is_closed_by_a_removal(worker: Worker, school: School) -> None:
    ada = worker.join(plain=True)
    school.rooms["room"].members.discard("ada")
    worker.tell(hints.Evicted("room", "ada", 0, removed=True))
    assert ada.byes == ["removed"]


# The room's row


def test_a_changed_room_is_shown_to_each_as_they_see_it(worker: Worker) -> None:
    host, ada, stranger = worker.join("host"), worker.join(), worker.connect("carol")
    worker.tell(hints.RoomChanged("room"))
    assert [room["my_role"] for room in host.named("room_updated")] == ["host"]
    assert [room["my_role"] for room in ada.named("room_updated")] == ["participant"]
    assert stranger.heard == []


# The lobby


def test_the_host_is_told_of_a_knock_on_every_connection_in_the_room_or_not(worker: Worker, school: School) -> None:
    inside, outside, ada = worker.join("host"), worker.connect("host"), worker.join()
    worker.settle()
    school.rooms["room"].knock("q1")
    worker.tell(hints.LobbyChanged("room", "host", 1))
    assert [each["id"] for each in inside.named("join_request")] == ["q1"]
    assert [each["id"] for each in outside.named("join_request")] == ["q1"]
    assert ada.heard == []


def test_a_late_hint_about_the_lobby_shows_only_what_was_not_shown(worker: Worker, school: School) -> None:
    host = worker.connect("host")
    worker.settle()
    for name in ("q1", "q2", "q3"):
        school.rooms["room"].knock(name)
    worker.tell(hints.LobbyChanged("room", "host", 3))
    worker.tell(hints.LobbyChanged("room", "host", 1))
    worker.tell(hints.LobbyChanged("room", "host", 2))
    assert [each["id"] for each in host.named("join_request")] == ["q1", "q2", "q3"]


def test_a_knock_that_a_look_saw_before_its_hint_is_shown(worker: Worker, school: School) -> None:
    host = worker.connect("host")
    school.rooms["room"].knock("q1")
    worker.look()
    worker.tell(hints.LobbyChanged("room", "host", 1))
    assert [each["id"] for each in host.named("join_request")] == ["q1"]
    school.rooms["room"].knock("q2")
    school.rooms["room"].knock("q3")
    worker.tell(hints.LobbyChanged("room", "host", 3))
    worker.tell(hints.LobbyChanged("room", "host", 2))
    assert [each["id"] for each in host.named("join_request")] == ["q1", "q2", "q3"]


def test_presence_of_those_who_wait_is_shown_without_a_new_version(worker: Worker, school: School) -> None:
    host = worker.connect("host")
    worker.settle()
    for name in ("q1", "q2"):
        school.rooms["room"].knock(name)
    worker.courier.lobbies_seen["room"] = 2
    worker.tell(hints.LobbyChanged("room", "host", 0, ("q2",)))
    assert [each["id"] for each in host.named("join_request")] == ["q2"]
    assert worker.courier.lobbies_seen == {"room": 2}


def test_a_plain_host_hears_of_its_own_room_only(worker: Worker, school: School) -> None:
    school.room("other")
    host = worker.join("host", plain=True)
    worker.settle()
    for name in ("room", "other"):
        school.rooms[name].knock(f"q-{name}")
        worker.tell(hints.LobbyChanged(name, "host", 1))
    assert [each["id"] for each in host.named("join_request")] == ["q-room"]


def test_without_the_chat_namespace_no_event_of_it_comes(worker: Worker, school: School) -> None:
    host = worker.connect("host")
    host.namespaces = {"/notifications"}
    worker.settle()
    school.rooms["room"].knock("q1")
    worker.tell(hints.LobbyChanged("room", "host", 1))
    assert host.heard == []


# Notifications


def test_each_connection_gets_each_notification_once_from_where_it_stands(worker: Worker, school: School) -> None:
    tab, phone, deaf = worker.connect(notified=0), worker.connect(notified=2), worker.connect()
    for _ in range(3):
        school.notify("ada")
    worker.tell(hints.NotificationsGrew("ada", 3))
    worker.tell(hints.NotificationsGrew("ada", 3))
    assert [each["seq"] for each in tab.named("notification")] == [1, 2, 3]
    assert [each["seq"] for each in phone.named("notification")] == [3]
    assert deaf.heard == []


def test_nobody_listening_is_nothing_to_read(worker: Worker, school: School) -> None:
    worker.connect()
    worker.settle()
    school.asked.clear()
    worker.tell(hints.NotificationsGrew("ada", 3))
    assert school.asked == []


def test_reading_is_told_to_all_of_a_users_connections_that_listen(worker: Worker, school: School) -> None:
    tab, chat_only, other = worker.connect(notified=2), worker.connect(), worker.connect("bob", notified=0)
    chat_only.namespaces = {"/chat"}
    school.notify("ada")
    school.notify("ada")
    school.notifications["ada"][0]["read"] = True
    worker.tell(hints.NotificationsWereRead("ada", 1, 1))
    assert tab.heard == [("notifications_read", {"up_to_seq": 1, "unread": 1})]
    assert chat_only.heard == other.heard == []


def test_what_is_read_does_not_overtake_a_notification_that_it_counts(worker: Worker, school: School) -> None:
    tab = worker.connect(notified=0)
    school.notify("ada")
    school.notify("ada")
    school.notifications["ada"][0]["read"] = True
    worker.tell(hints.NotificationsWereRead("ada", 1, 1), hints.NotificationsGrew("ada", 2))
    assert [name for name, _ in tab.heard] == ["notification", "notification", "notifications_read"]


# Volatile things


def test_typing_reaches_the_room_save_who_types(worker: Worker) -> None:
    ada, bob = worker.join(), worker.join("bob")
    worker.tell(hints.Typed("room", ADA, typing=True, connection_id=ada.id))
    assert bob.heard == [("typing", {"room_id": "room", "user": ADA, "typing": True})]
    assert ada.heard == []


def test_presence_is_gathered_and_told_once_as_it_is_in_the_end(worker: Worker, school: School) -> None:
    ears = worker.join("host")
    school.rooms["room"].online = 2
    bob = {"id": "bob"}
    for online in (True, False, True):
        worker.tell(hints.PresenceChanged("room", ADA, online=online))
    worker.tell(hints.PresenceChanged("room", bob, online=False))
    worker.courier.tell_presence()
    worker.courier.tell_presence()
    assert ears.heard == [("presence", {"room_id": "room", "joined": [ADA], "left": [bob], "online": 2})]


def test_heads_are_told_to_all_who_entered(worker: Worker, school: School) -> None:
    school.rooms["room"].write(4)
    ears = worker.join()
    entering = Ears("bob")
    worker.hub.add(entering)
    worker.hub.begin(entering, "room")
    worker.courier.tell_heads()
    assert ears.heard == [("room_head", {"room_id": "room", "head": 4, "epoch": "one"})]
    assert entering.heard == []


# Endings


def test_ended_sessions_close_their_connections_and_those_only(worker: Worker) -> None:
    ada, other, bob = worker.join(), Ears("ada", session_id="another"), worker.join("bob")
    worker.hub.add(other)
    worker.tell(hints.SessionsEnded(("session-ada", "unknown")))
    assert (ada.byes, other.byes, bob.byes) == (["revoked"], [], [])
    worker.hub.take([grew(1)])
    assert ada.seqs == []
    assert bob.seqs == [1]


def test_named_connections_are_closed_with_the_reason(worker: Worker) -> None:
    ada, bob = worker.join(), worker.join("bob")
    worker.tell(hints.ConnectionsEnded((ada.id, "elsewhere"), "too_many"))
    assert (ada.byes, bob.byes) == (["too_many"], [])
    assert worker.hub.rooms_of(ada.id) == []


def test_a_connection_goes_on_under_another_session(worker: Worker) -> None:
    ada = worker.connect()
    worker.hub.rename_session(ada, "new")
    worker.tell(hints.SessionsEnded(("session-ada",)))
    assert ada.byes == []
    assert worker.hub.sessions() == ["new"]
    worker.tell(hints.SessionsEnded(("new",)))
    assert ada.byes == ["revoked"]


def test_a_connection_that_has_ended_is_not_remembered_by_a_new_session(worker: Worker) -> None:
    ada = worker.connect()
    worker.hub.remove(ada.id)
    worker.hub.rename_session(ada, "new")
    assert worker.hub.sessions() == []


def test_one_hint_that_fails_harms_no_other_and_nobody_who_told_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(hint: Hint) -> None:
        raise RuntimeError

    ears = worker.join()
    monkeypatch.setitem(worker.hub._takers, hints.RoomChanged, broken)
    worker.hub.take([hints.RoomChanged("room"), grew(1)])
    assert ears.seqs == [1]


# Nothing is left behind


def everything(hub: Hub) -> list[Any]:
    return [hub.connections, hub.pumps, hub._by_user, hub._by_session, hub._visits, hub.presence]


def test_when_all_have_gone_nothing_is_left(worker: Worker, school: School) -> None:
    school.room("other")
    people = [worker.join(), worker.join("bob"), worker.join("host", "other"), worker.connect("carol", notified=0)]
    entering = worker.connect("dora")
    worker.hub.begin(entering, "room")
    worker.hub.rename_session(people[0], "new")
    worker.tell(grew(1), hints.PresenceChanged("room", ADA, online=True))
    for one in [*people, entering]:
        assert worker.hub.remove(one.id) is one
        assert worker.hub.remove(one.id) is None
    worker.courier.tell_presence()
    worker.look()
    assert everything(worker.hub) == [{}, {}, {}, {}, {}, {}]
    assert worker.courier.lobbies_seen == {}


def test_a_pump_ends_with_its_last_reader_however_that_went(worker: Worker, school: School) -> None:
    ada, bob, carol = worker.join(), worker.join("bob"), worker.connect("carol")
    _, reader = worker.hub.begin(carol, "room")
    assert worker.hub.leave(ada.id, "room")
    assert not worker.hub.leave(ada.id, "room")
    worker.tell(LogGrew("room", "one", tuple(school.rooms["room"].write(evicts="bob"))))
    assert bob.named("bye")
    assert list(worker.hub.pumps) == ["room"]
    worker.hub.abandon(reader, "room")
    assert worker.hub.pumps == {}
    assert worker.hub._visits == {ada.id: set(), bob.id: set(), carol.id: set()}


def test_an_entering_that_was_abandoned_leaves_the_later_one_of_its_connection(worker: Worker) -> None:
    ada = worker.connect()
    _, first = worker.hub.begin(ada, "room")
    pump, second = worker.hub.begin(ada, "room")
    worker.hub.abandon(first, "room")
    assert pump.finish(second, epoch="one", head=0, answer=answer(0))
    worker.hub.take([grew(1)])
    assert ada.seqs == [1]
    assert worker.hub.rooms_of(ada.id) == ["room"]


def test_a_connection_that_is_gone_cannot_enter(worker: Worker) -> None:
    """Its command may still be under way: nobody would ever take it out of the room again."""
    ada = worker.connect()
    worker.hub.remove(ada.id)
    with pytest.raises(Refused) as caught:
        worker.hub.begin(ada, "room")
    assert caught.value.code is Code.UNAVAILABLE
    assert everything(worker.hub) == [{}, {}, {}, {}, {}, {}]


def test_an_eviction_and_an_entering_at_once_do_not_wait_for_each_other() -> None:
    """With threads the pump's lock inside the hub's, and the hub's inside the pump's, stood still for ever."""
    hub = Hub(Errands())
    bob = Ears("bob")
    hub.add(bob)
    pump, reader = hub.begin(bob, "room")
    pump.finish(reader, epoch="one", head=0, answer=answer(0))
    inside, entered = threading.Event(), threading.Event()

    class Slow(Ears):
        def room_bye(self, room_id: str, code: str) -> None:
            inside.set()
            entered.wait(0.2)

    slow = Slow("ada")
    hub.add(slow)
    pump, reader = hub.begin(slow, "room")
    pump.finish(reader, epoch="one", head=0, answer=answer(0))

    def enter() -> None:
        inside.wait(5)
        carol = Ears("carol")
        hub.add(carol)
        hub.begin(carol, "room")
        entered.set()

    threads = [
        threading.Thread(target=enter, daemon=True),
        threading.Thread(target=pump.evict, args=("ada",), kwargs={"seq": 1}, daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
