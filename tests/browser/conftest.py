"""A real Chromium whose pages are watched: a dialog, a script's fault or a request to another host fails the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, expect, sync_playwright

from tests.browser.inspector import Inspector
from tests.browser.lesson import PHONE, WIDE
from tests.support.people import Person

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PATIENCE = 20_000
"""Milliseconds that a page may take on a machine that is busy with other tests."""
TEST_SECONDS = 300
CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="keep a picture of each page and state in test-results/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and servers share the machine with everything else that is being tested."""
    for item in items:
        if item.path.parent.name == "browser" and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


class Watch:
    """What must not happen in a browser."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.faults: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("console", self._console)
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        # A refused request and a lost connection are lines in the console, too; what the page says of them is tested.
        if message.type == "error" and not message.text.startswith(
            ("Failed to load resource", "WebSocket connection to")
        ):
            self.faults.append(f"console: {message.text}")

    def _asked(self, address: str) -> None:
        url = urlsplit(address)
        if url.scheme not in ("data", "blob") and url.netloc != self.host:
            self.faults.append(f"request: {address}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`open_browser(url, at="/", person=None, **options)`: a page of a browser of its own, at a path of the school at
    `url`, signed in as somebody."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_one(url: str, at: str = "/", person: Person | None = None, **options: Any) -> Page:
        wide = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
        context = chromium.new_context(**{**wide, **options})
        context.set_default_timeout(PATIENCE)
        watch = Watch(url)
        watch.over(context)
        opened.append((context, watch))
        if person is not None:
            enter(context, person)
        page = context.new_page()
        page.goto(url + at)
        return page

    yield open_one
    for context, _ in opened:
        context.close()
    assert [watch.faults for _, watch in opened if watch.faults] == []


@pytest.fixture
def sign_in(open_browser: Callable[..., Page]) -> Callable[..., Page]:
    """`sign_in(person, at="/", **options)`: the same, signed in."""
    return lambda person, **options: open_browser(person.url, person=person, **options)


@pytest.fixture(params=["wide", "phone"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return PHONE if request.param == "phone" else WIDE


@pytest.fixture
def inspector(request: pytest.FixtureRequest, options: dict[str, Any]) -> Inspector:
    is_phone = options is PHONE
    pictures = bool(request.config.getoption("--pictures", default=False))
    return Inspector("phone" if is_phone else "wide", is_phone=is_phone, pictures=pictures)


def enter(context: BrowserContext, person: Person) -> None:
    """Give the browser the cookie of a sign-in, without drawing the form: most tests are about something else."""
    token = CSRF.search(context.request.get(f"{person.url}/").text())
    assert token is not None
    form = {"csrf_token": token[1], "username": person.username, "password": person.password}
    answer = context.request.post(f"{person.url}/sign-in/", form=form, max_redirects=0)
    assert answer.status == 303, answer.text()


def room_id_of(page: Page) -> str:
    """The id of the room whose page this is."""
    found = re.search(r"/rooms/([a-z2-9]{20})/", page.url)
    assert found is not None, page.url
    return found[1]
