"""The figures of docs/pages.md, for this machine: `python -m tests.browser.measure`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE, enter
from tests.browser.lesson import let_in, message, write
from tests.browser.load import Load, main_thread_ms
from tests.browser.test_budgets import MESSAGES, SCROLL, long_room
from tests.support.people import Person
from tests.support.server import ServerProcess

MOBILE = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
SLOWDOWN = 4


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        founded(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        host, guest = server.teacher(), server.student()
        for reader, what, slow in (
            (host, "teacher, this machine", False),
            (guest, "student, this machine", False),
            (guest, "student, phone on mobile network", True),
        ):
            room_id = str(host.rest.create_room("Measured")["id"])
            let_in(host, room_id, guest)
            host.rest.say(room_id, *(f"line {number}" for number in range(50)))
            first_load(browser, server, reader, room_id, what, slow=slow)
        scroll(browser, server, host)
        browser.close()


def founded(folder: Path) -> ServerProcess:
    """A school of its own, with people."""
    url = f"sqlite:///{folder / 'chatapp.db'}"
    server = ServerProcess(folder / "server", url, LIMIT_SENDS="1000/second", LIMIT_SENDS_BURST="1000")
    server.found()
    return server


def first_load(
    browser: Browser, server: ServerProcess, person: Person, room_id: str, what: str, *, slow: bool = False
) -> None:
    """Open a room with an empty cache, then write ten messages."""
    context = browser.new_context(viewport={"width": 390, "height": 844} if slow else {"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE * 3)
    enter(context, person)
    page = context.new_page()
    load = Load(page)
    if slow:
        load.session.send("Network.emulateNetworkConditions", MOBILE)
        load.session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    page.goto(f"{server.url}/rooms/{room_id}/")
    expect(message(page, "line 49")).to_be_in_viewport(timeout=PATIENCE * 3)
    page.wait_for_load_state("networkidle")
    ready = page.evaluate("performance.now()")
    worked = main_thread_ms(load.session)
    shown = []
    for number in range(10):
        begun = page.evaluate("performance.now()")
        write(page, f"{what} {number}")
        shown.append(page.evaluate("performance.now()") - begun)
    seen = load.figures()
    context.close()
    say(
        what,
        f"{load.bytes / 1000:.0f} kB in {load.requests} requests",
        f"first paint {seen['paints'].get('first-contentful-paint', 0):.0f} ms, largest {seen['largest']:.0f} ms",
        f"conversation there and idle {ready:.0f} ms",
        f"main thread {worked:.0f} ms, of it beyond 50 a task {seen['blocked']:.0f} ms",
        f"layout shift {seen['shift']:.3f}",
        f"slowest input {seen['slowest']:.0f} ms; from Enter to stored and shown {median(shown):.0f} ms",
    )


def scroll(browser: Browser, server: ServerProcess, host: Person) -> None:
    """Read a long room from its end to its beginning."""
    room_id = long_room(server, host)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    enter(context, host)
    page = context.new_page()
    load = Load(page)
    page.goto(f"{server.url}/rooms/{room_id}/")
    expect(message(page, f"line {MESSAGES}")).to_be_in_viewport()
    before = main_thread_ms(load.session)
    went = page.evaluate(SCROLL, {"up": True, "last": 1})
    worked = (main_thread_ms(load.session) - before) / went["steps"]
    say(f"{MESSAGES} messages upwards", f"{went['most']} rows at most", f"{worked:.0f} ms of the main thread a hundred")
    context.close()


def say(what: str, *figures: str) -> None:
    sys.stdout.write("\n  ".join((what, *figures)) + "\n")


if __name__ == "__main__":
    main()
