"""A walk through what one sets up for oneself: the second step of signing in, API tokens, webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.inspector import Inspector
from tests.browser.lesson import SignIn, call
from tests.browser.phone_app import PhoneApp
from tests.support.receiver import Receiver
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
SERVER_ENV = {"WEBHOOK_PRIVATE": "true", "WEBHOOK_POLL_SECONDS": "0.1", "WEBHOOK_RETRY_SECONDS": "600"}
PATIENCE_MS = 60_000


def test_the_second_step(server: ServerProcess, sign_in: SignIn, options: dict[str, Any], inspector: Inspector) -> None:
    look = inspector.look
    host = server.teacher()
    call(host, "Ms Rivera")
    page = sign_in(host, at="/me/", **options)
    look(page, "me-teacher")
    page.get_by_role("region", name="Second step").get_by_label("Current password").fill("not hers")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("Wrong.")).to_be_visible()
    look(page, "second-step-password-wrong")
    page.get_by_role("region", name="Second step").get_by_label("Current password").fill(host.password)
    page.get_by_role("button", name="Set up").click()
    app = PhoneApp(page.locator(".school-password").inner_text())
    look(page, "second-step")
    page.get_by_label("Code", exact=True).fill("never right")
    page.get_by_role("button", name="Turn on").click()
    look(page, "second-step-wrong")
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    look(page, "recovery-codes")
    page.get_by_role("link", name="Done").click()
    look(page, "me-second-step-on")

    page.context.clear_cookies()
    page.goto(server.url)
    page.get_by_label("Username").fill(host.username)
    page.get_by_label("Password").fill(host.password)
    page.get_by_role("button", name="Sign in").click()
    look(page, "sign-in-code")
    page.get_by_label("Code", exact=True).fill("never right")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This code is not right")).to_be_visible()
    look(page, "sign-in-code-wrong")
    assert inspector.faults == [], "\n".join(inspector.faults)


def test_programs(
    server: ServerProcess, sign_in: SignIn, receiver: Receiver, options: dict[str, Any], inspector: Inspector
) -> None:
    look = inspector.look
    host = server.teacher()
    call(host, "Ms Rivera")
    page = sign_in(host, at="/me/programs/", **options)
    look(page, "programs-first-use")
    page.get_by_label("Name of the program").fill("Timetable of the school, on the screen in the hall")
    page.get_by_label("Current password").fill(host.password)
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text("Choose what it may do.")).to_be_visible()
    look(page, "programs-refused")
    page.get_by_label("rooms:read").check()
    page.get_by_label("Current password").fill(host.password)
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator(".school-password")).to_be_visible()
    look(page, "programs-token")

    room_id = str(host.rest.create_room("Physics 8b: falling things")["id"])
    page.goto(f"{server.url}/me/programs/")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_role("button", name="Register a webhook").click()
    expect(page.locator(".school-password")).to_be_visible()
    look(page, "programs-webhook")
    page.goto(f"{server.url}/me/programs/")
    look(page, "programs")
    page.get_by_role("link", name=receiver.url).click()
    look(page, "webhook-nothing-yet")
    host.rest.say(room_id, "Good morning!")
    eventually(lambda: receiver.got)
    receiver.status = 503
    host.rest.say(room_id, "Is anybody there?")
    deliveries = page.get_by_role("region", name="Deliveries").get_by_role("listitem")
    for _ in range(100):
        page.reload()
        if "Refused with 503" in deliveries.first.inner_text():
            break
        page.wait_for_timeout(200)
    look(page, "webhook-fails")
    page.get_by_role("button", name="Send again").first.click()
    expect(page.get_by_text("It will be sent again in a moment.")).to_be_visible()
    look(page, "webhook-again")
    page.get_by_role("button", name="New secret").click()
    expect(page.locator("#secret")).to_be_visible()
    look(page, "webhook-secret")
    page.goto(page.url.removesuffix("secret/"))
    page.get_by_role("button", name="Switch off").click()
    look(page, "webhook-off")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("That webhook is deleted.")).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    look(page, "programs-revoked")
    assert inspector.faults == [], "\n".join(inspector.faults)
