"""Who is in a room: leaving, removing, banning, and what they see and do afterwards."""

from __future__ import annotations

import pytest

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.contract.hints import Evicted, Hint, LogGrew
from chatapp.contract.things import CardSchema, ParticipantSchema, RoomSchema
from chatapp.contract.words import Act
from chatapp.domain import entering, history, lobby, messages, notifications, participants, rooms
from chatapp.domain.actor import Actor
from tests.domain.classroom import Classroom, refused


def evictions(heard: list[Hint]) -> list[Evicted]:
    return [hint for hint in heard if isinstance(hint, Evicted)]


def is_outside(actor: Actor, room_id: str) -> bool:
    """Everything inside answers as if there were no room."""
    for ask in (
        lambda: messages.send(actor, room_id=room_id, client_id=ids.new_id(), body="b"),
        lambda: history.read(actor, room_id=room_id),
        lambda: entering.enter(actor, room_id=room_id, after=0).answer,
        lambda: entering.messages_after(actor, room_id=room_id, after=0),
        lambda: entering.messages_before(actor, room_id=room_id, before=9),
        lambda: participants.list_all(actor, room_id=room_id),
        lambda: participants.leave(actor, room_id=room_id),
        lambda: lobby.requests(actor, room_id=room_id),
        lambda: participants.bans(actor, room_id=room_id),
        lambda: participants.remove(actor, room_id=room_id, user_id=actor.user_id),
    ):
        with refused(Code.NOT_FOUND):
            ask()
    return True


def test_participants_are_listed_in_the_order_they_came_page_by_page(classroom: Classroom) -> None:
    room_id, host, pupils = classroom.lesson(4)
    classroom.connect(pupils[1], room_id)
    seen, cursor = [], None
    while True:
        page = participants.list_all(pupils[0], room_id=room_id, limit=2, cursor=cursor)
        assert not ParticipantSchema(many=True).validate(page["items"])
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[0]["user"]["id"] == host.user_id and seen[0]["role"] == "host"
    assert {item["user"]["id"] for item in seen} == {host.user_id, *(pupil.user_id for pupil in pupils)}
    assert [item["user"]["id"] for item in seen if item["online"]] == [pupils[1].user_id]
    assert len(seen) == 5 and participants.actives(room_id=room_id) == {item["user"]["id"] for item in seen}


def test_whoever_leaves_is_outside_and_the_class_sees_it(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil, other) = classroom.lesson(2)
    classroom.connect(pupil, room_id)
    heard.clear()
    card = participants.leave(pupil, room_id=room_id)
    assert not CardSchema().validate(card) and card["my_role"] == "none"
    assert classroom.log(room_id)[-1] == "participant_left"
    head = classroom.row(room_id).last_seq
    assert evictions(heard) == [Evicted(room_id, pupil.user_id, head, removed=False)]
    (grown,) = [hint for hint in heard if isinstance(hint, LogGrew)]
    assert grown.entries[0].evicts == pupil.user_id and grown.entries[0].seq == head
    assert is_outside(pupil, room_id)
    assert classroom.say(other, room_id) == head + 1
    shown = participants.list_all(other, room_id=room_id)["items"]
    assert pupil.user_id not in {item["user"]["id"] for item in shown}
    assert classroom.acts(room_id)[-1][0] is not Act.PARTICIPANT_REMOVED


def test_the_host_leaving_ends_the_class_and_keeps_the_host(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    room = participants.leave(host, room_id=room_id)
    assert not RoomSchema().validate(room)
    assert (room["status"], room["close_reason"], room["my_role"]) == ("closed", "host_left", "host")
    assert participants.leave(host, room_id=room_id)["head"] == room["head"]
    assert notifications.newest(pupil)["items"][0]["data"]["reason"] == "host_left"
    assert rooms.reopen(host, room_id=room_id)["status"] == "open"


@pytest.mark.parametrize("ban", [False, True])
def test_whoever_is_removed_is_outside_and_told_why(classroom: Classroom, heard: list[Hint], ban: bool) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    classroom.connect(pupil, room_id)
    heard.clear()
    answer = participants.remove(host, room_id=room_id, user_id=pupil.user_id, reason="<b>rude</b>", ban=ban)
    head = classroom.row(room_id).last_seq
    assert answer == {"user_id": pupil.user_id, "seq": head, "banned": ban}
    assert classroom.log(room_id)[-1] == "participant_removed"
    assert evictions(heard) == [Evicted(room_id, pupil.user_id, head, removed=True)]
    told = notifications.newest(pupil)["items"][0]
    assert (told["kind"], told["data"]["reason"], told["data"]["banned"]) == ("participant_removed", "<b>rude</b>", ban)
    assert is_outside(pupil, room_id)
    assert rooms.show(pupil, room_id=room_id)["my_role"] == "none"
    act = Act.PARTICIPANT_BANNED if ban else Act.PARTICIPANT_REMOVED
    assert classroom.acts(room_id)[-1] == (act, host.user_id, pupil.user_id)
    assert classroom.say(other, room_id) == head + 1


def test_the_reason_of_a_removal_is_not_for_the_class(classroom: Classroom) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id, reason="a private matter")
    log = history.read(other, room_id=room_id)["items"]
    assert log[-1]["code"] == "participant_removed" and log[-1]["params"]["user"]["id"] == pupil.user_id
    assert "private" not in str(log)


