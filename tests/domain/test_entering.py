"""What one who enters is given: all of one moment, no more than fits, and a clear word when to start anew."""

from __future__ import annotations

from typing import Any

import pytest

from chatapp.contract import jsontext
from chatapp.contract.errors import Code
from chatapp.contract.things import SnapshotSchema
from chatapp.contract.words import EVICTING
from chatapp.domain import accounts, entering, participants, rooms
from tests.domain.classroom import Classroom, refused


def seqs(answer: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in answer["messages"]]


def test_entering_shows_the_room_its_people_and_its_newest_page(classroom: Classroom) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    classroom.connect(other, room_id)
    classroom.say(pupil, room_id)
    answer = classroom.entered(pupil, room_id)
    assert not SnapshotSchema().validate(answer)
    assert answer["room"] == rooms.show(pupil, room_id=room_id)
    assert (answer["head"], seqs(answer), answer["more"], answer["reset"]) == (4, [1, 2, 3, 4], False, False)
    assert answer["epoch"] == classroom.row(room_id).epoch
    assert answer["me"]["user"]["id"] == pupil.user_id and answer["me"]["online"]
    people = {person["user"]["id"]: person["online"] for person in answer["participants"]}
    assert people == {host.user_id: False, pupil.user_id: True, other.user_id: True}
    assert entering.enter(host, room_id=room_id).answer["room"]["my_role"] == "host"


def test_people_are_shown_as_they_are_called_now(classroom: Classroom) -> None:
    room_id, host, (pupil, _) = classroom.lesson(2)

    def names() -> list[str]:
        return [each["user"]["display_name"] for each in classroom.entered(host, room_id)["participants"]]

    before = names()
    accounts.change_profile(pupil, display_name="Somebody else")
    after = names()
    assert len(before) == 3 and [new for old, new in zip(before, after, strict=True) if new != old] == ["Somebody else"]
    assert classroom.entered(pupil, room_id)["me"]["user"]["display_name"] == "Somebody else"


@pytest.mark.parametrize(
    ("after", "epoch", "expected", "reset"),
    [
        (None, None, [1, 2, 3, 4, 5], False),
        (0, None, [1, 2, 3, 4, 5], False),
        (3, None, [4, 5], False),
        (3, "same", [4, 5], False),
        (5, "same", [], False),
        (6, "same", [1, 2, 3, 4, 5], True),
        (2**53 - 1, None, [1, 2, 3, 4, 5], True),
        (3, "another", [1, 2, 3, 4, 5], True),
        (0, "", [1, 2, 3, 4, 5], True),
        (None, "another", [1, 2, 3, 4, 5], False),
    ],
)
def test_resuming_gives_what_was_missed_or_says_to_start_anew(
    classroom: Classroom, after: int | None, epoch: str | None, expected: list[int], reset: bool
) -> None:
    room_id, host, _ = classroom.lesson(1)
    for n in range(3):
        classroom.say(host, room_id, f"{n}")
    known = classroom.row(room_id).epoch if epoch == "same" else epoch
    answer = entering.enter(host, room_id=room_id, after=after, epoch=known).answer
    assert (seqs(answer), answer["reset"], answer["more"]) == (expected, reset, False)


