"""The second step of signing in, as its owner meets it: set up, asked for, wrong, lost; all of it by keys alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lesson import SignIn
from tests.browser.phone_app import PhoneApp
from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service
SERVER_ENV = {"LIMIT_LOGIN": "1000/minute"}
MOST_STOPS = 60
WRONG = "This code is not right, or was used before."


def tab_to(page: Page, control: Locator) -> None:
    """With the Tab key, as often as it takes."""
    for _ in range(MOST_STOPS):
        if control.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{control} is out of reach")


def type_into(page: Page, label: str, text: str) -> None:
    """Go there, write, and press Enter."""
    tab_to(page, page.get_by_label(label, exact=True))
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def press(page: Page, control: Locator) -> None:
    tab_to(page, control)
    page.keyboard.press("Enter")


def set_up(page: Page, host: Person) -> tuple[PhoneApp, list[str]]:
    """Turn it on under Me: the app, and the recovery codes."""
    password = page.get_by_role("region", name="Second step").get_by_label("Current password")
    tab_to(page, password)
    page.keyboard.type(host.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    app = PhoneApp(page.locator("#key").inner_text())
    type_into(page, "Code", app.code())
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return app, page.locator("#codes li").all_inner_texts()


def sign_in_again(page: Page, host: Person) -> None:
    """The first step, from the form that one is shown after signing out."""
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(host.username)
    type_into(page, "Password", host.password)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_be_focused()


def sign_out(page: Page) -> None:
    press(page, page.get_by_role("navigation", name="chatapp").get_by_role("button", name="Sign out"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_teacher_sets_it_up_and_signs_in_with_the_app_or_with_a_recovery_code_once(
    server: ServerProcess, sign_in: SignIn
) -> None:
    host = server.teacher()
    page = sign_in(host, at="/me/")
    app, codes = set_up(page, host)
    assert len(set(codes)) == 10
    press(page, page.get_by_role("link", name="Done"))
    expect(page.get_by_text("You have 10 recovery codes left.")).to_be_visible()

    sign_out(page)
    sign_in_again(page, host)
    page.keyboard.type("123 45x")
    page.keyboard.press("Enter")
    expect(page.get_by_text(WRONG)).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    expect(page.get_by_label("Code", exact=True)).to_have_accessible_description(
        f"Six digits from your authenticator app, or one of your recovery codes. {WRONG}"
        " Type the one that your app shows now."
    )
    page.keyboard.type(app.code())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()

    sign_out(page)
    sign_in_again(page, host)
    page.keyboard.type(codes[0].upper())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()
    sign_out(page)
    sign_in_again(page, host)
    page.keyboard.type(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text(WRONG)).to_be_visible()
    page.keyboard.type(codes[1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()
    page.goto(f"{server.url}/me/")
    expect(page.get_by_text("You have 8 recovery codes left.")).to_be_visible()


def test_who_mistypes_while_setting_up_is_told_and_tries_again(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    page = sign_in(host, at="/me/")
    page.get_by_role("region", name="Second step").get_by_label("Current password").fill(host.password)
    page.get_by_role("button", name="Set up").click()
    app = PhoneApp(page.locator("#key").inner_text())
    page.get_by_label("Code", exact=True).fill("12345")
    page.keyboard.press("Enter")
    expect(page.get_by_text(WRONG)).to_be_visible()
    expect(page.locator("#key")).to_have_count(0)
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type(app.code())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_who_guesses_is_told_how_long_to_wait_and_the_owner_still_has_a_way_in(
    server: ServerProcess, sign_in: SignIn, open_browser: Callable[..., Page]
) -> None:
    host = server.teacher()
    page = sign_in(host, at="/me/")
    _, codes = set_up(page, host)
    other = open_browser(server.url)
    sign_in_again(other, host)
    for _ in range(10):
        other.get_by_label("Code", exact=True).fill("12345")
        with other.expect_navigation():
            other.keyboard.press("Enter")
    expect(other.get_by_text(WRONG)).to_be_visible()
    other.get_by_label("Code", exact=True).fill("12345")
    other.keyboard.press("Enter")
    expect(
        other.get_by_text("Too many wrong codes. Use a recovery code, or wait. Try again in 60 minutes.")
    ).to_be_visible()
    other.get_by_label("Code", exact=True).fill(codes[0])
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()
