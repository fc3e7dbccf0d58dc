"""On a phone the rail gives way: what it holds is in reach all the same."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lesson import PHONE, WIDE, SignIn, in_room, show
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service


def test_the_news_are_in_a_rooms_bar(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    here, elsewhere = (str(host.rest.create_room(title)["id"]) for title in ("Here", "Elsewhere"))
    page = in_room(sign_in, host, here, **PHONE)
    expect(page.get_by_role("button", name="News", exact=True)).to_have_count(1)
    guest.rest.knock(elsewhere).ok(201)
    bell = page.get_by_role("button", name="News, 1 unread")
    expect(bell.get_by_text("1")).to_be_visible()
    bell.click()
    expect(page.get_by_role("dialog", name="News").get_by_role("link", name="asks to join Elsewhere")).to_be_visible()
    page.keyboard.press("Escape")
    expect(bell).to_be_focused()


@pytest.mark.parametrize("options", [WIDE, PHONE], ids=["wide", "phone"])
def test_signing_out_is_in_sight_on_every_page(server: ServerProcess, sign_in: SignIn, options: dict[str, Any]) -> None:
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Physics 8b")["id"])
    page = sign_in(guest, **options)
    for path in ("/", f"/rooms/{room_id}/", "/me/programs/", "/nowhere/"):
        page.goto(server.url + path)
        expect(page.get_by_role("navigation").get_by_role("button", name="Sign out")).to_be_in_viewport()
    teacher = in_room(sign_in, host, room_id, **options)
    show(teacher, "Room")
    (way,) = [each for each in teacher.get_by_role("button", name="Sign out").all() if each.is_visible()]
    way.click()
    expect(teacher.get_by_role("button", name="Sign in")).to_be_visible()
