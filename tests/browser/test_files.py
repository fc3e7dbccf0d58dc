"""Files in a browser: chosen, dropped, pasted, photographed; seen, listed, stopped and tried again."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import room_id_of
from tests.browser.lesson import PHONE, SignIn, choose, hold, in_class, in_room, let_in, write
from tests.support import samples
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]
PATIENCE_MS = 60_000
"""A picture waits its turn in a process of low rank; how long, a busy machine decides."""

SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000", "LIMIT_UPLOADS": "1000/minute"}

PDF = {"name": "Blatt 1.pdf", "mimeType": "application/pdf", "buffer": samples.PDF}
PHOTO = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": samples.photo((1600, 1200), orientation=6)}
HAND = """({name, type, text, event, selector}) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type}));
  const node = document.querySelector(selector);
  const given = event === "paste" ? {clipboardData: data} : {dataTransfer: data};
  const Kind = event === "paste" ? ClipboardEvent : DragEvent;
  node.dispatchEvent(new Kind(event, {bubbles: true, cancelable: true, ...given}));
}"""


def hand(page: Page, event: str, selector: str, name: str = "note.txt", text: str = "A note") -> None:
    page.evaluate(HAND, {"name": name, "type": "text/plain", "text": text, "event": event, "selector": selector})


def test_a_file_is_chosen_sent_seen_listed_and_downloaded(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    choose(student, PDF)
    row = teacher.locator("#said .file-row")
    expect(row).to_contain_text("Blatt 1.pdf")
    expect(student.locator("#said .file-row")).to_have_count(1)
    expect(student.locator("#uploads li")).to_have_count(0)
    expect(student.locator("#uploads-said")).to_have_text("1 file sent.")
    expect(student.get_by_label("Message", exact=True)).to_be_focused()
    with teacher.expect_download() as download:
        row.click()
    assert download.value.suggested_filename == "Blatt 1.pdf"
    assert download.value.path().read_bytes() == samples.PDF

    teacher.locator("#log").focus()
    teacher.keyboard.press("f")
    expect(teacher.locator("#files-title")).to_be_focused()
    expect(teacher.locator("#files li")).to_have_count(1)
    expect(teacher.locator("#files li")).to_contain_text("Blatt 1.pdf")
    choose(student, {**PDF, "name": "Blatt 2.pdf"})
    expect(teacher.locator("#files li").first).to_contain_text("Blatt 2.pdf")
    expect(teacher.locator("#files li")).to_have_count(2)
    teacher.reload()
    expect(teacher.locator("#said .file-row")).to_have_count(2)


def test_a_picture_takes_its_place_before_it_comes(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    waiting: list[Route] = []
    teacher.route(re.compile(r"/thumbnail/$"), lambda route: hold(waiting, route))
    with teacher.expect_request(re.compile(r"/thumbnail/$"), timeout=PATIENCE_MS):
        choose(student, PHOTO)
    image = teacher.locator("#said .picture img")
    expect(image).to_be_visible()
    before = image.bounding_box()
    assert before is not None and (round(before["width"]), round(before["height"])) == (240, 320)
    write(student, "Look at this")
    expect(teacher.get_by_text("Look at this")).to_be_visible()
    place = teacher.get_by_text("Look at this").bounding_box()
    for route in waiting:
        route.continue_()
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)
    assert image.bounding_box() == before and teacher.get_by_text("Look at this").bounding_box() == place
    shown = teacher.evaluate(
        "async (link) => [...new Uint8Array(await (await fetch(document.querySelector(link).href)).arrayBuffer())]",
        "#said .picture",
    )
    assert Image.open(io.BytesIO(bytes(shown))).size == (1200, 1600) and b"SpyPhone" not in bytes(shown)
    expect(teacher.get_by_role("link", name="Picture: IMG_1.jpg")).to_have_attribute("rel", "noopener")


def test_files_can_be_dropped_and_pasted(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    hand(student, "dragenter", "#log")
    expect(student.locator("#drop")).to_be_visible()
    hand(student, "drop", "#log", "dropped.txt")
    expect(student.locator("#drop")).to_be_hidden()
    expect(teacher.locator("#said .file-row").filter(has_text="dropped.txt")).to_be_visible()
    hand(student, "paste", "#text", "pasted.txt")
    expect(teacher.locator("#said .file-row").filter(has_text="pasted.txt")).to_be_visible()
    teacher.get_by_role("button", name="End class").click()
    teacher.get_by_role("dialog").get_by_role("button", name="End class").click()
    expect(student.locator("#composer")).to_be_hidden()
    hand(student, "drop", "#log", "late.txt")
    expect(student.locator("#uploads li")).to_have_count(0)


def test_what_was_refused_says_why_and_what_broke_off_is_tried_again(server: ServerProcess, sign_in: SignIn) -> None:
    host, pupil = server.teacher(), server.student()
    room = host.rest.create_room()
    let_in(host, room["id"], pupil)
    student = in_room(sign_in, pupil, room["id"])
    hand(student, "drop", "#log", "page.html", "<b>no</b>")
    failed = student.locator("#uploads li.failed")
    expect(failed).to_contain_text("Files of this kind cannot be sent here")
    expect(student.locator("#uploads-said")).to_contain_text("page.html")
    expect(failed.get_by_role("button", name="Try again")).to_be_hidden()
    failed.get_by_role("button", name="Do not send page.html").click()
    expect(student.locator("#uploads li")).to_have_count(0)

    student.route(re.compile(r"/files/\?send"), lambda route: route.abort())
    hand(student, "drop", "#log", "later.txt")
    expect(student.locator("#uploads li")).to_contain_text("Trying again in a moment")
    student.unroute(re.compile(r"/files/\?send"))
    expect(student.locator("#said .file-row")).to_contain_text("later.txt")
    expect(student.locator("#uploads li")).to_have_count(0)
    assert [message["type"] for message in host.rest.room_log(room["id"])].count("file") == 1


def test_a_list_of_files_that_does_not_come_is_asked_for_again(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    choose(student, PDF)
    expect(teacher.locator("#said .file-row")).to_have_count(1)
    asked = re.compile(r"/files/\?limit")
    teacher.route(asked, lambda route: route.abort())
    teacher.get_by_role("button", name="Files", exact=True).click()
    expect(teacher.locator("#files-fault")).to_be_visible()
    teacher.unroute(asked)
    teacher.get_by_role("button", name="Try again").click()
    expect(teacher.locator("#files li")).to_have_count(1)
    expect(teacher.locator("#files-fault")).to_be_hidden()


def test_an_upload_shows_how_far_it_is_and_can_be_stopped(server: ServerProcess, sign_in: SignIn) -> None:
    host, pupil = server.teacher(), server.student()
    room = host.rest.create_room()
    let_in(host, room["id"], pupil)
    student = in_room(sign_in, pupil, room["id"])
    held: list[Route] = []
    student.route(re.compile(r"/files/\?send"), lambda route: hold(held, route, most=1))
    hand(student, "drop", "#log", "first.txt", "x" * 100_000)
    hand(student, "drop", "#log", "second.txt")
    rows = student.locator("#uploads li")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Waiting")
    expect(rows.nth(0).get_by_role("progressbar")).to_have_accessible_name("Progress of first.txt")
    rows.nth(0).get_by_role("button", name="Do not send first.txt").click()
    expect(student.locator("#said .file-row")).to_have_count(1)
    expect(student.locator("#said .file-row")).to_contain_text("second.txt")
    expect(rows).to_have_count(0)


def test_on_a_phone_a_photo_is_taken_and_the_files_are_a_pane(server: ServerProcess, sign_in: SignIn) -> None:
    host, pupil = server.teacher(), server.student()
    room = host.rest.create_room()
    let_in(host, room["id"], pupil)
    student = in_room(sign_in, pupil, room["id"], **PHONE)
    with student.expect_file_chooser() as chooser:
        student.get_by_role("button", name="Take a photo").tap()
    assert student.locator("#photo").get_attribute("capture") == "environment"
    chooser.value.set_files(PHOTO)  # type: ignore[arg-type]
    expect(student.locator("#said .picture img")).to_be_visible(timeout=PATIENCE_MS)
    student.get_by_role("button", name="Files").tap()
    expect(student.locator("#files li")).to_have_count(1)
    assert student.evaluate("document.documentElement.scrollWidth") <= 390
    assert room_id_of(student) == room["id"]


def test_the_words_are_german_on_a_german_page(server: ServerProcess, sign_in: SignIn) -> None:
    host, pupil = server.teacher(), server.student()
    room = host.rest.create_room()
    let_in(host, room["id"], pupil)
    page = in_room(sign_in, pupil, room["id"])
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.reload()
    expect(page.locator("#composer")).to_be_visible()
    hand(page, "drop", "#log", "seite.html")
    expect(page.locator("#uploads li")).to_contain_text("Dateien dieser Art lassen sich hier nicht senden")
    page.get_by_role("button", name="Dateien", exact=True).click()
    expect(page.locator("#no-files")).to_contain_text("Noch keine Dateien.")
