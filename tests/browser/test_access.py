"""For who cannot see or point: keys alone, one announcement a message; and pages written from right to left. What
axe-core says of each page and state is asked by the tour."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lesson import PHONE, WIDE, SignIn, in_room, let_in, message, show, write
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service
WATCH = """() => {
    window.heard = [];
    const log = document.querySelector("[role=log]");
    new MutationObserver((changes) => {
        if (log.getAttribute("aria-live") === "off") return;
        for (const change of changes) for (const node of change.addedNodes) window.heard.push(node.textContent);
    }).observe(log, { childList: true, subtree: true });
}"""


def test_a_new_message_is_announced_once_and_the_log_never_again(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Aloud")
    let_in(host, room["id"], guest)
    host.rest.say(room["id"], *(f"old {number}" for number in range(3)))
    student = in_room(sign_in, guest, room["id"])
    expect(message(student, "old 2")).to_be_visible()
    student.wait_for_timeout(400)  # the log becomes live when its first page has settled
    student.evaluate(WATCH)
    host.rest.say(room["id"], "Which planet is this?")
    expect(message(student, "Which planet is this?")).to_be_visible()
    write(student, "Mars")
    student.context.set_offline(True)
    student.evaluate("window.dispatchEvent(new Event('offline'))")
    student.context.set_offline(False)
    expect(student.locator("#connection")).to_be_hidden(timeout=30_000)
    host.rest.say(room["id"], "Right")
    expect(message(student, "Right")).to_be_visible(timeout=30_000)
    heard = "\n".join(student.evaluate("window.heard"))
    assert [heard.count(text) for text in ("old", "Which planet is this?", "Mars", "Right")] == [0, 1, 1, 1]


@pytest.mark.parametrize("options", [WIDE, PHONE], ids=["wide", "phone"])
def test_who_knocks_is_announced_whatever_the_host_looks_at(
    server: ServerProcess, sign_in: SignIn, options: dict[str, Any]
) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Elsewhere")
    teacher = in_room(sign_in, host, room["id"], **options)
    show(teacher, "People")
    show(teacher, "Chat")
    guest.rest.knock(room["id"]).ok(201)
    # By its role: what is in a panel that is not shown has none, and is not read out.
    expect(teacher.get_by_role("status").filter(has_text="more waiting.")).to_have_count(1)


def test_a_whole_lesson_by_keys_alone(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    teacher, student = sign_in(host), sign_in(guest)
    teacher.keyboard.press("Tab")
    expect(teacher.get_by_role("link", name="Skip to content")).to_be_focused()
    teacher.keyboard.press("Enter")
    teacher.keyboard.press("Tab")
    expect(teacher.get_by_label("New room")).to_be_focused()
    teacher.keyboard.type("By keys")
    teacher.keyboard.press("Enter")
    expect(teacher.locator("#composer")).to_be_visible()
    teacher.keyboard.press("m")
    expect(teacher.locator("#text")).to_be_focused()
    student.goto(teacher.url)
    student.get_by_label("A note to the teacher").locator("visible=true").focus()
    student.keyboard.type("Hello")
    student.keyboard.press("Tab")
    student.keyboard.press("Enter")
    expect(teacher.locator(".knock")).to_contain_text("Hello")
    teacher.locator("#log").focus()
    teacher.keyboard.press("l")
    expect(teacher.get_by_role("button", name="Let in Student")).to_be_focused()
    teacher.keyboard.press("Enter")
    expect(student.locator("#text")).to_be_focused()
    expect(teacher.get_by_role("heading", name="Lobby")).to_be_focused()
    teacher.keyboard.press("m")
    teacher.keyboard.type("Welcome? *l*")
    teacher.keyboard.press("Enter")
    expect(student.locator("#said")).to_contain_text("Welcome? l")
    teacher.keyboard.press("Escape")
    teacher.locator("#log").focus()
    teacher.keyboard.press("?")
    expect(teacher.get_by_role("dialog", name="Keys")).to_be_visible()
    teacher.keyboard.press("Escape")
    expect(teacher.locator("#log")).to_be_focused()


def test_where_a_key_puts_the_focus_it_is_seen(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Where am I")
    page = in_room(sign_in, host, room["id"])
    page.locator("#log").focus()
    for key, name in (("p", "People"), ("f", "Files"), ("l", "Lobby")):
        page.keyboard.press(key)
        heading = page.get_by_role("heading", name=name)
        expect(heading).to_be_focused()
        expect(heading).to_have_css("outline-style", "solid")
        expect(heading).to_have_css("outline-width", "3px")


def test_keys_of_one_letter_are_switched_off_and_on_again(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Quiet")
    page = in_room(sign_in, host, room["id"])
    page.locator("#log").focus()
    page.keyboard.press("?")
    keys, wanted = page.get_by_role("dialog", name="Keys"), page.get_by_label("Use keys of one letter")
    expect(wanted).to_be_checked()
    wanted.uncheck()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("#composer")).to_be_visible()
    page.locator("#log").focus()
    for key in "?nmepflau":
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#log")).to_be_focused()
    expect(page.get_by_role("heading", name="Lobby")).to_be_visible()
    page.goto(f"{server.url}/me/")
    page.get_by_role("button", name="Show the keys").click()
    expect(keys).to_be_visible()
    expect(wanted).not_to_be_checked()
    wanted.check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("dialog", name="News")).to_be_visible()


def test_pages_written_from_right_to_left_are_mirrored(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("מתמטיקה")
    host.rest.say(room["id"], "שלום עולם")
    for options in ({}, PHONE):
        page = sign_in(host, **options)
        for path in ("/", f"/rooms/{room['id']}/"):
            page.goto(server.url + path)
            page.evaluate("document.documentElement.dir = 'rtl'")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if options:
                continue
            rail = page.locator(".rail").bounding_box()
            assert rail is not None and rail["x"] + rail["width"] == 1280
        expect(message(page, "שלום עולם")).to_have_css("direction", "rtl")
        if not options:
            side = page.locator(".side").bounding_box()
            assert side is not None and side["x"] == 0


def test_twice_as_large_everything_is_in_reach(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Enlarged")
    guest.rest.knock(room["id"]).ok(201)
    half = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
    page = in_room(sign_in, host, room["id"], **half)
    for part in ("Lobby", "People", "Room", "Chat"):
        show(page, part)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), part
    write(page, "large")
    page.locator("#log").focus()
    show(page, "Lobby")
    page.get_by_role("button", name="Let in Student").click()
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
