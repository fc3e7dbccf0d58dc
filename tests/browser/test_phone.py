"""On a phone the rail gives way: what it holds is in reach all the same."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lesson import PHONE, SignIn, in_room
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
