"""The ways that people go through a lesson, each as far as it goes, and what may happen to them on the way: a reload in
every state, a second tab, a server that dies while one types, a network without WebSocket."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import room_id_of
from tests.browser.lesson import (
    PHONE,
    SignIn,
    at_the_door,
    create_room,
    cut,
    in_class,
    in_room,
    let_in,
    message,
    person,
    said,
    show,
    write,
)
from tests.support.server import ServerProcess, StartServer

pytestmark = pytest.mark.service
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}
SOUNDS = """() => {
    window.played = 0;
    const Real = window.AudioContext;
    window.AudioContext = class extends Real { constructor() { super(); window.played += 1; } };
}"""


def test_a_teacher_opens_a_room_and_shows_how_to_get_in(
    server: ServerProcess, open_browser: Callable[..., Page]
) -> None:
    ms_r = server.teacher()
    page = open_browser(server.url)
    page.get_by_label("Username").fill(ms_r.username)
    page.get_by_label("Password").fill(ms_r.password)
    page.get_by_role("button", name="Sign in").click()
    create_room(page, "Physics 8b")
    code = page.locator("#code").inner_text()
    assert re.fullmatch(r"[A-HJ-NP-Z]{6}", code)
    share = page.locator("#share")
    expect(share).to_contain_text(page.url)
    assert share.get_by_role("img").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    page.get_by_role("button", name="Show to the class").click()
    large = page.get_by_role("dialog", name="Physics 8b")
    expect(large.get_by_text(code)).to_be_in_viewport(ratio=1)
    expect(large.get_by_text(page.url)).to_be_in_viewport(ratio=1)
    large.get_by_role("button", name="Close").click()
    expect(large).to_be_hidden()


def test_thirty_knocks_are_answered_by_key_by_choice_and_all_at_once(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("A whole class")
    teacher = in_room(sign_in, host, room["id"])
    guests = server.students(30)
    names = [str(guest.user["display_name"]) for guest in guests]
    for guest in guests:
        guest.rest.knock(room["id"]).ok(201)
    expect(teacher.locator(".knock")).to_have_count(30)
    expect(teacher).to_have_title(re.compile(r"\(30\) "))
    teacher.locator("#log").focus()
    teacher.keyboard.press("a")
    expect(teacher.get_by_text(f"{names[0]} is in.")).to_be_visible()
    expect(teacher.get_by_role("button", name="Lobby 29")).to_be_visible()
    teacher.keyboard.press("u")
    expect(teacher.get_by_text("Taken back. They may ask again.")).to_be_visible()
    for name in names[1:4]:
        teacher.get_by_label(f"Select {name}", exact=True).check()
    chosen = teacher.get_by_role("group", name="Those selected")
    expect(chosen).to_contain_text("3 selected")
    chosen.get_by_role("button", name="Let in").click()
    teacher.get_by_role("button", name="Let all in (26)").click()
    expect(teacher.get_by_text("Nobody is waiting.")).to_be_visible()
    inside = {one["user"]["id"] for one in host.rest.participants(room["id"])}
    assert inside == {host.id, *(guest.id for guest in guests[1:])}


def test_a_student_with_a_phone_follows_the_link_registers_waits_and_reads_on(
    server: ServerProcess, sign_in: SignIn, open_browser: Callable[..., Page]
) -> None:
    host = server.teacher()
    room = host.rest.create_room("Physics 8b")
    teacher = in_room(sign_in, host, room["id"])
    student = open_browser(server.url, at=f"/rooms/{room['id']}/", **PHONE)
    student.get_by_role("link", name="Create an account").click()
    student.get_by_label("Username").fill("ada.lovelace")
    student.get_by_label("Your name").fill("Ada")
    student.get_by_label("Password").fill("a long enough password")
    student.get_by_role("button", name="Create account").click()
    student.get_by_label("A note to the teacher").locator("visible=true").fill("The bus was late")
    student.get_by_role("button", name="Ask to join").click()
    expect(student.get_by_text("has been told. You can leave this page open")).to_be_visible()
    student.reload()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()
    expect(teacher.locator(".knock")).to_contain_text("The bus was late")
    write(teacher, "Which one lands first?")
    student.evaluate("window.here = true")
    teacher.locator(".knock").get_by_role("button", name="Let in Ada").click()
    expect(message(student, "Which one lands first?")).to_be_visible()
    write(student, "Neither")
    expect(message(teacher, "Neither")).to_be_visible()
    assert student.evaluate("window.here"), "the page was loaded anew"


def test_a_host_who_returns_sees_what_happened_meanwhile(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    write(teacher, "Before")
    expect(message(student, "Before")).to_be_visible()
    teacher.context.set_offline(True)
    cut(teacher)
    expect(student.get_by_text("is away. The room closes in 0:")).to_be_visible(timeout=40_000)
    write(student, "Where are you?")
    student.reload()
    expect(student.get_by_text("is away. The room closes in 0:")).to_be_visible()
    teacher.context.set_offline(False)
    expect(message(teacher, "Where are you?")).to_be_visible(timeout=30_000)
    expect(student.locator("#notice")).to_be_hidden()
    line = teacher.locator(".unread-line")
    expect(line).to_have_text("New since you were here")
    assert "Where are you?" in line.evaluate("line => line.nextElementSibling.textContent")
    write(teacher, "Here I am")
    expect(line).to_have_count(0)


def test_the_host_keeps_what_was_said(server: ServerProcess, sign_in: SignIn, tmp_path: Path) -> None:
    teacher, student = in_class(server, sign_in)
    write(student, "A feather")
    expect(message(teacher, "A feather")).to_be_visible()
    teacher.get_by_role("button", name="End class").click()
    teacher.get_by_role("dialog").get_by_role("button", name="End class").click()
    with teacher.expect_download() as download:
        teacher.get_by_role("link", name="Download the conversation").click()
    download.value.save_as(tmp_path / "said.txt")
    assert ": A feather\n" in (tmp_path / "said.txt").read_text()


def test_what_waits_to_be_sent_outlives_its_page(start_server: StartServer, sign_in: SignIn) -> None:
    server = start_server()
    teacher, student = in_class(server, sign_in)
    address, context = student.url, student.context
    server.kill()
    for text in ("one", "two"):
        write(student, text, plain=False)
    expect(student.locator(".outgoing")).to_have_count(2)
    student.close()
    server.start()
    again = context.new_page()
    again.goto(address)
    expect(message(again, "two")).to_be_visible(timeout=30_000)
    expect(message(teacher, "two")).to_be_visible(timeout=30_000)
    assert said(teacher) == said(again) == ["one", "two"]


def test_a_server_that_dies_while_one_types_takes_nothing_away(start_server: StartServer, sign_in: SignIn) -> None:
    server = start_server()
    teacher, student = in_class(server, sign_in)
    student.locator("#text").focus()
    student.keyboard.type("Half a ")
    server.kill()
    student.keyboard.type("thou")
    expect(student.locator("#connection")).to_contain_text("Offline.")
    student.keyboard.type("ght")
    server.start()
    expect(student.locator("#connection")).to_be_hidden(timeout=30_000)
    expect(student.locator("#text")).to_be_focused()
    expect(student.locator("#text")).to_have_value("Half a thought")
    student.keyboard.press("Enter")
    expect(message(teacher, "Half a thought")).to_be_visible(timeout=30_000)


def test_two_tabs_show_the_same_and_send_each_its_own(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, first = in_class(server, sign_in)
    second = first.context.new_page()
    second.goto(first.url)
    expect(second.locator("#composer")).to_be_visible()
    write(first, "from the first")
    expect(message(second, "from the first")).to_be_visible()
    first.context.set_offline(True)
    for page, text in ((first, "one"), (second, "two")):
        cut(page)
        write(page, text, plain=False)
        expect(page.get_by_text("Offline, 1 message waiting.")).to_be_visible()
    first.context.set_offline(False)
    for page in (first, second, teacher):
        for text in ("one", "two"):
            expect(message(page, text)).to_be_visible(timeout=30_000)
    assert said(first) == said(second) == said(teacher)
    assert sorted(said(teacher)) == ["from the first", "one", "two"]
    first.close()
    show(teacher, "People")
    write(second, "still here")
    expect(message(teacher, "still here")).to_be_visible()
    expect(person(teacher, "Student")).to_contain_text("Here")


def test_a_reload_changes_no_state(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Reloaded")["id"])
    page = sign_in(guest, at=f"/rooms/{room_id}/")

    def stays(heading: str) -> None:
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()

    stays("Ask to join")
    guest.rest.knock(room_id).ok(201)
    page.reload()
    stays("You are waiting")
    host.rest.deny(room_id, user_id=guest.id, reason="Not today").ok()
    stays("Not now")
    expect(page.get_by_text("Not today")).to_be_visible()
    let_in(host, room_id, guest)
    page.reload()
    host.rest.say(room_id, "Good morning")
    for _ in range(2):
        expect(message(page, "Good morning")).to_be_visible()
        page.reload()
    page.locator("#text").fill("half a thought")
    page.reload()
    expect(page.locator("#text")).to_have_value("half a thought")
    host.rest.close(room_id).ok()
    for _ in range(2):
        expect(page.get_by_text("You can still read what was said.")).to_be_visible()
        expect(message(page, "Good morning")).to_be_visible()
        expect(page.locator("#composer")).to_be_hidden()
        page.reload()
    host.rest.reopen(room_id).ok()
    expect(page.locator("#text")).to_have_value("half a thought")
    host.rest.remove(room_id, guest.id, ban=True).ok()
    stays("You cannot join this room")


def test_a_lesson_goes_on_where_no_websocket_gets_through(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = sign_in(server.teacher()), sign_in(server.student())
    refused: list[str] = []

    def refuse(route: WebSocketRoute) -> None:
        refused.append(route.url)
        route.close()

    student.route_web_socket(re.compile(".*"), refuse)
    create_room(teacher, "Polling")
    student.goto(teacher.url)
    student.get_by_role("button", name="Ask to join").click()
    teacher.get_by_role("button", name="Let in").click()
    expect(student.locator("#composer")).to_be_visible(timeout=60_000)
    for text in ("Can you hear me?", "Loud and clear"):
        write(student, text)
        expect(message(teacher, text)).to_be_visible()
    write(teacher, "Good")
    expect(message(student, "Good")).to_be_visible()
    assert refused and all("transport=websocket" in url for url in refused)


def test_who_writes_is_seen_writing_and_who_reads_above_is_told_what_came(
    server: ServerProcess, sign_in: SignIn
) -> None:
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Long")["id"])
    let_in(host, room_id, guest)
    host.rest.say(room_id, *(f"line {number}" for number in range(60)))
    teacher, student = in_room(sign_in, host, room_id), in_room(sign_in, guest, room_id)
    expect(message(teacher, "line 59")).to_be_in_viewport()
    student.locator("#text").focus()
    student.keyboard.type("I th")
    expect(teacher.locator("#typing")).to_contain_text("is writing…")
    teacher.locator("#log").evaluate("log => log.scrollTo(0, 0)")
    expect(message(teacher, "line 0")).to_be_in_viewport()
    student.keyboard.type("ink so")
    student.keyboard.press("Enter")
    newer = teacher.get_by_role("button", name="1 new message")
    expect(newer).to_be_visible()
    expect(teacher.locator("#typing")).to_have_text("")
    expect(message(teacher, "line 0")).to_be_in_viewport()
    newer.click()
    expect(message(teacher, "I think so")).to_be_in_viewport()
    expect(newer).to_be_hidden()


def test_a_sound_is_made_for_who_wants_it_and_the_title_counts(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room_id = str(host.rest.create_room("Loud")["id"])
    page = sign_in(host)
    page.evaluate(SOUNDS)
    first, second = server.students(2)
    first.rest.knock(room_id).ok(201)
    expect(page).to_have_title("(1) Rooms · chatapp")
    assert page.evaluate("window.played") == 0
    page.get_by_role("button", name="News, 1 unread").click()
    page.get_by_label("Play a short sound for news").check()
    played = page.evaluate("window.played")
    page.keyboard.press("Escape")
    second.rest.knock(room_id).ok(201)
    expect(page).to_have_title("(2) Rooms · chatapp")
    assert page.evaluate("window.played") == played + 1


def test_a_german_browser_is_spoken_to_in_german(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, _ = at_the_door(server, sign_in)
    german = sign_in(server.student(), at=f"/rooms/{room_id_of(teacher)}/", locale="de-DE")
    german.get_by_role("button", name="Um Einlass bitten").click()
    teacher.get_by_role("button", name="Let all in (2)").click()
    expect(german.locator("#said")).to_contain_text("hat den Raum geöffnet")
    expect(german.locator("#text")).to_have_attribute("placeholder", "An die Klasse schreiben")
