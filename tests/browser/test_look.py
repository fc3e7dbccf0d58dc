"""Light or dark in a browser: as its system is, or as somebody chose, without a flash of the other."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lesson import SignIn
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service
LIGHT_GROUND, DARK_GROUND = "rgb(246, 248, 250)", "rgb(1, 4, 9)"

WATCH = """addEventListener("DOMContentLoaded", () => {
    const seen = new Set(JSON.parse(sessionStorage.getItem("grounds") ?? "[]"));
    const look = () => {
        seen.add(getComputedStyle(document.body).backgroundColor);
        sessionStorage.setItem("grounds", JSON.stringify([...seen]));
        requestAnimationFrame(look);
    };
    look();
});"""
"""Notes the ground of the page in every frame."""


def is_dark(page: Page) -> None:
    expect(page.locator("body")).to_have_css("background-color", DARK_GROUND)


def is_light(page: Page) -> None:
    expect(page.locator("body")).to_have_css("background-color", LIGHT_GROUND)


def choose(page: Page, name: str) -> None:
    page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="Change colours").click()
    expect(page.get_by_text("These are your colours on this device.")).to_be_visible()


def test_pages_are_as_their_system_until_somebody_chooses(server: ServerProcess, sign_in: SignIn) -> None:
    page = sign_in(server.student(), at="/me/")
    is_light(page)
    page.emulate_media(color_scheme="dark")
    is_dark(page)
    choose(page, "Light")
    is_light(page)
    page.emulate_media(color_scheme="light")
    choose(page, "Dark")
    is_dark(page)
    expect(page.locator("html")).to_have_css("color-scheme", "normal")

    page.add_init_script(WATCH)
    page.goto(server.url)
    is_dark(page)
    page.reload()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    is_dark(page)
    assert page.evaluate("sessionStorage.getItem('grounds')") == f'["{DARK_GROUND}"]', "no flash of the other"


def test_who_wants_more_contrast_has_it_in_either(server: ServerProcess, sign_in: SignIn) -> None:
    page = sign_in(server.student(), at="/me/", contrast="more")
    line = page.locator(".card").first
    grounds = []
    for name in ("Light", "Dark"):
        choose(page, name)
        contrast = line.evaluate("node => getComputedStyle(node).borderTopColor")
        page.emulate_media(contrast="no-preference")
        assert line.evaluate("node => getComputedStyle(node).borderTopColor") != contrast
        page.emulate_media(contrast="more")
        grounds.append(contrast)
    assert grounds[0] != grounds[1]
