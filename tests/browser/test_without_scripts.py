"""Where scripts are off or did not arrive: signing in, opening a room, knocking and letting in work by forms alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service


def sign_in_by_form(open_browser: Callable[..., Page], person: Person, at: str = "/") -> Page:
    page = open_browser(person.url, at=at, java_script_enabled=False)
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_a_class_begins_by_forms_alone(server: ServerProcess, open_browser: Callable[..., Page]) -> None:
    host, guest, other = server.teacher(), server.student(), server.student()
    teacher = sign_in_by_form(open_browser, host)
    teacher.get_by_label("New room").fill("By forms")
    teacher.get_by_role("button", name="Create").click()
    expect(teacher.get_by_role("heading", name="By forms")).to_be_visible()
    room = teacher.url.removeprefix(server.url)

    student = sign_in_by_form(open_browser, guest, at=room)
    student.get_by_label("A note to the teacher").locator("visible=true").fill("Hello")
    student.get_by_role("button", name="Ask to join").click()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_visible()
    impatient = sign_in_by_form(open_browser, other, at=room)
    impatient.get_by_role("button", name="Ask to join").click()
    impatient.get_by_role("button", name="Stop waiting").click()
    expect(impatient.get_by_role("button", name="Ask to join")).to_be_visible()

    teacher.reload()
    expect(teacher.get_by_role("listitem").filter(has_text="Hello")).to_be_visible()
    teacher.get_by_role("button", name="Let in").click()
    expect(teacher.get_by_text("Nobody is waiting.")).to_be_visible()
    student.reload()
    expect(student.get_by_role("heading", name="You are waiting")).to_be_hidden()
    assert [one["user"]["id"] for one in host.rest.participants(room.split("/")[2])] == [host.id, guest.id]
