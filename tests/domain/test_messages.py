"""What people say: one row for one client_id, one order for a room, and reading it back. CASES E and F."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import time_machine
from sqlalchemy import func, select, update

from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, LogGrew, NotificationsGrew
from chatapp.contract.things import HistorySchema, MessageSchema
from chatapp.db import database, now, reading, transaction
from chatapp.domain import history, mentions, messages, notifications, participants, rooms
from chatapp.domain.actor import Actor
from chatapp.domain.messages import Send, Sent
from chatapp.models import Message, SignIn, StoredFile, User
from tests.domain.classroom import Classroom, refused

KEPT = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} ${7*7} %s",
    "'; DROP TABLE messages; -- %_\\",
    "👩‍👩‍👧‍👦 👩🏽‍🏫 🇩🇪",
    "مرحبا \u202bRTL\u202c שלום",
    "数学 한국어",
    "𝒳𐍈\U0010ffff",
    "two\nlines\ttab\r\n ",
    "e\u0301 é",
]


def prepared(actor: Actor, room_id: str, body: str, client_id: str | None = None) -> Send:
    return messages.prepare(actor, room_id=room_id, client_id=client_id or ids.new_id(), body=body)


def together(*sends: Send) -> list[Sent | Refused]:
    with transaction() as tx:
        return messages.send_many(tx, sends)


def send_and_fail(send: Send) -> None:
    with transaction() as tx:
        messages.send_many(tx, [send])
        raise ZeroDivisionError


def outcomes(results: list[Sent | Refused]) -> list[Any]:
    return [one.code if isinstance(one, Refused) else (one.seq, one.duplicate) for one in results]


def count(room_id: str) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).where(Message.room_id == room_id)) or 0


def a_file(room_id: str, uploader: Actor) -> str:
    file_id = ids.new_id()
    with transaction() as tx:
        tx.session.add(
            StoredFile(
                id=file_id,
                room_id=room_id,
                uploader_id=uploader.user_id,
                name="<b>.png",
                media_type="image/png",
                size=3,
                sha256="0" * 64,
                storage_key=file_id,
                created_at=now(),
            )
        )
    return file_id


def test_a_text_is_the_next_line_of_the_room(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    heard.clear()
    sent = messages.send(pupil, room_id=room_id, client_id="c-1", body="hello")
    shown = json.loads(sent.payload)
    assert not MessageSchema().validate(shown)
    assert (sent.seq, sent.duplicate, shown["seq"], shown["id"]) == (3, False, 3, f"{room_id}-3")
    assert (shown["type"], shown["body"], shown["client_id"]) == ("text", "hello", "c-1")
    assert shown["sender"]["id"] == pupil.user_id and shown["params"] == {} and shown["code"] is None
    (grown,) = heard
    assert isinstance(grown, LogGrew) and grown.epoch == classroom.row(room_id).epoch
    assert [(entry.seq, entry.payload, entry.evicts) for entry in grown.entries] == [(3, sent.payload, None)]
    (read,) = history.read(host, room_id=room_id, after=2)["items"]
    assert read == shown


@pytest.mark.parametrize("body", KEPT)
def test_a_body_is_read_back_byte_for_byte(classroom: Classroom, body: str) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    sent = messages.send(pupil, room_id=room_id, client_id="c", body=body)
    assert json.loads(sent.payload)["body"].encode() == body.encode()
    assert history.read(pupil, room_id=room_id)["items"][-1]["body"].encode() == body.encode()
    again = messages.send(pupil, room_id=room_id, client_id="c", body=body)
    assert again.duplicate and again.payload == sent.payload


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", Code.INVALID_PAYLOAD),
        ("  \n", Code.INVALID_PAYLOAD),
        ("\u200b\u2060", Code.INVALID_PAYLOAD),
        ("a\x00", Code.INVALID_PAYLOAD),
        ("\ud800", Code.INVALID_PAYLOAD),
        ("a" + "\u0301" * 1000, Code.INVALID_PAYLOAD),
        ("x" * 4001, Code.TOO_LARGE),
        ("😀" * 4001, Code.TOO_LARGE),
    ],
)
def test_a_body_that_may_not_be_is_refused_before_the_database(classroom: Classroom, body: str, code: Code) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    with refused(code):
        messages.send(pupil, room_id=room_id, client_id="c", body=body)
    assert classroom.say(pupil, room_id, "x" * 4000) == 3
    assert classroom.say(pupil, room_id, "😀" * 4000) == 4


@pytest.mark.parametrize("client_id", ["", "x" * 65, "😀", "a b", "a\n", {}, [], None, 7])
def test_a_bad_client_id_is_refused(classroom: Classroom, client_id: Any) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    with refused(Code.INVALID_PAYLOAD):
        messages.send(pupil, room_id=room_id, client_id=client_id, body="b")
    assert messages.send(pupil, room_id=room_id, client_id="x" * 64, body="b").seq == 3


def test_a_message_is_a_text_or_a_file_and_not_both(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    with refused(Code.INVALID_PAYLOAD):
        messages.send(pupil, room_id=room_id, client_id="c")
    with refused(Code.INVALID_PAYLOAD):
        messages.send(pupil, room_id=room_id, client_id="c", body="b", file_id=a_file(room_id, pupil))


def test_a_file_is_sent_in_its_own_room_alone(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    other_room, other_host, _ = classroom.lesson(0)
    file_id = a_file(room_id, pupil)
    sent = messages.send(pupil, room_id=room_id, client_id="c", file_id=file_id)
    shown = json.loads(sent.payload)
    assert not MessageSchema().validate(shown)
    assert (shown["type"], shown["file"]["id"], shown["file"]["name"]) == ("file", file_id, "<b>.png")
    assert history.read(host, room_id=room_id)["items"][-1] == shown
    assert messages.send(pupil, room_id=room_id, client_id="c", file_id=file_id).payload == sent.payload
    with refused(Code.NOT_FOUND):
        messages.send(other_host, room_id=other_room, client_id="c", file_id=file_id)
    with refused(Code.CONFLICT):
        messages.send(pupil, room_id=room_id, client_id="c", body="b")


def test_the_same_client_id_twice_is_one_row(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    first = messages.send(pupil, room_id=room_id, client_id="c", body="hello")
    heard.clear()
    again = messages.send(pupil, room_id=room_id, client_id="c", body="hello")
    assert again == Sent(first.seq, first.payload, duplicate=True)
    assert heard == [] and count(room_id) == classroom.row(room_id).last_seq == 3


def test_the_same_client_id_with_another_body_is_a_conflict(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    classroom.say(pupil, room_id, "one", "c")
    with refused(Code.CONFLICT):
        classroom.say(pupil, room_id, "two", "c")
    assert count(room_id) == 3 and classroom.say(pupil, room_id, "two", "d") == 4


def test_the_same_client_id_of_two_senders_or_in_two_rooms_is_two_rows(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    other_room = classroom.room(host)
    assert [classroom.say(actor, room_id, "hello", "c") for actor in (pupil, host)] == [3, 4]
    assert classroom.say(host, other_room, "hello", "c") == 2


def test_a_known_client_id_gives_its_message_also_when_the_room_is_closed_by_now(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    first = messages.send(pupil, room_id=room_id, client_id="c", body="hello")
    rooms.close(host, room_id=room_id)
    assert messages.send(pupil, room_id=room_id, client_id="c", body="hello").payload == first.payload
    with refused(Code.CONFLICT):
        classroom.say(pupil, room_id, "other", "c")
    with refused(Code.ROOM_CLOSED):
        classroom.say(pupil, room_id, "hello", "d")


def test_whoever_was_removed_is_not_told_of_their_own_message(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    classroom.say(pupil, room_id, "hello", "c")
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    with refused(Code.NOT_FOUND):
        classroom.say(pupil, room_id, "hello", "c")


def test_an_ended_session_sends_nothing_and_the_other_one_of_the_same_user_does(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    other = SignIn(
        id=ids.new_id(),
        user_id=pupil.user_id,
        refresh_id=ids.new_id(),
        device="",
        created_at=now(),
        last_seen_at=now(),
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    )
    with transaction() as tx:
        tx.session.execute(update(SignIn).where(SignIn.id == pupil.session_id).values(revoked_at=now()))
        tx.session.add(other)
    with refused(Code.UNAUTHORIZED):
        classroom.say(pupil, room_id)
    good = Actor(pupil.user_id, other.id, pupil.role, pupil.username, pupil.display_name)
    assert classroom.say(good, room_id) == 3


@pytest.mark.parametrize("end", ["expired", "deactivated", "another's"])
def test_who_may_not_act_sends_nothing(classroom: Classroom, end: str) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    assert classroom.say(pupil, room_id) == 3
    with transaction() as tx:
        if end == "expired":
            tx.session.execute(update(SignIn).where(SignIn.id == pupil.session_id).values(expires_at=now()))
        elif end == "deactivated":
            tx.session.execute(update(User).where(User.id == pupil.user_id).values(active=False))
        else:
            pupil = Actor(pupil.user_id, host.session_id, pupil.role, pupil.username, pupil.display_name)
    with refused(Code.UNAUTHORIZED):
        classroom.say(pupil, room_id)
    assert classroom.say(host, room_id) == 4


def test_a_batch_decides_each_send_in_the_order_of_arrival(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil, gone) = classroom.lesson(2)
    closed_room = classroom.room(host)
    classroom.say(pupil, room_id, "old", "old")
    rooms.close(host, room_id=closed_room)
    participants.leave(gone, room_id=room_id)
    head = classroom.row(room_id).last_seq
    heard.clear()
    results = together(
        prepared(pupil, room_id, "a", "a"),
        prepared(host, room_id, "b", "a"),
        prepared(gone, room_id, "c"),
        prepared(pupil, room_id, "old", "old"),
        prepared(pupil, room_id, "new", "old"),
        prepared(pupil, room_id, "a", "a"),
        prepared(pupil, room_id, "other", "a"),
        prepared(host, closed_room, "d"),
        prepared(pupil, closed_room, "e"),
        prepared(pupil, ids.new_id(), "f"),
        prepared(pupil, room_id, "g"),
    )
    assert outcomes(results) == [
        (head + 1, False),
        (head + 2, False),
        Code.NOT_FOUND,
        (4, True),
        Code.CONFLICT,
        (head + 1, True),
        Code.CONFLICT,
        Code.ROOM_CLOSED,
        Code.NOT_FOUND,
        Code.NOT_FOUND,
        (head + 3, False),
    ]
    assert classroom.log(room_id)[-3:] == ["'a'", "'b'", "'g'"]
    (grown,) = heard
    assert isinstance(grown, LogGrew)
    assert [entry.seq for entry in grown.entries] == [head + 1, head + 2, head + 3]


def test_a_batch_over_several_rooms_gives_each_its_own_order(classroom: Classroom, heard: list[Hint]) -> None:
    lessons = [classroom.lesson(1) for _ in range(3)]
    heard.clear()
    sends = [prepared(pupil, room_id, f"{n}") for n in range(4) for room_id, _, (pupil,) in lessons]
    assert outcomes(together(*sends)) == [(3 + n, False) for n in range(4) for _ in lessons]
    assert {hint.room_id: len(hint.entries) for hint in heard if isinstance(hint, LogGrew)} == {
        room_id: 4 for room_id, _, _ in lessons
    }
    for room_id, _, _ in lessons:
        assert classroom.log(room_id)[2:] == ["'0'", "'1'", "'2'", "'3'"]


def test_a_batch_of_refusals_writes_and_announces_nothing(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, _ = classroom.lesson(0)
    stranger = classroom.student()
    heard.clear()
    assert outcomes(together(*(prepared(stranger, room_id, "x") for _ in range(3)))) == [Code.NOT_FOUND] * 3
    assert heard == [] and count(room_id) == 1


def test_a_large_batch_is_one_transaction(classroom: Classroom) -> None:
    room_id, _, pupils = classroom.lesson(3)
    head = classroom.row(room_id).last_seq
    results = together(*(prepared(pupils[n % 3], room_id, f"{n}") for n in range(2000)))
    assert outcomes(results) == [(head + 1 + n, False) for n in range(2000)]
    assert len(classroom.log(room_id)) == head + 2000


def test_a_batch_that_is_rolled_back_tells_nobody_and_leaves_no_hole(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    heard.clear()
    with pytest.raises(ZeroDivisionError):
        send_and_fail(prepared(pupil, room_id, "lost"))
    assert heard == [] and classroom.say(pupil, room_id, "kept") == 3
    assert classroom.log(room_id)[-1] == "'kept'"


@pytest.mark.parametrize("prepared_ahead", [(), messages.PREPARED])
def test_a_lane_writes_like_a_transaction_and_leaves_announcing_to_its_owner(
    classroom: Classroom, heard: list[Hint], prepared_ahead: list[str]
) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    heard.clear()
    lane = database.lane(prepared_ahead)
    with lane.transaction() as tx:
        (sent,) = messages.send_many(tx, [prepared(pupil, room_id, "by the committer")])
    assert isinstance(sent, Sent) and heard == [] and len(tx.hints) == 1
    with pytest.raises(ZeroDivisionError), lane.transaction() as tx:
        raise ZeroDivisionError
    with lane.transaction() as tx:
        messages.send_many(tx, [prepared(pupil, room_id, "again")])
    lane.close()
    assert classroom.log(room_id)[-2:] == ["'by the committer'", "'again'"]


def test_what_was_announced_is_what_is_read(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    for n in range(5):
        classroom.say(random.choice([host, pupil]), room_id, f"{n}")
    participants.leave(pupil, room_id=room_id)
    rooms.close(host, room_id=room_id)
    rooms.reopen(host, room_id=room_id)
    announced = [
        orjson.loads(entry.payload)
        for hint in heard
        if isinstance(hint, LogGrew) and hint.room_id == room_id
        for entry in hint.entries
    ]
    assert announced == history.read(host, room_id=room_id, after=0, limit=200)["items"]
    assert not MessageSchema(many=True).validate(announced)


def test_history_goes_forward_and_backward_without_a_hole(classroom: Classroom) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    for n in range(23):
        classroom.say(pupil, room_id, f"{n}")
    forward, after = [], 0
    while True:
        page = history.read(pupil, room_id=room_id, after=after, limit=7)
        assert page["head"] == 25
        forward += [item["seq"] for item in page["items"]]
        if not page["has_more"]:
            break
        after = forward[-1]
    backward: list[int] = []
    before = None
    while True:
        page = history.read(pupil, room_id=room_id, before=before, limit=7)
        backward = [item["seq"] for item in page["items"]] + backward
        if not page["has_more"]:
            break
        before = backward[0]
    assert forward == backward == list(range(1, 26))


@pytest.mark.parametrize(
    ("where", "seqs", "more"),
    [
        ({}, [4, 5], True),
        ({"after": 0}, [1, 2], True),
        ({"after": 3}, [4, 5], False),
        ({"after": 5}, [], False),
        ({"after": 2**53 - 1}, [], False),
        ({"before": 3}, [1, 2], False),
        ({"before": 4}, [2, 3], True),
        ({"before": 1}, [], False),
        ({"before": 0}, [], False),
        ({"before": 2**53 - 1}, [4, 5], True),
    ],
)
def test_a_page_is_where_it_was_asked_for(
    classroom: Classroom, where: dict[str, int], seqs: list[int], more: bool
) -> None:
    room_id, _, (pupil,) = classroom.lesson(1)
    for n in range(3):
        classroom.say(pupil, room_id, f"{n}")
    page = history.read(pupil, room_id=room_id, limit=2, **where)
    assert ([item["seq"] for item in page["items"]], page["has_more"], page["head"]) == (seqs, more, 5)
    assert not HistorySchema().validate(page)


def test_a_page_has_one_direction(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    with refused(Code.INVALID_PAYLOAD):
        history.read(host, room_id=room_id, before=2, after=1)


def test_the_history_of_a_closed_room_is_its_participants_alone(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    rooms.close(host, room_id=room_id)
    for actor in (host, pupil):
        assert history.read(actor, room_id=room_id)["head"] == 3
    with refused(Code.NOT_FOUND):
        history.read(classroom.student(), room_id=room_id)


def test_a_mention_reaches_participants_by_any_spelling_and_nobody_else(
    classroom: Classroom, heard: list[Hint]
) -> None:
    room_id, host, _ = classroom.lesson(0)
    ada, zoe, outsider = classroom.student("Ada.L"), classroom.student("Zoë"), classroom.student("bob")
    classroom.let_in(host, room_id, ada, zoe)
    heard.clear()
    sent = messages.send(
        ada, room_id=room_id, client_id="c", body="@ZOE\u0308, @ada.l and @bob: mail x@zoë @nobody @zoë!"
    )
    (told,) = [item for item in notifications.newest(zoe)["items"] if item["kind"] == "mention"]
    assert told["room_id"] == room_id and told["data"]["seq"] == sent.seq
    assert told["data"]["by"]["id"] == ada.user_id
    assert told["data"]["title"] == rooms.show(zoe, room_id=room_id)["title"]
    for nobody in (ada, outsider, host):
        assert "mention" not in [item["kind"] for item in notifications.newest(nobody)["items"]]
    assert [type(hint) for hint in heard] == [LogGrew, NotificationsGrew]
    messages.send(ada, room_id=room_id, client_id="c", body="@ZOE\u0308, @ada.l and @bob: mail x@zoë @nobody @zoë!")
    assert [item["kind"] for item in notifications.newest(zoe)["items"]].count("mention") == 1


def test_one_message_calls_so_many_people_and_no_more(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    pupils = [classroom.student() for _ in range(mentions.MOST_MENTIONS + 5)]
    classroom.let_in(host, room_id, *pupils)
    body = " ".join(f"@{pupil.username}" for pupil in pupils)
    messages.send(host, room_id=room_id, client_id="c", body=body)
    called = ["mention" in [item["kind"] for item in notifications.newest(pupil)["items"]] for pupil in pupils]
    assert called == [True] * mentions.MOST_MENTIONS + [False] * 5


@pytest.mark.parametrize(
    ("username", "body", "reached"),
    [
        ("bob-", "Well, @bob- said so", True),
        ("bob-", "Well, @bob-", True),
        ("bob", "Ask @bob. He knows", True),
        ("bob", "Ask @bob-.", True),
        ("bob", "Ask @bob-", True),
        ("bob-", "Ask @bob", False),
        ("jose", "Thank you, @Jose\u0301", False),
        ("josé", "Thank you, @Jose\u0301", True),
        ("josé", "Thank you, @jose", False),
    ],
)
def test_a_mention_is_the_name_as_it_is_read(classroom: Classroom, username: str, body: str, reached: bool) -> None:
    room_id, host, _ = classroom.lesson(0)
    named = classroom.student(username)
    classroom.let_in(host, room_id, named)
    messages.send(host, room_id=room_id, client_id="c", body=body)
    kinds = [item["kind"] for item in notifications.newest(named)["items"]]
    assert ("mention" in kinds) is reached


def test_the_time_of_a_message_is_the_same_live_and_later(classroom: Classroom) -> None:
    with time_machine.travel(datetime(2030, 1, 1, 12, 0, 0, 987654, tzinfo=UTC), tick=False):
        room_id, _, (pupil,) = classroom.lesson(1)
        sent = messages.send(pupil, room_id=room_id, client_id="c", body="b")
    assert json.loads(sent.payload)["created_at"] == "2030-01-01T12:00:00.987Z"
    with reading() as session:
        row = session.get_one(Message, (room_id, sent.seq))
        assert row.created_at == datetime(2030, 1, 1, 12, 0, 0, 987654, tzinfo=UTC)
