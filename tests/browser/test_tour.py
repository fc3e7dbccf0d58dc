"""A walk through every page and every state of it, with the inspector. `make pictures` keeps what it sees."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chatapp import demo
from tests.browser.inspector import Inspector
from tests.browser.lesson import WIDE, SignIn, call, cut, in_room, let_in, message, show, write
from tests.support.people import Enrolled, Person, enrol
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000", "INVITE_CODE": "for-teachers"}

EVERYTHING = """A *hammer* and a **feather** fall: `v = g*t`, see https://example.org/a/long/address/without/any/end?really=1234567890

- from the same height
1. at the same time
> Which one lands first?
```
def fall(height): return "one line of code that is wider than any phone and scrolls within its own frame"
```"""
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh"
_numbers = itertools.count(1)

SCROLL_UP = """log => new Promise(seen => {
  log.scrollTo(0, log.querySelector("pre").offsetTop - 100);
  requestAnimationFrame(() => requestAnimationFrame(seen));
})"""
"""To where code stands; done when the page has noticed."""


@pytest.fixture
def people(server: ServerProcess) -> dict[str, Person]:
    """The people of the demo class by its names for them, in a class that has begun; the last student waits."""
    found = {name: server.teacher() if name == demo.TEACHER else server.student() for name in demo.NAMES}
    for name, person in found.items():
        call(person, demo.NAMES[name])
    return found


def begin_lesson(people: dict[str, Person]) -> str:
    host = people[demo.TEACHER].rest
    room_id = str(host.create_room(demo.TITLE, description="Bring your books.\nWe look at the Moon.")["id"])
    for name in demo.STUDENTS[:2]:
        let_in(people[demo.TEACHER], room_id, people[name])
    for name, text in demo.CONVERSATION:
        people[name].rest.say(room_id, text)
    people[demo.STUDENTS[2]].rest.knock(room_id, "Sorry I am late, the bus did not come!").ok(201)
    return room_id


def test_the_way_in(
    server: ServerProcess, open_browser: Callable[..., Page], options: dict[str, Any], inspector: Inspector
) -> None:
    page = open_browser(server.url, **options)
    inspector.look(page, "sign-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("not hers")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    inspector.look(page, "sign-in-refused")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill(f"grace-{next(_numbers)}")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Look at what is marked below.")).to_be_visible()
    inspector.look(page, "register-refused")
    page.get_by_label("Password").fill("long enough for anybody")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Rooms you are in")).to_be_visible()
    inspector.look(page, "home-first-use-student")
    assert inspector.faults == [], "\n".join(inspector.faults)


def test_the_teachers_pages(
    server: ServerProcess, people: dict[str, Person], sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host, ada, ben, _ = (people[name] for name in demo.NAMES)
    page = sign_in(host, **options)
    look(page, "home-first-use")
    page.keyboard.press("?")
    look(page, "keys-home")
    page.keyboard.press("Escape")
    page.get_by_label("New room").fill("Chemistry 9a")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#log")).to_contain_text("opened the room.")
    look(page, "room-new")

    room_id = begin_lesson(people)
    emil = server.student()
    call(emil, LONG_NAME)
    emil.rest.knock(room_id).ok(201)
    page.goto(server.url)
    expect(page.locator(f'a.room-card[href="/rooms/{room_id}/"]')).to_contain_text("2 people wait")
    look(page, "home-teacher")
    page.get_by_role("button", name="News").click()
    look(page, "news")
    page.keyboard.press("Escape")
    page.get_by_role("link", name=demo.TITLE).click()
    expect(page.locator(".knock")).to_have_count(2)
    expect(message(page, demo.CONVERSATION[-1][1])).to_be_visible() if options is WIDE else None
    look(page, "room-teacher")

    show(page, "Lobby")
    look(page, "lobby")
    page.get_by_label(f"Select {demo.NAMES[demo.STUDENTS[2]]}").check()
    look(page, "lobby-selected")
    page.locator("#big").click()
    expect(page.get_by_role("dialog", name=demo.TITLE)).to_be_visible()
    look(page, "projector")
    page.get_by_role("button", name="Close").click()
    page.locator(".knock", has_text=LONG_NAME).get_by_role("button", name="Let in").click()
    expect(page.locator(".toast")).to_be_visible()
    look(page, "toast")
    page.locator(".knock").first.get_by_role("button", name="Not now").click()
    look(page, "dialog-deny")
    page.keyboard.press("Escape")
    show(page, "People")
    look(page, "people")
    page.get_by_role("button", name=f"Remove {LONG_NAME}").locator("visible=true").first.click()
    look(page, "dialog-remove")
    page.get_by_label("They may not ask to join again").check()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Lift")).to_be_visible()
    look(page, "people-banned")
    show(page, "Room")
    look(page, "settings")

    ada.rest.say(room_id, EVERYTHING)
    ben.rest.say(room_id, "\n".join(f"line {number}" for number in range(30)))
    ada.rest.say(room_id, "שלום, who can say what the air does to the feather? 😀")
    show(page, "Chat")
    expect(page.locator("#log").get_by_text("who can say what the air does")).to_have_count(1)
    page.locator("#log").evaluate(SCROLL_UP)
    ada.rest.say(room_id, "And what does the Moon lack?")
    expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    look(page, "room-markup")
    page.keyboard.press("Escape")
    page.locator("#log").focus()
    page.keyboard.press("?")
    look(page, "keys")
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    cut(page)
    expect(page.get_by_text("Your class goes on without you.")).to_be_visible()
    look(page, "offline-teacher")
    ben.rest.say(room_id, "Where did you go?")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_hidden(timeout=30_000)
    expect(page.locator(".unread-line")).to_have_count(1)
    look(page, "back")

    page.get_by_role("button", name="End class").click()
    look(page, "dialog-end")
    page.get_by_role("dialog").get_by_role("button", name="End class").click()
    expect(page.get_by_text("Duration")).to_be_visible()
    look(page, "summary")
    page.get_by_role("link", name="Read the conversation").click()
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    look(page, "ended-teacher")
    page.goto(server.url)
    look(page, "home-ended")
    assert inspector.faults == [], "\n".join(inspector.faults)


def test_the_students_pages(
    server: ServerProcess, people: dict[str, Person], sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host, ada, _, _ = (people[name] for name in demo.NAMES)
    room_id = begin_lesson(people)
    teacher = in_room(sign_in, host, room_id)
    page = in_room(sign_in, ada, room_id, **options)
    expect(page.locator("#people-count")).to_contain_text("2 here")
    look(page, "room-student")
    show(page, "People")
    look(page, "people-student")
    show(page, "Room")
    look(page, "about-student")
    show(page, "Chat")
    page.context.set_offline(True)
    cut(page)
    for text in ("So on the Moon even a feather falls like a stone?", "I saw the film 😀"):
        write(page, text, plain=False)
    expect(page.get_by_text("Offline, 2 messages waiting.")).to_be_visible()
    look(page, "offline-student")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_hidden(timeout=30_000)
    expect(page.locator(".outgoing")).to_have_count(0)
    write(page, "\u0301" * 30, plain=False)
    expect(page.locator(".failed")).to_contain_text("Not sent. More than 10")
    look(page, "not-sent")
    page.get_by_role("button", name="Discard").click()
    teacher.close()
    expect(page.get_by_text("is away. The room closes in 0:")).to_be_visible(timeout=40_000)
    look(page, "host-away")
    host.rest.close(room_id).ok()
    expect(page.get_by_text("You can still read what was said.")).to_be_visible()
    look(page, "ended-student")
    page.goto(f"{server.url}/rooms/{room_id}/summary/")
    look(page, "not-allowed")
    page.goto(f"{server.url}/nowhere/")
    look(page, "not-found")
    assert inspector.faults == [], "\n".join(inspector.faults)


def test_who_is_not_inside(
    server: ServerProcess, sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host, guest = server.teacher(), server.student()
    call(host, "Ms Rivera")
    titles = ("Physics 8b", "Banned", "Denied", "Open to all", "Shut", "Over")
    first, banned, denied, free, shut, over = (str(host.rest.create_room(title)["id"]) for title in titles)
    guest.rest.knock(denied).ok(201)
    host.rest.deny(denied, user_id=guest.id, reason="We are full until ten. Come back then, please.").ok()
    let_in(host, banned, guest)
    host.rest.remove(banned, guest.id, ban=True).ok()
    host.rest.update_room(free, admission="open").ok()
    host.rest.update_room(shut, admission="closed").ok()
    host.rest.close(over).ok()
    page = sign_in(guest, **options)
    look(page, "home-student")
    for room_id, heading, name in (
        (banned, "You cannot join this room", "banned"),
        (denied, "Not now", "denied"),
        (free, "Join the class", "door-open"),
        (shut, "This room takes nobody new", "door-shut"),
        (over, "This class has ended", "door-ended"),
        (first, "Ask to join", "door"),
    ):
        page.goto(f"{server.url}/rooms/{room_id}/")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        look(page, name)
    page.get_by_role("button", name="Ask to join").click()
    expect(page.get_by_role("heading", name="You are waiting")).to_be_visible()
    look(page, "waiting")
    host.rest.approve(first, user_id=guest.id).ok()
    expect(page.locator("#composer")).to_be_visible()
    host.rest.remove(first, guest.id, reason="Go and drink some water.").ok()
    expect(page.get_by_text("Go and drink some water.")).to_be_visible()
    look(page, "removed")
    host.rest.approve(first, user_id=guest.id).ok()
    expect(page.locator("#composer")).to_be_visible()
    show(page, "Room")
    page.get_by_role("button", name="Leave the room").click()
    expect(page.get_by_role("heading", name="You left this room")).to_be_visible()
    look(page, "left")
    page.goto(f"{server.url}/me/")
    look(page, "me")
    page.get_by_label("Current password").fill("not mine at all")
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "me-refused")
    assert inspector.faults == [], "\n".join(inspector.faults)


def test_the_schools_pages(
    server: ServerProcess, people: dict[str, Person], sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    room_id = begin_lesson(people)
    head = administrator(server)
    page = sign_in(head, **options)

    def look(name: str, path: str | None = None) -> None:
        if path is not None:
            page.goto(f"{server.url}/school/{path}")
        inspector.look(page, f"school-{name}")

    look("messages", f"rooms/{room_id}/messages/")
    look("people", "users/?role=teacher")
    look("people-nothing", "users/?search=nobody-is-called-so")
    look("person", f"users/{people[demo.STUDENTS[0]].id}/")
    page.get_by_role("button", name="Make a new password").click()
    expect(page.locator(".school-password")).to_be_visible()
    look("password")
    look("person-me", f"users/{head.id}/")
    look("rooms", "rooms/")
    look("room", f"rooms/{room_id}/")
    page.get_by_role("button", name="End class").click()
    expect(page.get_by_role("status").get_by_text("The class has ended.")).to_be_visible()
    look("room-ended")
    look("requests", "requests/")
    look("audit", "audit/")
    look("service", "service/")
    assert inspector.faults == [], "\n".join(inspector.faults)


def administrator(server: ServerProcess) -> Person:
    one = Enrolled("admin", next(_numbers))
    enrol(server.env["DATABASE_URL"], [one])
    return Person.enrolled(server.url, one, server.env["JWT_SECRET_KEY"])
