"""What people do in a lesson, as steps of the browser tests: open a room, knock, let in, write, read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.people import Person
from tests.support.server import ServerProcess

SignIn = Callable[..., Page]
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def create_room(teacher: Page, title: str) -> None:
    teacher.get_by_label("New room").fill(title)
    teacher.get_by_role("button", name="Create").click()
    expect(teacher.get_by_role("heading", name=title)).to_be_visible()
    expect(teacher.get_by_text("opened the room.")).to_be_visible()


def at_the_door(server: ServerProcess, sign_in: SignIn) -> tuple[Page, Page]:
    """A teacher's room page, and a student's who waits in its lobby."""
    teacher, student = sign_in(server.teacher()), sign_in(server.student())
    create_room(teacher, "Class")
    student.goto(teacher.url)
    student.get_by_role("button", name="Ask to join").click()
    expect(teacher.get_by_role("button", name="Let in")).to_be_visible()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()
    return teacher, student


def in_class(server: ServerProcess, sign_in: SignIn) -> tuple[Page, Page]:
    """A teacher's room page, and a student's who is in."""
    teacher, student = at_the_door(server, sign_in)
    teacher.get_by_role("button", name="Let in").click()
    expect(student.get_by_label("Message", exact=True)).to_be_visible()
    return teacher, student


def write(page: Page, text: str, *, by_button: bool = False, plain: bool = True) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    if by_button or not page.locator("[data-keys]").is_visible():
        page.get_by_role("button", name="Send").click()
    else:
        page.keyboard.press("Enter")
    if plain:
        expect(message(page, text)).to_be_visible()


def message(page: Page, text: str) -> Locator:
    """A message that stands in the log."""
    return page.locator("#log .message:not(.outgoing) .body").get_by_text(text, exact=True)


def person(page: Page, name: str) -> Locator:
    return page.locator("#people > li").filter(has_text=name)


def said(page: Page) -> list[str]:
    """What stands in the log, in order."""
    return page.locator("#log .message:not(.outgoing) .body").all_text_contents()


def cut(page: Page) -> None:
    """Chromium's offline mode leaves open sockets alone; this one notices at its next heartbeat."""
    page.evaluate("window.dispatchEvent(new Event('offline'))")


def let_in(host: Person, room_id: str, guest: Person) -> None:
    guest.rest.knock(room_id).ok(201)
    host.rest.approve(room_id, user_id=guest.id).ok()


def in_room(sign_in: SignIn, person: Person, room_id: str, **options: Any) -> Page:
    """The page of a room that `person` is in."""
    page = sign_in(person, at=f"/rooms/{room_id}/", **options)
    expect(page.locator(".inside[data-side]")).to_be_visible()
    expect(page.locator("#people > li")).not_to_have_count(0)
    return page


def show(page: Page, part: str) -> None:
    """Go to a part of the room. The conversation is always in sight on wide screens."""
    tab = page.get_by_role("navigation", name="Parts of the room").get_by_role("button", name=part)
    if part != "Chat" or tab.is_visible():
        tab.click()


def call(person: Person, name: str) -> None:
    person.rest.call("PATCH", "/api/users/me/", {"display_name": name}).ok()


def choose(page: Page, *files: object) -> None:
    """Through the paper clip."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach a file").click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def hold(held: list[Route], route: Route, most: int = 100) -> None:
    """Keep what is asked, but for what comes after so many."""
    if len(held) < most:
        held.append(route)
    else:
        route.continue_()