def test_removing_again_changes_nothing_but_a_ban_can_still_follow(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    first = participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    heard.clear()
    assert participants.remove(host, room_id=room_id, user_id=pupil.user_id) == first
    assert heard == []
    banned = participants.remove(host, room_id=room_id, user_id=pupil.user_id, ban=True)
    assert banned == first | {"banned": True} and heard == []
    assert participants.remove(host, room_id=room_id, user_id=pupil.user_id) == banned
    assert [act for act, _, _ in classroom.acts(room_id)][-2:] == [Act.PARTICIPANT_REMOVED, Act.PARTICIPANT_BANNED]
    assert classroom.log(room_id).count("participant_removed") == 1


def test_the_host_cannot_be_removed(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    with refused(Code.CONFLICT):
        participants.remove(host, room_id=room_id, user_id=host.user_id)
    with refused(Code.FORBIDDEN):
        participants.remove(pupil, room_id=room_id, user_id=host.user_id)
    assert classroom.say(host, room_id) == 3
    assert participants.remove(host, room_id=room_id, user_id=pupil.user_id)


def test_who_never_was_in_the_room_or_left_it_cannot_be_removed(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    participants.leave(pupil, room_id=room_id)
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    for nobody in (pupil.user_id, waiting.user_id, classroom.student().user_id, ids.new_id(), "-1"):
        with refused(Code.NOT_FOUND):
            participants.remove(host, room_id=room_id, user_id=nobody)


def test_the_host_of_one_room_removes_bans_and_unbans_nobody_in_another(classroom: Classroom) -> None:
    room_id, host, (pupil, banned) = classroom.lesson(2)
    participants.remove(host, room_id=room_id, user_id=banned.user_id, ban=True)
    own_room, other_host, _ = classroom.lesson(0)
    for target in (room_id, own_room):
        with refused(Code.NOT_FOUND):
            participants.remove(other_host, room_id=target, user_id=pupil.user_id)
        with refused(Code.NOT_FOUND):
            participants.unban(other_host, room_id=target, user_id=banned.user_id)
    with refused(Code.NOT_FOUND):
        participants.bans(other_host, room_id=room_id)
    assert classroom.say(pupil, room_id)


def test_a_ban_is_listed_and_lifted_by_the_host_alone(classroom: Classroom) -> None:
    room_id, host, (pupil, banned) = classroom.lesson(2)
    participants.remove(host, room_id=room_id, user_id=banned.user_id, ban=True)
    with refused(Code.FORBIDDEN):
        participants.bans(pupil, room_id=room_id)
    with refused(Code.FORBIDDEN):
        participants.unban(pupil, room_id=room_id, user_id=banned.user_id)
    (item,) = participants.bans(host, room_id=room_id)["items"]
    assert item["user"]["id"] == banned.user_id
    assert participants.unban(host, room_id=room_id, user_id=banned.user_id) == {"user_id": banned.user_id}
    assert participants.bans(host, room_id=room_id)["items"] == []
    with refused(Code.NOT_FOUND):
        participants.unban(host, room_id=room_id, user_id=banned.user_id)
    assert classroom.acts(room_id)[-1] == (Act.BAN_LIFTED, host.user_id, banned.user_id)
    assert is_outside(banned, room_id) and lobby.knock(banned, room_id=room_id)[1]


def test_in_a_closed_room_who_leaves_or_is_removed_is_evicted_without_a_line(
    classroom: Classroom, heard: list[Hint]
) -> None:
    room_id, host, (leaver, removed) = classroom.lesson(2)
    rooms.close(host, room_id=room_id)
    head = classroom.row(room_id).last_seq
    heard.clear()
    participants.leave(leaver, room_id=room_id)
    participants.remove(host, room_id=room_id, user_id=removed.user_id)
    assert evictions(heard) == [
        Evicted(room_id, leaver.user_id, head, removed=False),
        Evicted(room_id, removed.user_id, head, removed=True),
    ]
    assert classroom.row(room_id).last_seq == head
    assert is_outside(leaver, room_id) and is_outside(removed, room_id)
    assert participants.actives(room_id=room_id) == {host.user_id}


def test_who_comes_back_reads_what_was_said_meanwhile(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    participants.leave(pupil, room_id=room_id)
    classroom.say(host, room_id, "meanwhile")
    classroom.let_in(host, room_id, pupil)
    bodies = [item["body"] for item in history.read(pupil, room_id=room_id)["items"]]
    assert "meanwhile" in bodies


def test_a_stranger_a_waiting_and_a_denied_user_are_outside(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    waiting, denied = classroom.student(), classroom.student()
    lobby.deny(host, room_id=room_id, selector={"request_id": classroom.knock(denied, room_id)})
    classroom.knock(waiting, room_id)
    for actor in (waiting, denied, classroom.student(), classroom.teacher()):
        assert is_outside(actor, room_id)
    classroom.let_in(host, room_id, waiting)
    assert classroom.say(waiting, room_id)
