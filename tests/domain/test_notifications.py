"""What a user should know: each in the user's own order, unread until read."""

from __future__ import annotations

import pytest

from chatapp.contract import cursors, ids
from chatapp.contract.errors import Code
from chatapp.contract.hints import Hint, NotificationsGrew, NotificationsWereRead
from chatapp.contract.things import NotificationSchema, NotificationsReadSchema, NotificationsSchema
from chatapp.contract.words import NotificationKind
from chatapp.db import transaction
from chatapp.domain import lobby, notifications
from chatapp.domain.actor import Actor
from chatapp.domain.notifications import Note
from tests.domain.classroom import Classroom, refused


def tell(room_id: str, *actors: Actor, times: int = 1) -> None:
    with transaction() as tx:
        notes = [Note(one.user_id, NotificationKind.MENTION, room_id, {"n": n}) for n in range(times) for one in actors]
        notifications.notify(tx, notes)


def test_each_user_has_an_own_order_without_a_hole(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (ada, bob) = classroom.lesson(2)
    heard.clear()
    tell(room_id, ada, bob, times=3)
    tell(room_id, bob)
    assert [item["seq"] for item in notifications.after(ada.user_id, 1)] == [2, 3, 4]
    assert [item["seq"] for item in notifications.after(bob.user_id, 1)] == [2, 3, 4, 5]
    heads = notifications.heads([ada.user_id, bob.user_id])
    assert {user_id: head.last_seq for user_id, head in heads.items()} == {ada.user_id: 4, bob.user_id: 5}
    grown = {(hint.user_id, hint.head) for hint in heard if isinstance(hint, NotificationsGrew)}
    assert grown == {(ada.user_id, 4), (bob.user_id, 4), (bob.user_id, 5)}


def test_pages_go_back_in_time_and_know_the_unread(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    tell(room_id, host, times=5)
    seen, cursor = [], None
    while True:
        page = notifications.page(host, limit=2, cursor=cursor)
        assert not NotificationSchema(many=True).validate(page["items"])
        assert (page["unread"], page["head"]) == (5, 5)
        seen += [item["seq"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    newest = notifications.newest(host)
    assert not NotificationsSchema().validate(newest) and newest["items"][0]["seq"] == 5


@pytest.mark.parametrize("cursor", ["x", cursors.encode(("abc",)), cursors.encode((1, 2)), cursors.encode((2**63,))])
def test_a_cursor_that_is_not_ours_is_refused(classroom: Classroom, cursor: str) -> None:
    _, host, _ = classroom.lesson(0)
    with refused(Code.INVALID_PAYLOAD):
        notifications.page(host, cursor=cursor)
    assert notifications.page(host, cursor=cursors.encode((2**63 - 1,)))["items"] == []


def test_what_is_read_is_read_on_every_device(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    tell(room_id, host, times=5)
    heard.clear()
    answer = notifications.mark_read(host, up_to_seq=3)
    assert answer == {"up_to_seq": 3, "unread": 2} and not NotificationsReadSchema().validate(answer)
    assert heard == [NotificationsWereRead(host.user_id, 3, 2)]
    assert [item["read"] for item in notifications.page(host)["items"]] == [False, False, True, True, True]
    last = notifications.page(host)["items"][0]["id"]
    assert notifications.mark_read(host, ids=[last, last]) == {"up_to_seq": 3, "unread": 1}
    assert notifications.mark_read(host, up_to_seq=2**53 - 1) == {"up_to_seq": 5, "unread": 0}
    assert notifications.mark_read(host, up_to_seq=0) == {"up_to_seq": 5, "unread": 0}


def test_reading_again_keeps_the_first_time(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    assert notifications.mark_read(host, up_to_seq=9) == {"up_to_seq": 0, "unread": 0}
    tell(room_id, host)
    first = notifications.mark_read(host, up_to_seq=1)
    assert notifications.mark_read(host, up_to_seq=1) == first


def test_nobody_reads_or_marks_anothers(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    tell(room_id, host, times=2)
    mine, other = notifications.page(host)["items"][:2]
    with refused(Code.NOT_FOUND):
        notifications.mark_read(pupil, ids=[mine["id"]])
    with refused(Code.NOT_FOUND):
        notifications.mark_read(host, ids=[mine["id"], ids.new_id()])
    assert mine["id"] not in {item["id"] for item in notifications.page(pupil)["items"]}
    notifications.mark_read(pupil, up_to_seq=99)
    assert not any(item["read"] for item in notifications.page(host)["items"])
    assert notifications.mark_read(host, ids=[mine["id"], other["id"]])["unread"] == 1


def test_delivery_reads_at_most_a_page_behind_a_seq(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    tell(room_id, host, times=250)
    first = notifications.after(host.user_id, 0)
    assert [item["seq"] for item in first] == list(range(1, 201))
    assert [item["seq"] for item in notifications.after(host.user_id, 200)] == list(range(201, 251))
    assert notifications.after(ids.new_id(), 0) == [] and notifications.heads([]) == {}


def test_a_note_of_a_rolled_back_act_reaches_nobody(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(0)
    heard.clear()

    def fail() -> None:
        with transaction() as tx:
            notifications.notify(tx, [Note(host.user_id, NotificationKind.MENTION, room_id)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert heard == [] and notifications.page(host)["head"] == 0
    tell(room_id, host)
    assert notifications.page(host)["head"] == 1


def test_each_reading_is_counted_whatever_was_unread(classroom: Classroom) -> None:
    host = classroom.teacher()
    room_id = classroom.room(host)
    lobby.knock(classroom.student(), room_id=room_id)

    def version() -> int:
        return notifications.heads([host.user_id])[host.user_id].read_version

    before = version()
    notifications.mark_read(host, up_to_seq=1)
    assert version() == before + 1
    _, read, told = notifications.after_and_read(host.user_id, 1)
    assert (read["unread"], told) == (0, version())
    notifications.mark_read(host, up_to_seq=1)
    assert version() == before + 2
