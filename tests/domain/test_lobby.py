"""The lobby: knocking, withdrawing, and the host's decisions, once and only once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from chatapp.contract import ids
from chatapp.contract.answers import DecisionsSchema
from chatapp.contract.errors import Code
from chatapp.contract.hints import Hint, LobbyChanged, LogGrew, NotificationsGrew
from chatapp.contract.things import JoinRequestSchema
from chatapp.contract.words import Act
from chatapp.db import reading
from chatapp.domain import lobby, notifications, participants, rooms, visits
from chatapp.models import JoinRequest
from tests.domain.classroom import Classroom, refused, with_limits

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def statuses(room_id: str) -> list[str]:
    with reading() as session:
        query = select(JoinRequest.status).where(JoinRequest.room_id == room_id).order_by(JoinRequest.created_at)
        return list(session.scalars(query))


def test_a_knock_waits_for_the_host_who_is_told(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student("ada")
    heard.clear()
    request, new = lobby.knock(pupil, room_id=room_id, note="I was <late>")
    assert new and not JoinRequestSchema().validate(request)
    assert (request["status"], request["note"], request["online"]) == ("pending", "I was <late>", False)
    (told,) = notifications.newest(host)["items"]
    assert (told["kind"], told["data"]["request_id"]) == ("join_request_created", request["id"])
    assert told["data"]["user"]["username"] == "ada"
    assert {type(hint) for hint in heard} == {LobbyChanged, NotificationsGrew}
    assert classroom.log(room_id) == ["room_created"]


def test_knocking_again_gives_the_request_that_stands(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, _ = classroom.lesson(0)
    pupil = classroom.student()
    first, _ = lobby.knock(pupil, room_id=room_id, note="first")
    heard.clear()
    again, new = lobby.knock(pupil, room_id=room_id, note="second")
    assert not new and again == first and heard == []
    assert statuses(room_id) == ["pending"]


def test_a_participant_who_knocks_is_in_already(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    for actor in (pupil, host):
        answer, new = lobby.knock(actor, room_id=room_id)
        assert (answer, new) == ({"status": "approved", "room_id": room_id, "id": None}, False)


def test_an_open_door_lets_everybody_in_at_once(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, _ = classroom.lesson(0, admission="open")
    pupil = classroom.student()
    heard.clear()
    request, new = lobby.knock(pupil, room_id=room_id)
    assert new and request["status"] == "approved" and request["decided_by"] is None
    assert classroom.log(room_id) == ["room_created", "participant_joined"]
    assert classroom.say(pupil, room_id) == 3
    assert {LogGrew, LobbyChanged} <= {type(hint) for hint in heard}


def test_a_closed_door_lets_nobody_ask(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0, admission="closed")
    pupil = classroom.student()
    with refused(Code.FORBIDDEN):
        lobby.knock(pupil, room_id=room_id)
    rooms.update(host, room_id=room_id, changes={"admission": "ask"})
    assert lobby.knock(pupil, room_id=room_id)[1]


def test_a_closed_room_lets_nobody_ask(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    rooms.close(host, room_id=room_id)
    with refused(Code.ROOM_CLOSED):
        lobby.knock(pupil, room_id=room_id)
    rooms.reopen(host, room_id=room_id)
    assert lobby.knock(pupil, room_id=room_id)[1]


def test_a_banned_user_may_not_ask_until_the_host_says_so(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id, ban=True)
    with refused(Code.FORBIDDEN):
        lobby.knock(pupil, room_id=room_id)
    participants.unban(host, room_id=room_id, user_id=pupil.user_id)
    assert lobby.knock(pupil, room_id=room_id)[1]


@pytest.mark.parametrize("end", ["deny", "withdraw", "remove"])
def test_who_was_turned_away_may_knock_again(classroom: Classroom, end: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    first = classroom.knock(pupil, room_id)
    if end == "deny":
        lobby.deny(host, room_id=room_id, selector={"request_id": first})
    elif end == "withdraw":
        lobby.withdraw(pupil, room_id=room_id)
    else:
        lobby.approve(host, room_id=room_id, selector={"request_id": first})
        participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    again, new = lobby.knock(pupil, room_id=room_id)
    assert new and again["id"] != first and again["status"] == "pending"
    assert lobby.mine(pupil, room_id=room_id)["id"] == again["id"]


def test_knocks_are_counted_by_room_and_user_and_the_answer_says_when_to_come_back(classroom: Classroom) -> None:
    room_id, _, _ = classroom.lesson(0)
    other_room, _, _ = classroom.lesson(0)
    pupil, neighbour = classroom.student(), classroom.student()
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(5):
            classroom.knock(pupil, room_id)
            lobby.withdraw(pupil, room_id=room_id)
            clock.shift(60)
        with refused(Code.RATE_LIMITED) as no:
            lobby.knock(pupil, room_id=room_id)
        assert no.value.retryable and no.value.retry_after == pytest.approx(3600 - 300)
        assert lobby.knock(neighbour, room_id=room_id)[1] and lobby.knock(pupil, room_id=other_room)[1]
        clock.shift(3600 - 300 + 1)
        assert lobby.knock(pupil, room_id=room_id)[1]


def test_so_many_may_wait_and_the_next_is_told(classroom: Classroom) -> None:
    with_limits(pending=2)
    room_id, host, _ = classroom.lesson(0)
    first, second, third = (classroom.student() for _ in range(3))
    classroom.knock(first, room_id)
    classroom.knock(second, room_id)
    with refused(Code.LIMIT_REACHED):
        lobby.knock(third, room_id=room_id)
    assert len(statuses(room_id)) == 2 and classroom.row(room_id).lobby_version == 2
    lobby.withdraw(first, room_id=room_id)
    assert lobby.knock(third, room_id=room_id)[1]
    assert lobby.approve(host, room_id=room_id, selector={"all": True})["results"]


def test_a_full_room_takes_nobody_through_any_door(classroom: Classroom) -> None:
    with_limits(participants=2)
    room_id, host, (pupil,) = classroom.lesson(1)
    late, later = classroom.student(), classroom.student()
    request_id = classroom.knock(late, room_id)
    with refused(Code.ROOM_FULL):
        lobby.approve(host, room_id=room_id, selector={"request_id": request_id})
    rooms.update(host, room_id=room_id, changes={"admission": "open"})
    with refused(Code.ROOM_FULL):
        lobby.knock(later, room_id=room_id)
    assert classroom.log(room_id) == ["room_created", "participant_joined"]
    participants.leave(pupil, room_id=room_id)
    assert lobby.knock(later, room_id=room_id)[0]["status"] == "approved"


def test_in_a_bulk_the_first_find_room_and_the_others_are_told(classroom: Classroom) -> None:
    with_limits(participants=3)
    room_id, host, _ = classroom.lesson(0)
    requests = [classroom.knock(classroom.student(), room_id) for _ in range(4)]
    results = lobby.approve(host, room_id=room_id, selector={"all": True})["results"]
    assert [result["request_id"] for result in results] == requests
    assert [result["outcome"] for result in results] == ["approved", "approved", "room_full", "room_full"]
    assert statuses(room_id) == ["approved", "approved", "pending", "pending"]


def test_the_requester_sees_their_own_request_and_nobody_elses(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil, other = classroom.student(), classroom.student()
    request_id = classroom.knock(pupil, room_id)
    assert lobby.mine(pupil, room_id=room_id)["id"] == request_id
    for nobody in (other, host):
        with refused(Code.NOT_FOUND):
            lobby.mine(nobody, room_id=room_id)
    with refused(Code.NOT_FOUND):
        lobby.mine(pupil, room_id="-1")


def test_withdrawing_ends_the_wait_and_again_changes_nothing(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, _ = classroom.lesson(0)
    pupil = classroom.student()
    with refused(Code.NOT_FOUND):
        lobby.withdraw(pupil, room_id=room_id)
    classroom.knock(pupil, room_id)
    first = lobby.withdraw(pupil, room_id=room_id)
    assert first["status"] == "withdrawn" and first["decided_at"] is not None
    heard.clear()
    assert lobby.withdraw(pupil, room_id=room_id) == first and heard == []


def test_what_is_decided_cannot_be_withdrawn(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    with refused(Code.NOT_PENDING) as no:
        lobby.withdraw(pupil, room_id=room_id)
    assert no.value.data["decided_by"]["id"] == host.user_id


def test_the_hosts_list_is_the_lobby_oldest_first_page_by_page(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    made = [classroom.knock(classroom.student(), room_id) for _ in range(5)]
    lobby.deny(host, room_id=room_id, selector={"request_id": made[1]})
    seen, cursor = [], None
    while True:
        page = lobby.requests(host, room_id=room_id, status="pending", limit=2, cursor=cursor)
        assert not JoinRequestSchema(many=True).validate(page["items"])
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [made[0], *made[2:]]
    assert len(lobby.requests(host, room_id=room_id)["items"]) == 5


def test_the_lobby_is_the_hosts_alone(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    waiting, stranger = classroom.student(), classroom.teacher()
    selector = {"request_id": classroom.knock(waiting, room_id)}
    for actor, code in ((pupil, Code.FORBIDDEN), (waiting, Code.NOT_FOUND), (stranger, Code.NOT_FOUND)):
        with refused(code):
            lobby.requests(actor, room_id=room_id)
        with refused(code):
            lobby.approve(actor, room_id=room_id, selector=selector)
        with refused(code):
            lobby.deny(actor, room_id=room_id, selector=selector)
    assert statuses(room_id) == ["approved", "pending"]
    assert lobby.approve(host, room_id=room_id, selector=selector)["results"][0]["outcome"] == "approved"


def test_a_student_cannot_let_itself_in(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    request_id = classroom.knock(pupil, room_id)
    for selector in ({"request_id": request_id}, {"user_id": pupil.user_id}, {"all": True}):
        with refused(Code.NOT_FOUND):
            lobby.approve(pupil, room_id=room_id, selector=selector)
    assert lobby.approve(host, room_id=room_id, selector={"all": True})["results"]


def test_the_host_of_one_room_decides_nothing_in_another(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    own_room, other_host, _ = classroom.lesson(0)
    request_id = classroom.knock(classroom.student(), room_id)
    for target in (room_id, own_room):
        for selector in ({"request_id": request_id}, {"user_id": pupil.user_id}):
            with refused(Code.NOT_FOUND):
                lobby.approve(other_host, room_id=target, selector=selector)
            with refused(Code.NOT_FOUND):
                lobby.deny(other_host, room_id=target, selector=selector)
    results = lobby.approve(other_host, room_id=own_room, selector={"request_ids": [request_id]})["results"]
    assert results == [{"request_id": request_id, "user_id": None, "outcome": "not_found"}]
    assert lobby.approve(host, room_id=room_id, selector={"request_id": request_id})["results"]


@pytest.mark.parametrize("select_by", ["request_id", "user_id", "request_ids", "all"])
def test_approving_makes_participants_in_order_and_tells_them(
    classroom: Classroom, heard: list[Hint], select_by: str
) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    request_id = classroom.knock(pupil, room_id)
    selectors: dict[str, dict[str, Any]] = {
        "request_id": {"request_id": request_id},
        "user_id": {"user_id": pupil.user_id},
        "request_ids": {"request_ids": [request_id]},
        "all": {"all": True},
    }
    selector = selectors[select_by]
    heard.clear()
    answer = lobby.approve(host, room_id=room_id, selector=selector)
    assert answer == {"results": [{"request_id": request_id, "user_id": pupil.user_id, "outcome": "approved"}]}
    assert not DecisionsSchema().validate(answer)
    assert classroom.log(room_id) == ["room_created", "participant_joined"]
    request = lobby.mine(pupil, room_id=room_id)
    assert request["status"] == "approved" and request["decided_by"]["id"] == host.user_id
    assert notifications.newest(pupil)["items"][0]["kind"] == "join_request_approved"
    assert [type(hint) for hint in heard] == [LogGrew, LobbyChanged, NotificationsGrew]
    assert classroom.say(pupil, room_id) == 3


@pytest.mark.parametrize("closed", [False, True])
def test_approving_again_writes_nothing(classroom: Classroom, heard: list[Hint], closed: bool) -> None:
    room_id, host, _ = classroom.lesson(0)
    selector = {"request_id": classroom.knock(classroom.student(), room_id)}
    first = lobby.approve(host, room_id=room_id, selector=selector)
    if closed:
        rooms.close(host, room_id=room_id)
    before = (classroom.log(room_id), classroom.acts(), classroom.row(room_id).lobby_version)
    heard.clear()
    assert lobby.approve(host, room_id=room_id, selector=selector) == first
    assert (classroom.log(room_id), classroom.acts(), classroom.row(room_id).lobby_version) == before
    assert heard == []


@pytest.mark.parametrize("first", ["approve", "deny"])
def test_a_second_other_decision_is_told_who_decided(classroom: Classroom, first: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    selector = {"request_id": classroom.knock(classroom.student(), room_id)}
    decide, other = (lobby.approve, lobby.deny) if first == "approve" else (lobby.deny, lobby.approve)
    decide(host, room_id=room_id, selector=selector)
    with refused(Code.NOT_PENDING) as no:
        other(host, room_id=room_id, selector=selector)
    assert no.value.data["decided_by"]["id"] == host.user_id
    assert statuses(room_id) == ["approved" if first == "approve" else "denied"]


def test_of_several_each_is_told_what_became_of_it(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    approved, denied, withdrawn, pending = (classroom.student() for _ in range(4))
    requests = [classroom.knock(actor, room_id) for actor in (approved, denied, withdrawn, pending)]
    lobby.approve(host, room_id=room_id, selector={"request_id": requests[0]})
    lobby.deny(host, room_id=room_id, selector={"request_id": requests[1]})
    lobby.withdraw(withdrawn, room_id=room_id)
    unknown = ids.new_id()
    results = lobby.approve(host, room_id=room_id, selector={"request_ids": [*requests, unknown, requests[3]]})[
        "results"
    ]
    assert [(result["request_id"], result["outcome"]) for result in results] == [
        (requests[0], "approved"),
        (requests[1], "not_pending"),
        (requests[2], "not_pending"),
        (requests[3], "approved"),
        (unknown, "not_found"),
    ]
    assert lobby.approve(host, room_id=room_id, selector={"all": True}) == {"results": []}


def test_a_denial_gives_its_reason_to_the_one_it_concerns(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    classroom.knock(pupil, room_id)
    lobby.deny(host, room_id=room_id, selector={"user_id": pupil.user_id}, reason="Not <b>your</b> class")
    assert lobby.mine(pupil, room_id=room_id)["reason"] == "Not <b>your</b> class"
    (told,) = notifications.newest(pupil)["items"]
    assert (told["kind"], told["data"]["reason"]) == ("join_request_denied", "Not <b>your</b> class")
    with refused(Code.NOT_FOUND):
        classroom.say(pupil, room_id)


@pytest.mark.parametrize("text", ["x" * 501, "a\x00", "\u200b"])
def test_notes_and_reasons_are_texts_like_others(classroom: Classroom, text: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    with refused(Code.INVALID_PAYLOAD):
        lobby.knock(pupil, room_id=room_id, note=text)
    selector = {"request_id": classroom.knock(pupil, room_id)}
    with refused(Code.INVALID_PAYLOAD):
        lobby.deny(host, room_id=room_id, selector=selector, reason=text)
    assert lobby.deny(host, room_id=room_id, selector=selector, reason="x" * 500)["results"]


@pytest.mark.parametrize("strange", ["", "-1", "1.5", str(2**63), "٣" * 20, "%", "a\x00", "\ud800", "a" * 19 + "\n"])
def test_strange_ids_in_a_selector_are_not_found(classroom: Classroom, strange: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    for selector in ({"request_id": strange}, {"user_id": strange}):
        for decide in (lobby.approve, lobby.deny):
            with refused(Code.NOT_FOUND):
                decide(host, room_id=room_id, selector=selector)
    assert lobby.approve(host, room_id=room_id, selector={"request_ids": [strange]})["results"] == [
        {"request_id": strange, "user_id": None, "outcome": "not_found"}
    ]


def test_a_wrong_removal_is_taken_back_within_ten_minutes_and_not_later(classroom: Classroom) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        room_id, host, (pupil,) = classroom.lesson(1)
        undo = {"user_id": pupil.user_id}
        participants.remove(host, room_id=room_id, user_id=pupil.user_id, ban=True)
        clock.shift(600)
        (result,) = lobby.approve(host, room_id=room_id, selector=undo)["results"]
        assert result == {"request_id": None, "user_id": pupil.user_id, "outcome": "approved"}
        assert classroom.log(room_id)[-2:] == ["participant_removed", "participant_joined"]
        assert classroom.acts(room_id)[-1] == (Act.PARTICIPANT_RESTORED, host.user_id, pupil.user_id)
        assert classroom.say(pupil, room_id) == 5
        participants.remove(host, room_id=room_id, user_id=pupil.user_id)
        clock.shift(601)
        before = classroom.log(room_id)
        with refused(Code.NOT_PENDING):
            lobby.approve(host, room_id=room_id, selector=undo)
        assert classroom.log(room_id) == before
        with refused(Code.NOT_FOUND):
            classroom.say(pupil, room_id)


def test_a_removal_is_not_taken_back_past_a_full_room(classroom: Classroom) -> None:
    with_limits(participants=2)
    room_id, host, (pupil,) = classroom.lesson(1)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    other = classroom.student()
    classroom.let_in(host, room_id, other)
    with refused(Code.ROOM_FULL):
        lobby.approve(host, room_id=room_id, selector={"user_id": pupil.user_id})
    participants.leave(other, room_id=room_id)
    assert lobby.approve(host, room_id=room_id, selector={"user_id": pupil.user_id})["results"]


def test_a_knock_is_online_while_its_requester_listens(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    request_id = classroom.knock(pupil, room_id)

    def online() -> bool:
        return bool(lobby.requests(host, room_id=room_id)["items"][0]["online"])

    assert not online()
    first = classroom.connect(pupil)
    assert not online()
    heard.clear()
    visits.listen(pupil, connection_id=first)
    assert online()
    second = classroom.connect(pupil, listening=True)
    visits.disconnect(connection_id=first)
    assert online()
    visits.disconnect(connection_id=second)
    assert not online()
    changed = [hint for hint in heard if isinstance(hint, LobbyChanged)]
    assert [hint.request_ids for hint in changed] == [(request_id,), (request_id,)]
    assert all(hint.host_id == host.user_id and hint.room_id == room_id for hint in changed)


def test_a_waiting_student_who_reloads_or_changes_device_keeps_the_place(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    early, late = classroom.student(), classroom.student()
    first = classroom.knock(early, room_id)
    classroom.knock(late, room_id)
    visits.disconnect(connection_id=classroom.connect(early, listening=True))
    classroom.connect(early, listening=True)
    assert lobby.knock(early, room_id=room_id)[0]["id"] == first
    assert lobby.requests(host, room_id=room_id)["items"][0]["id"] == first


def test_delivery_reads_what_changed_since_a_version_it_knows(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    first, second = (classroom.knock(classroom.student(), room_id) for _ in range(2))
    known = classroom.row(room_id).lobby_version
    assert lobby.changed(room_id=room_id, since=known) == []
    lobby.deny(host, room_id=room_id, selector={"request_id": first})
    (request,) = lobby.changed(room_id=room_id, since=known)
    assert request["id"] == first and request["status"] == "denied"
    assert {one["id"] for one in lobby.changed(room_id=room_id, since=0)} == {first, second}
    assert [one["id"] for one in lobby.changed(room_id=room_id, request_ids=[second])] == [second]


def test_every_decision_is_on_record(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    yes, no = classroom.student(), classroom.student()
    for pupil in (yes, no):
        classroom.knock(pupil, room_id)
    lobby.approve(host, room_id=room_id, selector={"user_id": yes.user_id})
    lobby.deny(host, room_id=room_id, selector={"user_id": no.user_id}, reason="x")
    assert classroom.acts(room_id)[1:] == [
        (Act.REQUEST_APPROVED, host.user_id, yes.user_id),
        (Act.REQUEST_DENIED, host.user_id, no.user_id),
    ]


def test_a_request_expires_with_the_room_and_is_no_longer_to_be_decided(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    selector = {"request_id": classroom.knock(pupil, room_id)}
    rooms.close(host, room_id=room_id)
    for decide, code in ((lobby.approve, Code.ROOM_CLOSED), (lobby.deny, Code.NOT_PENDING)):
        with refused(code):
            decide(host, room_id=room_id, selector=selector)
    rooms.reopen(host, room_id=room_id)
    with refused(Code.NOT_PENDING) as no:
        lobby.approve(host, room_id=room_id, selector=selector)
    assert no.value.data["decided_by"] is None
    assert lobby.knock(pupil, room_id=room_id)[1]


def test_who_waits_before_a_door_that_opens_is_let_in_as_if_approved(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupils = [classroom.student(name) for name in ("ada", "ben")]
    for pupil in pupils:
        classroom.knock(pupil, room_id)
    heard.clear()
    shown = rooms.update(host, room_id=room_id, changes={"admission": "open", "title": "For all"})
    assert (shown["participant_count"], shown["pending_count"]) == (3, 0)
    assert classroom.log(room_id) == ["room_created", "participant_joined", "participant_joined"]
    for pupil in pupils:
        request = lobby.mine(pupil, room_id=room_id)
        assert (request["status"], request["decided_by"]) == ("approved", None), "the door decides"
        (told,) = notifications.newest(pupil)["items"]
        assert (told["kind"], told["data"]) == (
            "join_request_approved",
            {"title": "For all", "request_id": request["id"]},
        )
        assert (Act.REQUEST_APPROVED, host.user_id, pupil.user_id) in classroom.acts(room_id)
    assert [type(hint) for hint in heard].count(LobbyChanged) == 1
    assert {hint.user_id for hint in heard if isinstance(hint, NotificationsGrew)} == {each.user_id for each in pupils}
    assert [[entry.seq for entry in hint.entries] for hint in heard if isinstance(hint, LogGrew)] == [[2, 3]]
    changed = lobby.changed(room_id=room_id, since=2)
    assert [request["status"] for request in changed] == ["approved", "approved"], "the host's lobby hears of it"


def test_a_door_that_opens_lets_in_the_oldest_up_to_the_free_places(classroom: Classroom) -> None:
    with_limits(participants=3)
    room_id, host, (inside,) = classroom.lesson(1)
    pupils = [classroom.student(name) for name in ("ada", "ben")]
    for pupil in pupils:
        classroom.knock(pupil, room_id)
    rooms.update(host, room_id=room_id, changes={"admission": "open"})
    assert [lobby.mine(pupil, room_id=room_id)["status"] for pupil in pupils] == ["approved", "pending"]
    participants.leave(inside, room_id=room_id)
    again, new = lobby.knock(pupils[1], room_id=room_id)
    assert (again["status"], new) == ("approved", False), "who found no place gets in by knocking again"
    assert classroom.log(room_id)[-1] == "participant_joined"


def test_no_other_change_of_a_room_lets_anybody_in(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupil = classroom.student()
    classroom.knock(pupil, room_id)
    rooms.update(host, room_id=room_id, changes={"title": "Another"})
    rooms.update(host, room_id=room_id, changes={"admission": "closed"})
    assert statuses(room_id) == ["pending"]
    rooms.update(host, room_id=room_id, changes={"admission": "open"})
    assert statuses(room_id) == ["approved"]


def test_who_is_banned_while_knocking_again_waits_no_more(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    classroom.knock(pupil, room_id)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id, ban=True, reason="enough")
    request = lobby.mine(pupil, room_id=room_id)
    assert (request["status"], request["reason"]) == ("denied", "enough")
    assert lobby.approve(host, room_id=room_id, selector={"all": True}) == {"results": []}
    with refused(Code.FORBIDDEN):
        lobby.knock(pupil, room_id=room_id)


def test_delivery_asks_of_all_hosts_at_once_who_waits_and_is_there(classroom: Classroom) -> None:
    host, other, here, away = classroom.teacher(), classroom.teacher(), classroom.student(), classroom.student()
    room_id, elsewhere = classroom.room(host), classroom.room(other)
    for pupil, room in ((here, room_id), (away, room_id), (away, elsewhere)):
        lobby.knock(pupil, room_id=room)
    visits.connect(here, connection_id="c", worker_id=classroom.worker)
    visits.listen(here, connection_id="c")
    asked = lobby.waiting([host.user_id])
    assert set(asked) == {room_id}
    assert sorted(asked[room_id].values()) == [False, True]
    visits.disconnect(connection_id="c")
    assert list(lobby.waiting([host.user_id, other.user_id])[room_id].values()) == [False, False]
    lobby.approve(host, room_id=room_id, selector={"all": True})
    assert lobby.waiting([host.user_id]) == {} == lobby.waiting([])
