"""Is the host here? Absences begin, are told, end and close the room exactly once, and a reload leaves no trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from chatapp.contract.errors import Code
from chatapp.contract.hints import ConnectionsEnded, Evicted, Hint, LogGrew, PresenceChanged, RoomChanged
from chatapp.contract.words import Act
from chatapp.db import reading, transaction
from chatapp.domain import absences, history, lobby, notifications, participants, rooms, visits, workers
from chatapp.models import Presence
from tests.domain.classroom import Classroom, refused, with_limits

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def rows() -> int:
    with reading() as session:
        return session.scalar(select(func.count(Presence.id))) or 0


def online(room_id: str) -> set[str]:
    with reading() as session:
        return visits.online(session.connection(), room_id)


def presence(heard: list[Hint]) -> list[tuple[str, bool]]:
    return [(hint.user["id"], hint.online) for hint in heard if isinstance(hint, PresenceChanged)]


def test_a_visit_makes_somebody_present_and_its_end_absent(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    heard.clear()
    connection = classroom.connect(pupil, room_id)
    assert online(room_id) == {pupil.user_id} and visits.online_count(room_id=room_id) == 1
    visits.leave(pupil, connection_id=connection, room_id=room_id)
    assert online(room_id) == set() and rows() == 1
    visits.disconnect(connection_id=connection)
    assert rows() == 0
    assert presence(heard) == [(pupil.user_id, True), (pupil.user_id, False)]
    assert classroom.log(room_id) == ["room_created", "participant_joined"]


def test_entering_twice_on_one_connection_is_one_visit(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    connection = classroom.connect(pupil, room_id)
    heard.clear()
    visits.enter(pupil, connection_id=connection, room_id=room_id, worker_id=classroom.worker)
    assert rows() == 2 and heard == []


def test_only_the_first_visit_comes_and_only_the_last_goes(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    heard.clear()
    first, second = classroom.connect(pupil, room_id), classroom.connect(pupil, room_id)
    assert visits.online_count(room_id=room_id) == 1
    visits.disconnect(connection_id=first)
    assert online(room_id) == {pupil.user_id}
    visits.disconnect(connection_id=second)
    assert presence(heard) == [(pupil.user_id, True), (pupil.user_id, False)]


def test_who_is_outside_cannot_visit(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    stranger = classroom.student()
    connection = classroom.connect(stranger)
    with refused(Code.NOT_FOUND):
        visits.enter(stranger, connection_id=connection, room_id=room_id, worker_id=classroom.worker)
    assert online(room_id) == set()
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    with refused(Code.NOT_FOUND):
        classroom.connect(pupil, room_id)


def test_whoever_leaves_or_is_removed_visits_no_more(classroom: Classroom) -> None:
    room_id, host, (leaver, removed, stays) = classroom.lesson(3)
    for pupil in (leaver, removed, stays):
        classroom.connect(pupil, room_id)
        classroom.connect(pupil, room_id)
    participants.leave(leaver, room_id=room_id)
    participants.remove(host, room_id=room_id, user_id=removed.user_id)
    assert online(room_id) == {stays.user_id}


def test_a_room_prepared_ahead_has_no_absent_host(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(pupil, room_id))
    room = classroom.row(room_id)
    assert (room.host_absence, room.host_absent_since) == (0, None) and workers.absences() == []


def test_an_absence_begins_when_the_hosts_last_visit_ends(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    first, second = classroom.connect(host, room_id), classroom.connect(host, room_id)
    visits.disconnect(connection_id=first)
    assert classroom.row(room_id).host_absence == 0
    visits.leave(host, connection_id=second, room_id=room_id)
    room = classroom.row(room_id)
    assert room.host_absence == 1 and room.host_absent_since is not None and not room.away_told
    assert "host_away" not in classroom.log(room_id)
    (absence,) = workers.absences()
    assert (absence.room_id, absence.number, absence.grace_seconds) == (room_id, 1, 60)
    assert (absence.told, absence.closes_in) == (False, None)
    visits.disconnect(connection_id=second)
    assert classroom.row(room_id).host_absence == 1


def test_a_reload_leaves_no_trace(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(1)
    connection = classroom.connect(host, room_id)
    before = (classroom.log(room_id), classroom.row(room_id).version)
    heard.clear()
    for _ in range(20):
        visits.disconnect(connection_id=connection)
        connection = classroom.connect(host, room_id)
    assert (classroom.log(room_id), classroom.row(room_id).version) == before
    assert {type(hint) for hint in heard} == {PresenceChanged}
    room = classroom.row(room_id)
    assert room.host_absence == 20 and room.host_absent_since is None and workers.absences() == []


def test_a_reload_by_way_of_a_second_connection_is_no_absence_at_all(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    connection = classroom.connect(host, room_id)
    for _ in range(5):
        following = classroom.connect(host, room_id)
        visits.disconnect(connection_id=connection)
        connection = following
    assert classroom.row(room_id).host_absence == 0


def test_an_absence_that_lasts_is_told_once_with_its_earliest_end(classroom: Classroom, heard: list[Hint]) -> None:
    with time_machine.travel(NOON, tick=False):
        room_id, host, (pupil,) = classroom.lesson(1)
        visits.disconnect(connection_id=classroom.connect(host, room_id))
        heard.clear()
        absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
        absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
        assert classroom.log(room_id)[-1] == "host_away" and classroom.log(room_id).count("host_away") == 1
        told = history.read(pupil, room_id=room_id)["items"][-1]["params"]
        assert told["user"]["id"] == host.user_id
        assert (told["closes_at"], told["closes_in"]) == ("2030-01-01T12:00:55.000Z", 55.0)
        shown = rooms.show(pupil, room_id=room_id)
        assert (shown["status"], shown["closes_at"], shown["closes_in"]) == (
            "unsupervised",
            "2030-01-01T12:00:55.000Z",
            55.0,
        )
        assert {type(hint) for hint in heard} == {LogGrew, RoomChanged}
        (absence,) = workers.absences()
        assert absence.told and absence.closes_in == 55.0
        assert [card["id"] for card in rooms.list_cards(pupil, status="unsupervised")["items"]] == [room_id]
        assert rooms.list_cards(pupil, status="open")["items"] == []


def test_without_the_host_the_class_goes_on(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
    assert classroom.say(pupil, room_id)
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    assert lobby.approve(host, room_id=room_id, selector={"user_id": waiting.user_id})["results"]
    assert classroom.say(waiting, room_id)


def test_a_told_absence_ends_with_host_back(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
    heard.clear()
    classroom.connect(host, room_id)
    assert classroom.log(room_id)[-2:] == ["host_away", "host_back"]
    shown = rooms.show(pupil, room_id=room_id)
    assert (shown["status"], shown["closes_at"], shown["closes_in"]) == ("open", None, None)
    assert workers.absences() == [] and RoomChanged(room_id) in heard
    classroom.connect(host, room_id)
    assert classroom.log(room_id).count("host_back") == 1


def test_an_absence_that_is_over_is_neither_told_nor_closed(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    classroom.connect(host, room_id)
    before = classroom.log(room_id)
    heard.clear()
    absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
    absences.postpone(room_id=room_id, absence=1, closes_in=99.0)
    assert not absences.close_abandoned(room_id=room_id, absence=1)
    assert classroom.log(room_id) == before and heard == []


def test_a_later_absence_is_another_one(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    assert classroom.row(room_id).host_absence == 2
    assert not absences.close_abandoned(room_id=room_id, absence=1)
    absences.tell_away(room_id=room_id, absence=1, closes_in=1.0)
    assert "host_away" not in classroom.log(room_id) and classroom.row(room_id).closed_at is None
    assert absences.close_abandoned(room_id=room_id, absence=2)
    assert classroom.log(room_id)[-1] == "room_closed"


def test_an_abandoned_room_closes_once_and_everybody_is_told(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    classroom.connect(pupil, room_id)
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
    heard.clear()
    assert [absences.close_abandoned(room_id=room_id, absence=1) for _ in range(3)] == [True, False, False]
    assert classroom.log(room_id)[-2:] == ["host_away", "room_closed"]
    shown = rooms.show(host, room_id=room_id)
    assert (shown["status"], shown["close_reason"], shown["closes_at"]) == ("closed", "host_gone", None)
    for actor in (host, pupil, waiting):
        newest = notifications.newest(actor)["items"][0]
        assert (newest["kind"], newest["data"]["reason"]) == ("room_closed", "host_gone")
    assert lobby.mine(waiting, room_id=room_id)["status"] == "expired"
    assert classroom.acts(room_id)[-1] == (Act.ROOM_CLOSED, None, None)
    assert online(room_id) == {pupil.user_id} and not any(isinstance(hint, Evicted) for hint in heard)


def test_reopening_ends_the_absence_and_the_next_one_has_a_new_number(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    assert absences.close_abandoned(room_id=room_id, absence=1)
    rooms.reopen(host, room_id=room_id)
    assert workers.absences() == [] and not absences.close_abandoned(room_id=room_id, absence=1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    assert [absence.number for absence in workers.absences()] == [2]
    assert "host_back" not in classroom.log(room_id)


def test_a_closing_may_move_later_and_never_earlier(classroom: Classroom, heard: list[Hint]) -> None:
    with time_machine.travel(NOON, tick=False):
        room_id, host, _ = classroom.lesson(1)
        visits.disconnect(connection_id=classroom.connect(host, room_id))
        absences.postpone(room_id=room_id, absence=1, closes_in=99.0)
        assert classroom.row(room_id).closes_at is None
        absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
        heard.clear()
        absences.postpone(room_id=room_id, absence=1, closes_in=30.0)
        absences.postpone(room_id=room_id, absence=2, closes_in=99.0)
        assert classroom.row(room_id).closes_at == NOON + timedelta(seconds=55) and heard == []
        absences.postpone(room_id=room_id, absence=1, closes_in=80.0)
        assert classroom.row(room_id).closes_at == NOON + timedelta(seconds=80)
        assert heard == [RoomChanged(room_id)] and classroom.log(room_id)[-1] == "host_away"


@pytest.mark.parametrize("grace", [1, 9])
def test_with_a_short_grace_time_an_absence_is_told_at_once(classroom: Classroom, grace: int) -> None:
    with time_machine.travel(NOON, tick=False):
        room_id, host, _ = classroom.lesson(1, host_grace_seconds=grace)
        visits.disconnect(connection_id=classroom.connect(host, room_id))
        assert classroom.log(room_id)[-1] == "host_away"
        assert classroom.row(room_id).closes_at == NOON + timedelta(seconds=grace)
        classroom.connect(host, room_id)
        assert classroom.log(room_id)[-1] == "host_back"


def test_the_moment_that_members_were_told_is_never_moved_to_an_earlier_one(classroom: Classroom) -> None:
    with time_machine.travel(NOON, tick=False):
        room_id, host, _ = classroom.lesson(1, host_grace_seconds=9)
        visits.disconnect(connection_id=classroom.connect(host, room_id))
        with refused(Code.CONFLICT):
            rooms.update(host, room_id=room_id, changes={"host_grace_seconds": 0, "title": "Other"})
        assert classroom.row(room_id).closes_at == NOON + timedelta(seconds=9)
        assert classroom.row(room_id).title != "Other"
        changed = rooms.update(host, room_id=room_id, changes={"host_grace_seconds": 120})
        assert changed["closes_in"] == 120.0
        assert classroom.row(room_id).closes_at == NOON + timedelta(seconds=120)
        classroom.connect(host, room_id)
        assert rooms.update(host, room_id=room_id, changes={"host_grace_seconds": 0})["host_grace_seconds"] == 0


def test_with_ten_seconds_of_grace_it_is_told_later(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1, host_grace_seconds=10)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    assert "host_away" not in classroom.log(room_id)


def test_without_grace_the_room_closes_with_the_hosts_last_visit(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1, host_grace_seconds=0)
    first, second = classroom.connect(host, room_id), classroom.connect(host, room_id)
    visits.disconnect(connection_id=first)
    assert classroom.row(room_id).closed_at is None
    heard.clear()
    visits.disconnect(connection_id=second)
    assert classroom.log(room_id)[-1] == "room_closed" and "host_away" not in classroom.log(room_id)
    assert classroom.row(room_id).close_reason == "host_gone"
    with refused(Code.ROOM_CLOSED):
        classroom.say(pupil, room_id)
    assert presence(heard) == [(host.user_id, False)]


def test_without_grace_a_dead_workers_host_is_only_away(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1, host_grace_seconds=0)
    classroom.connect(host, room_id)
    assert workers.bury(classroom.worker)
    assert classroom.row(room_id).closed_at is None and classroom.log(room_id)[-1] == "host_away"
    assert absences.close_abandoned(room_id=room_id, absence=1)
    assert classroom.log(room_id)[-1] == "room_closed"


def test_a_closed_room_has_no_absence(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    connection = classroom.connect(host, room_id)
    rooms.close(host, room_id=room_id)
    visits.disconnect(connection_id=connection)
    room = classroom.row(room_id)
    assert (room.host_absence, room.host_absent_since) == (0, None)
    classroom.connect(host, room_id)
    assert classroom.log(room_id)[-1] == "room_closed"


def test_closing_while_the_host_is_away_ends_the_absence(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    absences.tell_away(room_id=room_id, absence=1, closes_in=55.0)
    rooms.close(host, room_id=room_id)
    assert workers.absences() == [] and not absences.close_abandoned(room_id=room_id, absence=1)
    assert classroom.row(room_id).close_reason == "host_closed"
    classroom.connect(host, room_id)
    assert classroom.log(room_id)[-1] == "room_closed"


def test_one_host_is_away_from_one_room_and_present_in_another(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    other_room = classroom.room(host)
    connection = classroom.connect(host, room_id, other_room)
    visits.leave(host, connection_id=connection, room_id=room_id)
    assert [absence.room_id for absence in workers.absences()] == [room_id]
    visits.disconnect(connection_id=connection)
    assert {absence.room_id for absence in workers.absences()} == {room_id, other_room}


def test_a_participants_visits_are_no_matter_of_the_hosts_absence(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    visits.disconnect(connection_id=classroom.connect(host, room_id))
    visits.disconnect(connection_id=classroom.connect(pupil, room_id))
    classroom.connect(pupil, room_id)
    assert [absence.number for absence in workers.absences()] == [1]


def test_a_dead_worker_takes_its_visits_along_and_no_others(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    classroom.connect(pupil, room_id)
    living = workers.begin()
    visits.connect(host, connection_id="elsewhere", worker_id=living)
    visits.enter(host, connection_id="elsewhere", room_id=room_id, worker_id=living)
    classroom.connect(host, room_id)
    heard.clear()
    assert workers.bury(classroom.worker) and not workers.bury(classroom.worker)
    assert online(room_id) == {host.user_id} and classroom.row(room_id).host_absence == 0
    assert presence(heard) == [(pupil.user_id, False)]
    assert not workers.beat(classroom.worker) and workers.beat(living)
    assert set(workers.beats()) == {living}
    assert workers.bury(living) and classroom.row(room_id).host_absence == 1 and rows() == 0


def test_the_sixth_connection_shows_the_oldest_the_door(classroom: Classroom, heard: list[Hint]) -> None:
    with_limits(connections=2)
    room_id, _, (pupil,) = classroom.lesson(1)
    first, _ = classroom.connect(pupil, room_id), classroom.connect(pupil)
    assert not any(isinstance(hint, ConnectionsEnded) for hint in heard)
    classroom.connect(pupil)
    assert [hint for hint in heard if isinstance(hint, ConnectionsEnded)] == [ConnectionsEnded((first,), "too_many")]
    visits.disconnect(connection_id=first)
    heard.clear()
    classroom.connect(classroom.student())
    assert not any(isinstance(hint, ConnectionsEnded) for hint in heard)


def test_the_oldest_of_too_many_connections_are_found_though_nobody_heard_of_them(classroom: Classroom) -> None:
    with_limits(connections=2)
    room_id, host, (pupil, other) = classroom.lesson(2)
    connections = [classroom.connect(pupil, room_id) for _ in range(4)]
    for _ in range(2):
        classroom.connect(other, room_id)
    everybody = [host.user_id, pupil.user_id, other.user_id]
    assert visits.surplus(everybody) == set(connections[:2])
    assert visits.surplus([host.user_id, other.user_id]) == set() == visits.surplus([])
    visits.disconnect(connection_id=connections[2])
    assert visits.surplus(everybody) == {connections[0]}


def test_disconnecting_what_is_gone_changes_nothing(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    connection = classroom.connect(host, room_id)
    visits.disconnect(connection_id=connection)
    heard.clear()
    visits.disconnect(connection_id=connection)
    visits.leave(host, connection_id=connection, room_id=room_id)
    assert heard == [] and classroom.row(room_id).host_absence == 1


def test_the_snapshot_and_the_visits_agree_on_who_is_here(classroom: Classroom) -> None:
    room_id, host, (pupil, _) = classroom.lesson(2)
    classroom.connect(pupil, room_id)
    people = classroom.entered(host, room_id)["participants"]
    here = {person["user"]["id"] for person in people if person["online"]}
    assert here == {host.user_id, pupil.user_id}
    listed = participants.list_all(host, room_id=room_id)["items"]
    assert {person["user"]["id"] for person in listed if person["online"]} == online(room_id) == {pupil.user_id}


def test_a_visit_ends_with_its_transaction_or_not_at_all(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    classroom.connect(pupil, room_id)

    def fail() -> None:
        with transaction() as tx:
            visits.forget(tx, room_id, pupil.user_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert online(room_id) == {pupil.user_id}
