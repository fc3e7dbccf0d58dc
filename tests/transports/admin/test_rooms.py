"""Rooms, knocks and messages as the school sees them; what was said is read on record only, and never as markup."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from flask import Flask

from chatapp.domain import messages
from tests.support.school import School, Signed, acts
from tests.transports.web.conftest import Visitor
from tests.transports.web.test_pages import HOSTILE


def say(who: Signed, room_id: str, *texts: str) -> None:
    for text in texts:
        messages.send(who.actor, room_id=room_id, client_id=uuid4().hex, body=text)


def seqs(visitor: Visitor, path: str) -> list[int]:
    """The messages on a page."""
    return [int(seq) for seq in re.findall(r'<span class="hint">(\d+)</span>', visitor.client.get(path).text)]


def looks(visitor: Visitor) -> int:
    return visitor.see("/school/audit/?act=messages_read").text.count("Messages read by the school") - 1


def test_rooms_are_searched_by_title_and_teacher_and_filtered_by_state(heads: Visitor, school: School) -> None:
    ms_t = school.teacher(username="ms.t", display_name="Ms Turing")
    school.room(ms_t, title="Physics 100%")
    ended = school.room(ms_t, title="Music_b")
    school.api.as_(ms_t).post(f"/api/chat/{ended['id']}/close/").ok()

    def listed(query: str) -> list[str]:
        text = heads.see(f"/school/rooms/?{query}").text
        return [title for title in ("Physics 100%", "Music_b") if title in text]

    assert listed("") == listed("search=turing") == ["Physics 100%", "Music_b"]
    assert listed("search=100%25") == ["Physics 100%"] and listed("search=_") == ["Music_b"]
    assert listed("status=closed") == ["Music_b"] and listed("status=open") == ["Physics 100%"]
    assert listed("search=" + ended["id"]) == ["Music_b"]
    assert heads.client.get("/school/rooms/?status=locked").status_code == 400


def test_a_room_shows_its_state_and_is_ended_in_its_teachers_stead(
    heads: Visitor, school: School, teacher: Signed, student: Signed
) -> None:
    room = school.room(teacher, student, title="Physics")
    waiting = school.student()
    school.api.as_(waiting).post(f"/api/chat/{room['id']}/join/").ok(201)
    path = f"/school/rooms/{room['id']}/"
    text = heads.see(path).text
    assert "2 people" in text and "1 person" in text and room["join_code"] not in text
    answer = heads.submit(f"{path}close/", on=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?done=closed")
    text = heads.see(answer.headers["Location"]).text
    assert "Everybody in the room was told" in text and "The school ended the class." in text
    assert "End this class" not in text
    shown = school.api.as_(student).get(f"/api/chat/{room['id']}/").ok()
    assert (shown["status"], shown["close_reason"]) == ("closed", "school_closed")
    assert heads.submit(f"{path}close/", on=path).status_code == 303  # a second click changes nothing
    assert acts().count("room_closed") == 1


@pytest.mark.parametrize("room_id", ["1", "-1", "9" * 40, "%00", "a" * 20, "1e3", "١٢٣"])
def test_a_room_that_is_not_there_is_not_found(heads: Visitor, room_id: str) -> None:
    heads.see(f"/school/rooms/{room_id}/", 404)
    heads.see(f"/school/rooms/{room_id}/messages/", 404)
    assert heads.submit(f"/school/rooms/{room_id}/close/").status_code == 404


def test_messages_are_paged_by_seq_and_each_look_is_on_record(heads: Visitor, school: School, teacher: Signed) -> None:
    room = school.room(teacher)
    say(teacher, room["id"], *(f"line {number}" for number in range(2, 13)))
    path = f"/school/rooms/{room['id']}/messages/"
    assert seqs(heads, f"{path}?limit=5") == [8, 9, 10, 11, 12]
    page = heads.see(f"{path}?limit=5").html
    assert "This look is on record: messages 8 to 12." in page
    assert f'href="{path}?before=8"' in page and "?after=" not in page
    assert seqs(heads, f"{path}?before=8&limit=5") == [3, 4, 5, 6, 7]
    assert seqs(heads, f"{path}?after=2&limit=5") == [3, 4, 5, 6, 7]
    assert f'href="{path}?after=7"' in heads.see(f"{path}?after=2&limit=5").html
    assert heads.client.head(path).status_code == 200
    assert acts().count("messages_read") == looks(heads) == 6
    record = heads.see(f"/school/audit/?act=messages_read&room_id={room['id']}").text
    assert "Messages 8 to 12" in record and "Messages 3 to 7" in record and "Dr Head" in record


@pytest.mark.parametrize(
    "query",
    ["before=-1", "before=x", "after=1.5", "before=9999999999999999", "before=1&after=1", "limit=0", "limit=500"],
)
def test_a_place_in_the_log_that_cannot_be_is_refused_and_nobody_looked(
    heads: Visitor, school: School, teacher: Signed, query: str
) -> None:
    room = school.room(teacher)
    assert heads.client.get(f"/school/rooms/{room['id']}/messages/?{query}").status_code == 400
    assert "messages_read" not in acts()
    heads.see(f"/school/rooms/{room['id']}/messages/")
    assert "messages_read" in acts()


def test_nothing_of_a_conversation_is_on_any_other_page(heads: Visitor, school: School, teacher: Signed) -> None:
    room = school.room(teacher)
    say(teacher, room["id"], "a sentence for the class alone")
    for path in ("/school/rooms/", f"/school/rooms/{room['id']}/", "/school/requests/", "/school/audit/"):
        assert "class alone" not in heads.see(path).text
    assert "class alone" in heads.see(f"/school/rooms/{room['id']}/messages/").text


def test_what_the_room_wrote_by_itself_is_said_in_words(
    heads: Visitor, school: School, teacher: Signed, student: Signed
) -> None:
    room = school.room(teacher, student)
    school.api.as_(teacher).post(f"/api/chat/{room['id']}/remove/", {"user_id": student.id}).ok()
    text = heads.see(f"/school/rooms/{room['id']}/messages/").text
    assert "Room opened" in text and "Joined" in text and "Removed from room" in text


def test_knocks_are_filtered_by_room_and_status(heads: Visitor, school: School, teacher: Signed) -> None:
    one, two = school.room(teacher, title="One"), school.room(teacher, title="Two")
    for room, name in ((one, "Ada"), (two, "Ben")):
        knocker = school.api.as_(school.student(display_name=name))
        knocker.post(f"/api/chat/{room['id']}/join/", {"note": f"I am {name}"}).ok(201)
    school.api.as_(teacher).post(f"/api/chat/{two['id']}/deny/", {"all": True, "reason": "Not today"}).ok()

    def listed(query: str) -> list[str]:
        text = heads.see(f"/school/requests/?{query}").text
        return [name for name in ("Ada", "Ben") if f"I am {name}" in text]

    assert listed("") == ["Ada", "Ben"]
    assert listed("status=pending") == ["Ada"] and listed(f"room_id={two['id']}") == ["Ben"]
    assert listed(f"room_id={two['id']}&status=pending") == listed("room_id=nowhere") == []
    assert "Not today" in heads.see("/school/requests/?status=denied").text
    assert heads.client.get("/school/requests/?status=lost").status_code == 400


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_are_texts(app: Flask, heads: Visitor, school: School, text: str) -> None:
    host, guest = school.teacher(display_name=text), school.student(display_name=text)
    room = school.room(host, title=text, description=text)
    school.api.as_(guest).post(f"/api/chat/{room['id']}/join/", {"note": text}).ok(201)
    school.api.as_(host).post(f"/api/chat/{room['id']}/deny/", {"all": True, "reason": text}).ok()
    say(host, room["id"], text)
    Visitor(app.test_client()).submit("/sign-in/", username=text, password="wrong password")
    at = f"/school/rooms/{room['id']}/"
    paths = [
        at,
        f"{at}messages/",
        f"/school/users/{guest.id}/",
        "/school/users/",
        "/school/rooms/",
        "/school/requests/",
    ]
    for path in (*paths, "/school/audit/"):
        page = heads.see(path)
        assert text in page.text, path
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")]
            assert tag != "script" or "nonce" in attributes
            assert tag not in ("img", "svg", "iframe") or "onload" not in attributes
            assert tag != "a" or str(attributes["href"]).startswith(("/", "#"))
    answer = heads.client.get("/school/users/", query_string={"search": text})
    assert answer.status_code == 200 and "<script>alert" not in answer.text and "<img src=x" not in answer.text
