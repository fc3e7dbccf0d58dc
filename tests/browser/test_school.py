"""The administrator's way in a browser: a forgotten password, a parent's question, a class to end; and everybody's own
profile."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import expect

from tests.browser.lesson import SignIn
from tests.support.people import Enrolled, Person, enrol
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}

HOSTILE = "<img src=http://evil.invalid/x onerror=alert(2)>"
_numbers = itertools.count(1)


@pytest.fixture
def head(server: ServerProcess) -> Person:
    """An administrator whom no other test knows."""
    one = Enrolled("admin", next(_numbers))
    enrol(server.env["DATABASE_URL"], [one])
    return Person.enrolled(server.url, one, server.env["JWT_SECRET_KEY"])


def lesson(server: ServerProcess, title: str) -> tuple[Person, Person, str]:
    """A class that talks, and somebody who waits before its door."""
    teacher, student, late = server.teacher(), server.student(), server.student()
    teacher.rest.call("PATCH", "/api/users/me/", {"display_name": "Ms Rivera"}).ok()
    room_id = teacher.rest.create_room(title)["id"]
    student.rest.knock(room_id).ok(201)
    teacher.rest.approve(room_id, user_id=student.id).ok()
    for who, text in (
        (teacher, "Good morning! A hammer and a feather fall from the same height. Which one lands first?"),
        (student, "The hammer, it is heavier. " * 4),
        (student, HOSTILE),
        (teacher, "שלום, who can say what the air does to the feather?"),
    ):
        who.rest.say(room_id, text)
    late.rest.knock(room_id, "Sorry I am late!").ok(201)
    return teacher, student, room_id


def test_a_forgotten_password_a_question_and_an_end(server: ServerProcess, head: Person, sign_in: SignIn) -> None:
    _, student, _ = lesson(server, "Physics 8b: falling things")
    page = sign_in(head)
    page.get_by_role("link", name="School").click()

    page.get_by_label("Name or username").fill(student.username)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("main").get_by_role("link", name=f"Student {student.username.split('-')[1]}", exact=True).click()
    page.get_by_role("button", name="Make a new password").click()
    password = page.locator(".school-password").inner_text()
    owner = Person(server.url, student.user, "", password)
    expect(sign_in(owner).get_by_role("button", name="Sign out")).to_be_visible()

    page.get_by_role("navigation", name="School").get_by_role("link", name="Rooms").click()
    page.get_by_label("Title or teacher").fill("falling")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Physics 8b: falling things").click()
    page.get_by_role("link", name="Read messages").click()
    expect(page.get_by_text("This look is on record: messages 1 to 6.")).to_be_visible()
    expect(page.get_by_text(HOSTILE)).to_be_visible()

    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("What was done").select_option(label="Messages read by the school")
    page.get_by_label("By (username)").fill(head.username)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".school-audit > li")).to_have_count(1)
    expect(page.locator(".school-audit > li")).to_contain_text("Messages 1 to 6")

    page.get_by_role("link", name="Physics 8b: falling things").click()
    page.get_by_role("button", name="End class").click()
    expect(page.get_by_role("status").get_by_text("The class has ended.")).to_be_visible()
    expect(page.get_by_role("button", name="End class")).to_have_count(0)


def test_a_device_is_signed_out_from_another(server: ServerProcess, sign_in: SignIn) -> None:
    student = server.student()
    here, there = sign_in(student), sign_in(student)
    here.goto(f"{server.url}/me/")
    here.get_by_role("button", name="Sign out all other devices").click()
    expect(here.get_by_text("All other devices are signed out.")).to_be_visible()
    there.reload()
    expect(there.get_by_label("Password")).to_be_visible()
    here.get_by_label("Name", exact=True).fill("Ada L.")
    here.get_by_role("button", name="Change name").click()
    expect(here.get_by_text("Your name is changed.")).to_be_visible()


def test_everything_is_reached_by_keyboard_alone(server: ServerProcess, head: Person, sign_in: SignIn) -> None:
    page = sign_in(head)
    page.goto(f"{server.url}/school/users/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the frame to the content
    page.get_by_label("Name or username").focus()
    page.keyboard.type("admin")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("search=admin"))
