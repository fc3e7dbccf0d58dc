"""The main job in a browser: a teacher opens a room, students knock, are let in, talk, and see the class end."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lesson import (
    SignIn,
    at_the_door,
    create_room,
    cut,
    in_class,
    in_room,
    message,
    person,
    said,
    write,
)
from tests.support.server import ServerProcess, StartServer

pytestmark = pytest.mark.service
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=http://evil.invalid/x onerror=alert(2)>",
    "<svg/onload=alert(3)>",
    '"><iframe src=javascript:alert(4)>',
    "javascript:alert(5) data:text/html,<script>alert(6)</script>",
    "{{7*7}} ${7*7} #{7*7}",
    "\u202etxet desrever",
]


def test_a_class_from_its_first_knock_to_its_end(server: ServerProcess, sign_in: SignIn) -> None:
    ms_t, ada = server.teacher(), server.student()
    teacher, student = sign_in(ms_t), sign_in(ada, viewport={"width": 390, "height": 844}, has_touch=True)

    create_room(teacher, "Physics 8b")
    student.get_by_label("Join with a code").fill(teacher.locator("#code").inner_text().lower())
    student.get_by_role("button", name="Go").click()
    student.get_by_label("A note to the teacher").locator("visible=true").fill("Sorry, the bus")
    student.get_by_role("button", name="Ask to join").click()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()

    knock = teacher.locator("#lobby li")
    expect(knock).to_contain_text("Sorry, the bus")
    expect(teacher).to_have_title("(1) Physics 8b · chatapp")
    knock.get_by_role("button", name="Let in").click()
    expect(teacher.get_by_text("Nobody is waiting.")).to_be_visible()

    # In without a reload.
    write(student, "Good morning!", by_button=True)
    expect(message(teacher, "Good morning!")).to_be_visible()
    write(teacher, "Which falls faster?")
    write(teacher, "A hammer or a feather?")
    expect(message(student, "A hammer or a feather?")).to_be_visible()
    assert said(teacher) == said(student) == ["Good morning!", "Which falls faster?", "A hammer or a feather?"]
    expect(person(teacher, str(ada.user["display_name"]))).to_contain_text("Here")

    teacher.get_by_role("button", name="End class").click()
    expect(teacher.get_by_role("dialog")).to_contain_text("2 people are in the room")
    teacher.get_by_role("dialog").get_by_role("button", name="End class").click()
    expect(teacher).to_have_title("Summary: Physics 8b · chatapp")
    expect(teacher.get_by_text("The class has ended.")).to_be_visible()
    expect(teacher.locator(".figure").filter(has_text="Messages")).to_contain_text("3")
    expect(student.get_by_text("You can still read what was said.")).to_be_visible()
    expect(student.get_by_label("Message", exact=True)).to_be_hidden()

    teacher.get_by_role("button", name="Reopen").click()
    write(student, "Here we are again", by_button=True)
    expect(message(teacher, "Here we are again")).to_be_visible()


def test_a_student_turned_away_reads_why_and_may_ask_again(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = at_the_door(server, sign_in)
    teacher.get_by_role("button", name="Not now").click()
    teacher.get_by_label("Reason").locator("visible=true").fill("We are full until ten")
    teacher.get_by_role("dialog").get_by_role("button", name="Not now").click()
    expect(student.get_by_text("We are full until ten")).to_be_visible()
    student.get_by_role("button", name="Ask again").click()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()
    teacher.get_by_role("button", name="Let in").click()
    expect(student.get_by_label("Message", exact=True)).to_be_visible()


def test_who_is_turned_away_is_offered_the_way_in_that_there_is(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Full")["id"])
    student = sign_in(guest, at=f"/rooms/{room_id}/")
    student.get_by_role("button", name="Ask to join").click()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()
    host.rest.update_room(room_id, admission="closed").ok()
    host.rest.deny(room_id, user_id=guest.id).ok()
    expect(student.get_by_role("heading", name="Not now")).to_be_visible()
    expect(student.get_by_text("has closed the door").locator("visible=true")).to_be_visible()
    expect(student.get_by_role("button", name="Ask again")).to_have_count(0)
    host.rest.update_room(room_id, admission="open").ok()
    student.reload()
    student.get_by_role("button", name="Join again").click()
    expect(student.get_by_label("Message", exact=True)).to_be_visible()


def test_a_student_who_stops_waiting_leaves_the_lobby(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = at_the_door(server, sign_in)
    student.get_by_role("button", name="Stop waiting").click()
    expect(teacher.get_by_text("Nobody is waiting.")).to_be_visible()
    expect(student.get_by_role("button", name="Ask to join")).to_be_visible()


def test_a_removed_student_is_told_and_sees_no_more(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    write(teacher, "Before")
    expect(message(student, "Before")).to_be_visible()
    teacher.get_by_role("button", name="People").click()
    teacher.get_by_role("button", name="Remove Student").click()
    teacher.get_by_label("Reason").locator("visible=true").fill("Go and drink some water")
    teacher.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(student.get_by_role("heading", name="You are no longer in this room")).to_be_visible()
    expect(student.get_by_text("Go and drink some water")).to_be_visible()
    write(teacher, "After")
    student.get_by_role("button", name="Ask again").click()
    expect(teacher.locator("#lobby li")).to_have_count(1)
    assert "After" not in said(student)


def test_what_is_written_offline_goes_once_and_in_order(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    student.context.set_offline(True)
    cut(student)
    for text in ("one", "two", "three"):
        student.get_by_label("Message", exact=True).fill(text)
        student.keyboard.press("Enter")
    expect(student.get_by_text("Offline, 3 messages waiting")).to_be_visible()
    write(teacher, "meanwhile")
    student.context.set_offline(False)
    expect(message(student, "meanwhile")).to_be_visible(timeout=30_000)
    expect(message(teacher, "three")).to_be_visible(timeout=30_000)
    assert said(teacher) == said(student) == ["meanwhile", "one", "two", "three"]
    expect(student.locator("#connection")).to_be_hidden()


def test_a_restart_of_the_server_loses_and_doubles_nothing(start_server: StartServer, sign_in: SignIn) -> None:
    server = start_server()
    teacher, student = in_class(server, sign_in)
    write(student, "before")
    expect(message(teacher, "before")).to_be_visible()
    server.kill()
    student.get_by_label("Message", exact=True).fill("during")
    student.keyboard.press("Enter")
    expect(student.get_by_text("1 message waiting")).to_be_visible()
    server.start()
    expect(message(teacher, "during")).to_be_visible(timeout=30_000)
    write(teacher, "after")
    expect(message(student, "after")).to_be_visible()
    assert said(teacher) == said(student) == ["before", "during", "after"]


def test_older_messages_come_when_one_scrolls_up(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Long")
    host.rest.say(room["id"], *(f"line {number}" for number in range(1, 231)))
    teacher = in_room(sign_in, host, room["id"])
    expect(message(teacher, "line 230")).to_be_in_viewport()
    expect(message(teacher, "line 1")).to_have_count(0)
    teacher.locator("#log").evaluate("log => log.scrollTo(0, 0)")
    expect(message(teacher, "line 1")).to_have_count(1)
    assert said(teacher) == [f"line {number}" for number in range(1, 231)]


def test_an_absent_host_is_counted_down(start_server: StartServer, sign_in: SignIn) -> None:
    server = start_server(HOST_GRACE_SECONDS="8")
    teacher, student = in_class(server, sign_in)
    teacher.context.close()
    expect(student.get_by_text("is away. The room closes in 0:")).to_be_visible()
    expect(student.get_by_text("The teacher did not come back, and the class has ended.")).to_be_visible(timeout=30_000)


def test_who_signs_out_elsewhere_is_signed_out_here(server: ServerProcess, sign_in: SignIn) -> None:
    teacher = sign_in(server.teacher())
    create_room(teacher, "Two tabs")
    expect(teacher.get_by_label("Message", exact=True)).to_be_visible()
    other = teacher.context.new_page()
    other.goto(server.url)
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(teacher.get_by_text("You are signed out.")).to_be_visible()
    expect(teacher.locator("#connection")).to_be_hidden()
    teacher.get_by_role("link", name="Sign in again").click()
    expect(teacher.get_by_label("Username")).to_be_visible()


def test_hostile_texts_are_texts_everywhere(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    guest.rest.call("PATCH", "/api/users/me/", {"display_name": HOSTILE[1]}).ok()
    teacher, student = sign_in(host), sign_in(guest)
    create_room(teacher, HOSTILE[0])
    student.goto(server.url)
    student.get_by_text(HOSTILE[0]).click()
    student.get_by_label("A note to the teacher").locator("visible=true").fill(HOSTILE[2])
    student.get_by_role("button", name="Ask to join").click()
    expect(teacher.locator("#lobby")).to_contain_text(HOSTILE[1])
    expect(teacher.locator("#lobby")).to_contain_text(HOSTILE[2])
    teacher.get_by_role("button", name="Not now").click()
    teacher.get_by_label("Reason").locator("visible=true").fill(HOSTILE[3])
    teacher.get_by_role("dialog").get_by_role("button", name="Not now").click()
    expect(student.get_by_text(HOSTILE[3])).to_be_visible()
    student.get_by_role("button", name="Ask again").click()
    teacher.get_by_role("button", name="Let in").click()
    for text in HOSTILE:
        write(student, text)
        expect(message(teacher, text)).to_be_visible()
    assert said(teacher) == HOSTILE
    assert teacher.locator("#log .body").locator("script, img, svg, iframe, a").count() == 0
