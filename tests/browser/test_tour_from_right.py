"""A walk through a class that writes Arabic, Hebrew and English side by side, with the inspector: each text runs in its
own direction, whichever way the page is laid out."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.inspector import Inspector
from tests.browser.lesson import SignIn, call, in_room, let_in, message, show
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}

TITLE = "الفيزياء ٨ب: سقوط الأجسام (Physics 8b)"
HOST, PUPIL, LATE = "الأستاذة ليلى حدّاد", "נועה בן-דוד", "يوسف (Yusuf)"
NOTE = "آسف على التأخير! تأخّر الباص 12 دقيقة."
ARABIC = "صباح الخير! تسقط مطرقة وريشة من الارتفاع نفسه. أيّهما تصل أولاً؟"
HEBREW = "הפטיש, הוא כבד יותר: m = 1.2 kg!"
ENGLISH = "On the Moon they land together: القمر has no air."
CODE = "```\nfall(height=10)  # متر\n```"
RUNS = {ARABIC: "rtl", HEBREW: "rtl", ENGLISH: "ltr"}


def test_a_class_that_writes_from_right_to_left(
    server: ServerProcess, sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host, pupil, late = server.teacher(), server.student(), server.student()
    for person, name in ((host, HOST), (pupil, PUPIL), (late, LATE)):
        call(person, name)
    room_id = str(host.rest.create_room(TITLE, description="أحضروا كتبكم.\nBring your books.")["id"])
    let_in(host, room_id, pupil)
    host.rest.say(room_id, ARABIC)
    pupil.rest.say(room_id, HEBREW)
    pupil.rest.say(room_id, ENGLISH)
    host.rest.say(room_id, CODE)
    late.rest.knock(room_id, NOTE).ok(201)

    page = sign_in(host, **options)
    look(page, "from-right-home")
    page = in_room(sign_in, host, room_id, **options)
    expect(message(page, ENGLISH)).to_be_visible()
    _each_runs_its_own_way(page)
    look(page, "from-right-room")
    page.evaluate("document.documentElement.dir = 'rtl'")
    _each_runs_its_own_way(page)
    page.evaluate("document.documentElement.dir = 'ltr'")
    show(page, "Lobby")
    expect(page.locator(".knock .note")).to_have_css("direction", "rtl")
    page.evaluate("document.documentElement.dir = 'rtl'")
    expect(page.locator(".knock .hint bdi")).to_have_css("direction", "ltr")
    expect(page.locator("#link")).to_have_css("direction", "ltr")
    page.evaluate("document.documentElement.dir = 'ltr'")
    look(page, "from-right-lobby")
    show(page, "People")
    look(page, "from-right-people")
    page.locator("#log").evaluate("log => log.focus()")
    show(page, "Chat")
    page.get_by_label("Message", exact=True).fill("أليس في القمر هواء؟")
    expect(page.get_by_label("Message", exact=True)).to_have_css("direction", "rtl")
    look(page, "from-right-writing")
    page = sign_in(late, at=f"/rooms/{room_id}/", **options)
    expect(page.get_by_role("heading", name="You are waiting")).to_be_visible()
    look(page, "from-right-waiting")
    assert inspector.faults == [], "\n".join(inspector.faults)


def _each_runs_its_own_way(page: Page) -> None:
    for text, direction in RUNS.items():
        expect(message(page, text)).to_have_css("direction", direction)
    expect(page.locator("#said pre")).to_have_css("direction", "ltr")
    expect(page.locator("#room-title")).to_have_css("direction", "rtl")
