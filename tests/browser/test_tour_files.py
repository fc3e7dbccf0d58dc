"""A walk through the files of a room and every state of them, with the inspector."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.inspector import Inspector
from tests.browser.lesson import SignIn, call, choose, hold, in_room, let_in, show
from tests.support import samples
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000", "LIMIT_UPLOADS": "1000/minute"}
PATIENCE_MS = 60_000

PHOTO = {"name": "The Moon from our yard.jpg", "mimeType": "image/jpeg", "buffer": samples.photo((1600, 1200))}
SHEET = {"name": "Worksheet 4, falling things, with the table for your own measurements.pdf", "buffer": samples.PDF}
SOUND = {"name": "drop.wav", "mimeType": "audio/wav", "buffer": samples.sound()}
PAGE = {"name": "page.html", "mimeType": "text/html", "buffer": b"<!doctype html><b>no</b>"}


def test_the_files_of_a_room(
    server: ServerProcess, sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host, pupil = server.teacher(), server.student()
    call(host, "Ms Rivera")
    call(pupil, "Ada")
    room_id = str(host.rest.create_room("Physics 8b: falling things")["id"])
    let_in(host, room_id, pupil)
    host.rest.say(room_id, "Please send me what you saw last night.")
    page = in_room(sign_in, pupil, room_id, **options)
    show(page, "Files")
    expect(page.locator("#no-files")).to_be_visible()
    look(page, "files-empty")

    show(page, "Chat")
    choose(page, PHOTO)
    expect(page.locator("#said .picture img")).to_have_js_property("complete", True, timeout=PATIENCE_MS)
    choose(page, {"mimeType": "application/pdf", **SHEET}, SOUND)
    expect(page.locator("#said .file-row")).to_have_count(2, timeout=PATIENCE_MS)
    look(page, "files-sent")
    show(page, "Files")
    expect(page.locator("#files li")).to_have_count(3)
    look(page, "files")

    show(page, "Chat")
    _uploading(page, inspector)
    choose(page, PAGE)
    expect(page.locator("#uploads li.failed")).to_contain_text("Files of this kind cannot be sent here")
    look(page, "files-refused")
    page.get_by_role("button", name="Do not send page.html").click()
    page.evaluate("document.querySelector('#drop').hidden = false")
    look(page, "files-drop")
    page.evaluate("document.querySelector('#drop').hidden = true")

    page.route(re.compile(r"/files/\?limit"), lambda route: route.abort())
    page.reload()
    show(page, "Files")
    expect(page.locator("#files-fault")).to_be_visible()
    look(page, "files-fault")
    assert inspector.faults == [], "\n".join(inspector.faults)


def _uploading(page: Page, inspector: Inspector) -> None:
    """One file is on its way and another waits for its turn."""
    held: list[Route] = []
    page.route(re.compile(r"/files/\?send"), lambda route: hold(held, route))
    choose(page, {**PHOTO, "name": "far away.jpg"}, {"mimeType": "application/pdf", **SHEET})
    expect(page.locator("#uploads li").nth(1)).to_contain_text("Waiting")
    inspector.look(page, "files-on-their-way")
    for button in page.get_by_role("button", name="Do not send").all()[::-1]:
        button.click()
    expect(page.locator("#uploads li")).to_have_count(0)
    page.unroute(re.compile(r"/files/\?send"))
