"""Programs on the page of their owner: a token made, used and revoked; a webhook that is told what happens."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from chatapp.contract import hooks
from tests.browser.lesson import SignIn
from tests.support.clients.rest import Rest
from tests.support.receiver import Receiver
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = pytest.mark.service
SERVER_ENV = {
    "WEBHOOK_PRIVATE": "true",
    "WEBHOOK_POLL_SECONDS": "0.1",
    "WEBHOOK_RETRY_SECONDS": "600",
    "LIMIT_WEBHOOKS": "60",
}


def test_a_token_is_made_seen_once_used_and_revoked(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Told to a program")
    page = sign_in(host, at="/me/")
    page.get_by_role("link", name="API tokens and webhooks").click()
    page.get_by_label("Name of the program").fill("Timetable")
    page.get_by_label("See rooms and their settings").check()
    page.get_by_label("Current password").fill(host.password)
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("status").first).to_contain_text("it is not shown again")
    token = page.locator("#secret").inner_text()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token

    program = Rest(server.url, lambda: token)
    assert program.room(room["id"])["title"] == "Told to a program"
    assert program.send(room["id"], "c1", "hello").code == "forbidden"
    page.goto(f"{server.url}/me/programs/")
    expect(page.locator("#secret")).to_have_count(0)
    assert token not in page.content()
    row = page.get_by_role("listitem").filter(has_text="Timetable")
    expect(row).to_contain_text("See rooms and their settings")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("That token is good for nothing any more.")).to_be_visible()
    expect(row).to_have_count(0)
    assert program.get(f"/api/chat/{room['id']}/").code == "unauthorized"


def test_a_webhook_is_registered_its_deliveries_are_seen_and_one_is_sent_again(
    server: ServerProcess, sign_in: SignIn, receiver: Receiver
) -> None:
    host = server.teacher()
    first, second = (str(host.rest.create_room(title)["id"]) for title in ("Physics 8b", "Chemistry 9a"))
    page = sign_in(host, at="/me/programs/")
    page.get_by_label("Address").fill("ftp://example.org/")
    page.get_by_label("What it is told").select_option("Physics 8b")
    page.get_by_role("button", name="Register a webhook").click()
    expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("What it is told")).to_have_value(first)
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_role("button", name="Register a webhook").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    hook = page.get_by_role("listitem").filter(has_text=receiver.url)
    expect(hook).to_contain_text("Physics 8b")
    hook.get_by_role("link").click()
    expect(page.get_by_text("Nothing yet. What is written")).to_be_visible()

    host.rest.say(second, "not for it")
    host.rest.say(first, "Good morning!")
    eventually(lambda: receiver.seqs() == [2], message=lambda: str(receiver.seqs()))
    deliveries = page.get_by_role("region", name="Deliveries").get_by_role("listitem")
    eventually(lambda: page.reload() and deliveries.count() == 1)
    expect(deliveries).to_contain_text("Delivered")
    deliveries.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It will be sent again in a moment.")).to_be_visible()
    eventually(lambda: receiver.seqs() == [2, 2], message=lambda: str(receiver.seqs()))

    page.get_by_role("button", name="New secret").click()
    secret = page.locator("#secret").inner_text()
    page.goto(page.url.removesuffix("secret/"))
    expect(page.locator("#secret")).to_have_count(0)
    host.rest.say(first, "Signed anew")
    eventually(lambda: receiver.seqs() == [2, 2, 3], message=lambda: str(receiver.seqs()))
    told, body = receiver.got[-1]
    message_id, moment = told["webhook-id"].removeprefix("msg_"), int(told["webhook-timestamp"])
    assert told["webhook-signature"] == hooks.headers(secret, message_id, moment, body)["webhook-signature"]

    receiver.status = 503
    host.rest.say(first, "Is anybody there?")
    eventually(lambda: page.reload() and "Refused with 503" in deliveries.first.inner_text())
    expect(page.get_by_text("Fails since")).to_be_visible()
    receiver.status = 204
    deliveries.first.get_by_role("button", name="Send again").click()
    eventually(lambda: receiver.seqs() == [2, 2, 3, 4], message=lambda: str(receiver.seqs()))
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Switched off by hand.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("That webhook is deleted.")).to_be_visible()
    assert host.rest.get("/api/webhooks/").ok()["items"] == []


def test_more_webhooks_than_a_page_holds_are_all_to_be_found(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Told to many")["id"]
    for number in range(51):
        host.rest.post("/api/webhooks/", {"url": f"http://127.0.0.1/{number}", "room_id": room}).ok(201)
    page = sign_in(host, at="/me/programs/")
    hooks = page.get_by_role("region", name="Webhooks").get_by_role("listitem")
    expect(hooks).to_have_count(50)
    page.get_by_role("link", name="Show more").click()
    expect(hooks).to_have_count(1)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    expect(page.get_by_role("heading", name="Webhooks")).to_be_in_viewport()