def test_pages_of_a_long_absence_join_without_a_hole(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for n in range(450):
        classroom.say(host, room_id, f"{n}")
    seen: list[int] = []
    after = 0
    while True:
        answer = entering.enter(host, room_id=room_id, after=after).answer
        assert len(answer["messages"]) <= entering.PAGE
        seen += seqs(answer)
        if not answer["more"]:
            break
        after = seen[-1]
    assert seen == list(range(1, 452))
    newest = entering.enter(host, room_id=room_id).answer
    assert seqs(newest) == list(range(252, 452)) and not newest["more"]


def test_a_page_weighs_at_most_256_kib_and_keeps_the_end_that_matters(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for _ in range(40):
        classroom.say(host, room_id, "😀" * 3999)
    forward = entering.enter(host, room_id=room_id, after=0).answer
    assert forward["messages"][0]["seq"] == 1 and forward["more"]
    newest = entering.enter(host, room_id=room_id).answer
    assert newest["messages"][-1]["seq"] == 41 and not newest["more"]
    reset = entering.enter(host, room_id=room_id, after=99).answer
    assert reset["messages"][-1]["seq"] == 41 and reset["reset"] and not reset["more"]
    after = entering.messages_after(host, room_id=room_id, after=0, limit=200)
    assert after["messages"][0]["seq"] == 1 and after["more"]
    before = entering.messages_before(host, room_id=room_id, before=42, limit=200)
    assert before["messages"][-1]["seq"] == 41 and before["more"]
    for answer in (forward, newest, reset, after, before):
        assert len(jsontext.encode(answer["messages"])) <= entering.PAGE_BYTES
        texts = [message["seq"] for message in answer["messages"] if message["type"] == "text"]
        assert texts == list(range(texts[0], texts[0] + 16))


def test_one_message_that_is_heavier_than_a_page_still_comes(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_id, host, _ = classroom.lesson(0)
    classroom.say(host, room_id, "x" * 4000)
    monkeypatch.setattr(entering, "PAGE_BYTES", 1000)
    assert seqs(entering.enter(host, room_id=room_id, after=1).answer) == [2]
    assert seqs(entering.enter(host, room_id=room_id).answer) == [2]


def test_a_closed_room_is_entered_and_read_by_its_participants(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    rooms.close(host, room_id=room_id)
    for actor in (host, pupil):
        answer = entering.enter(actor, room_id=room_id).answer
        assert answer["room"]["status"] == "closed" and answer["messages"][-1]["code"] == "room_closed"
    with refused(Code.NOT_FOUND):
        entering.enter(classroom.student(), room_id=room_id)


def test_a_removed_participant_cannot_resume_with_an_old_cursor(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    before = entering.enter(pupil, room_id=room_id).answer
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    with refused(Code.NOT_FOUND):
        entering.enter(pupil, room_id=room_id, after=before["head"], epoch=before["epoch"])
    assert not entering.is_waiting(pupil, room_id=room_id)
    classroom.knock(pupil, room_id)
    assert entering.is_waiting(pupil, room_id=room_id)
    with refused(Code.NOT_FOUND):
        entering.enter(pupil, room_id=room_id, after=before["head"], epoch=before["epoch"])


def test_pages_forward_and_backward_say_where_they_stand(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    for n in range(9):
        classroom.say(host, room_id, f"{n}")
    page = entering.messages_after(host, room_id=room_id, after=3, limit=4)
    assert (seqs(page), page["head"], page["more"], page["reset"]) == ([4, 5, 6, 7], 10, True, False)
    page = entering.messages_after(host, room_id=room_id, after=8, limit=4)
    assert (seqs(page), page["more"]) == ([9, 10], False)
    page = entering.messages_after(host, room_id=room_id, after=11, limit=4)
    assert (seqs(page), page["more"], page["reset"]) == ([7, 8, 9, 10], False, True)
    page = entering.messages_before(host, room_id=room_id, before=4, limit=2)
    assert (seqs(page), page["more"], page["reset"]) == ([2, 3], True, False)
    page = entering.messages_before(host, room_id=room_id, before=3, limit=2)
    assert (seqs(page), page["more"]) == ([1, 2], False)
    assert page["epoch"] == classroom.row(room_id).epoch


def test_delivery_reads_the_same_entries_that_were_announced(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    classroom.say(pupil, room_id)
    participants.leave(pupil, room_id=room_id)
    epoch, entries = entering.entries_after(room_id=room_id, after=1)
    assert epoch == classroom.row(room_id).epoch and [entry.seq for entry in entries] == [2, 3, 4]
    assert [entry.evicts for entry in entries] == [None, None, pupil.user_id]
    for entry in entries:
        code = jsontext.decode(entry.payload)["code"]
        assert (entry.evicts is not None) == (code in EVICTING)
    assert [entry.seq for entry in entering.entries_after(room_id=room_id, after=1, limit=2)[1]] == [2, 3]
    assert entering.entries_after(room_id="nowhere", after=0) == ("", [])


def test_the_poll_sees_every_kind_of_change(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    other_room, other_host, _ = classroom.lesson(0)

    def head() -> entering.Heads:
        found = entering.heads([room_id])
        assert set(found) == {room_id}
        return found[room_id]

    first = head()
    assert first.host_id == host.user_id
    classroom.say(pupil, room_id)
    assert (head().last_seq, head().version) == (first.last_seq + 1, first.version)
    classroom.knock(classroom.student(), room_id)
    assert head().lobby_version == first.lobby_version + 1
    rooms.update(host, room_id=room_id, changes={"title": "New"})
    assert head().version == first.version + 1
    participants.leave(pupil, room_id=room_id)
    assert head().members_version > first.members_version and head().epoch == first.epoch
    assert set(entering.heads([], [other_host.user_id])) == {other_room}
    assert set(entering.heads([room_id], [other_host.user_id])) == {room_id, other_room}
    assert entering.heads([]) == {}
