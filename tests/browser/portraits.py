"""The README's pictures of the pages, made anew: `python -m tests.browser.portraits`."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chatapp import demo
from config import ROOT
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE, enter
from tests.browser.lesson import PHONE, WIDE, call, let_in, message, show
from tests.browser.measure import founded
from tests.support.people import Person
from tests.support.server import ServerProcess

FOLDER = ROOT / "docs" / "images"
FRAME, COLOURS = 24, 128
GROUND = "#eaeef2"
MORE = (
    ("student1", "So on the Moon even a feather falls like a stone?"),
    (demo.TEACHER, "Exactly. Who can say what the *air* does to the feather?"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, founded(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        people, room_id = a_class(server)
        host, ada, late = people[demo.TEACHER], people["student1"], people["student3"]
        pages = [opened(browser, ada, room_id, **PHONE), opened(browser, people["student2"], room_id)]
        teacher = opened(browser, host, room_id, **WIDE)
        waiting = opened(browser, late, room_id, **PHONE)
        lobby = opened(browser, host, room_id, color_scheme="dark", **PHONE)
        expect(message(pages[0], demo.CONVERSATION[-1][1])).to_be_visible()
        expect(waiting.get_by_role("heading", name="You are waiting")).to_be_visible()
        for page in (teacher, lobby):
            expect(page.locator(".knock")).to_have_count(2)
            expect(page.locator("#people-count")).to_contain_text("3 people, 3 here")
        show(lobby, "Lobby")
        keep("room", seen(teacher))
        keep("phones", side_by_side([seen(waiting), seen(pages[0]), seen(lobby)]))
        browser.close()


def a_class(server: ServerProcess) -> tuple[dict[str, Person], str]:
    """The demo class in its lesson, and two who wait."""
    people = {name: server.teacher() if name == demo.TEACHER else server.student() for name in demo.NAMES}
    for name, person in people.items():
        call(person, demo.NAMES[name])
    host = people[demo.TEACHER]
    room_id = str(host.rest.create_room(demo.TITLE)["id"])
    for name in demo.STUDENTS[:2]:
        let_in(host, room_id, people[name])
    for name, text in (*demo.CONVERSATION, *MORE):
        people[name].rest.say(room_id, text)
    emil = server.student()
    call(emil, "Emil")
    people["student3"].rest.knock(room_id, "Sorry I am late!").ok(201)
    emil.rest.knock(room_id).ok(201)
    return people, room_id


def opened(browser: Browser, person: Person, room_id: str, **options: Any) -> Page:
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE)
    enter(context, person)
    page = context.new_page()
    page.goto(f"{person.url}/rooms/{room_id}/")
    return page


def seen(page: Page) -> Image.Image:
    page.wait_for_load_state("networkidle")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    width = sum(picture.width + FRAME for picture in pictures) + FRAME
    sheet = Image.new("RGB", (width, pictures[0].height + 2 * FRAME), GROUND)
    at = FRAME
    for picture in pictures:
        sheet.paste(picture, (at, FRAME))
        at += picture.width + FRAME
    return sheet


def keep(name: str, picture: Image.Image) -> None:
    """Small enough for a repository: what we draw has few colours."""
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
