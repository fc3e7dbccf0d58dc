"""A walk through what one sees before anything is there, and when something is wrong, with the inspector."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import create_engine, text

from tests.browser.inspector import Inspector
from tests.browser.lesson import SignIn, call, hold, let_in, message
from tests.support.server import ServerProcess, StartServer

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]


def test_before_the_conversation_is_there_and_after_signing_out_elsewhere(
    server: ServerProcess, sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    host, guest = server.teacher(), server.student()
    call(host, "Ms Rivera")
    call(guest, "Ada")
    room_id = str(host.rest.create_room("Physics 8b: falling things")["id"])
    let_in(host, room_id, guest)
    host.rest.say(room_id, "Good morning!")
    page = sign_in(host, **options)
    held: list[Route] = []
    page.route(re.compile("/token/$"), lambda route: hold(held, route))
    page.goto(f"{server.url}/rooms/{room_id}/")
    expect(page.locator("#loading")).to_be_visible()
    inspector.look(page, "room-loading")
    expect(page.locator("#connection")).to_contain_text("Connecting")
    inspector.look(page, "room-connecting")
    for route in held:
        route.continue_()
    page.unroute(re.compile("/token/$"))
    expect(message(page, "Good morning!")).to_be_visible()
    expect(page.locator("#connection")).to_be_hidden()

    page.context.request.post(f"{server.url}/sign-out/", form={"csrf_token": csrf_token(page)})
    expect(page.locator("#signed-out")).to_be_visible()
    inspector.look(page, "signed-out")
    assert inspector.faults == [], "\n".join(inspector.faults)


def csrf_token(page: Page) -> str:
    return str(page.locator('meta[name="csrf-token"]').get_attribute("content"))


def test_a_server_in_trouble(
    start_server: StartServer, sign_in: SignIn, options: dict[str, Any], inspector: Inspector
) -> None:
    server = start_server()
    host = server.teacher()
    page = sign_in(host, **options)
    rename(server, "rooms", "mislaid")
    page.reload()
    expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    inspector.look(page, "something-went-wrong")
    rename(server, "mislaid", "rooms")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="Rooms", exact=True)).to_be_visible()
    server.kill()  # its log has a traceback, as it should
    assert inspector.faults == [], "\n".join(inspector.faults)


def rename(server: ServerProcess, table: str, to: str) -> None:
    """A database in which something is not as it was."""
    engine = create_engine(server.env["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))
    engine.dispose()
