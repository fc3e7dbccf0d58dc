"""Webhooks of a real server, to a real receiver: signed, in order, again after failures, on through a kill."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from tests.support.receiver import Receiver
from tests.support.server import StartServer
from tests.support.wait import eventually

pytestmark = pytest.mark.service

ENV = {"WEBHOOK_PRIVATE": "true", "WEBHOOK_POLL_SECONDS": "0.1", "WEBHOOK_RETRY_SECONDS": "0.2"}


def test_a_class_is_told_to_a_program_signed_and_in_order(start_server: StartServer, receiver: Receiver) -> None:
    server = start_server(**ENV)
    teacher = server.teacher()
    room = teacher.rest.create_room()["id"]
    hook = teacher.rest.post("/api/webhooks/", {"url": receiver.url, "room_id": room}).ok(201)
    teacher.rest.say(room, *(f"line {number}" for number in range(10)))
    eventually(lambda: len(receiver.got) >= 10, message=lambda: str(receiver.seqs()))
    assert receiver.seqs() == list(range(2, 12))
    for headers, body in receiver.got:
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    path = f"/api/webhooks/{hook['id']}/deliveries/"
    eventually(lambda: len(teacher.rest.get(path).ok()["items"]) == 10)
    assert hook["secret"] not in server.log()


def test_a_receiver_that_fails_and_a_server_that_is_killed_cost_nothing_and_mix_nothing_up(
    start_server: StartServer, receiver: Receiver
) -> None:
    server = start_server(**ENV)
    teacher = server.teacher()
    room = teacher.rest.create_room()["id"]
    hook = teacher.rest.post("/api/webhooks/", {"url": receiver.url, "room_id": room}).ok(201)
    receiver.status = 503
    teacher.rest.say(room, *(f"line {number}" for number in range(5)))
    shown = f"/api/webhooks/{hook['id']}/"
    eventually(lambda: teacher.rest.get(shown).ok()["failing_since"])
    server.kill()
    receiver.status = 200
    server.start()
    # The lease of the killed worker has to run out first.
    eventually(lambda: receiver.seqs() == [2, 3, 4, 5, 6], within=40, message=lambda: str(receiver.seqs()))
    eventually(lambda: teacher.rest.get(shown).ok()["failing_since"] is None)
    teacher.rest.post(f"{shown}replay/", {"room_id": room, "after": 3}).ok(200)
    eventually(lambda: receiver.seqs() == [2, 3, 4, 5, 6, 4, 5, 6], message=lambda: str(receiver.seqs()))


def test_nothing_is_sent_to_this_machine_unless_that_is_allowed(start_server: StartServer, receiver: Receiver) -> None:
    server = start_server(**{**ENV, "WEBHOOK_PRIVATE": "false"})
    teacher = server.teacher()
    room = teacher.rest.create_room()["id"]
    assert teacher.rest.post("/api/webhooks/", {"url": receiver.url, "room_id": room}).code == "invalid_payload"
    address = receiver.url.replace("http://127.0.0.1", "https://localhost")
    hook = teacher.rest.post("/api/webhooks/", {"url": address, "room_id": room}).ok(201)
    teacher.rest.send(room, "c1", "hello").ok(201)
    path = f"/api/webhooks/{hook['id']}/deliveries/"
    tried = eventually(lambda: teacher.rest.get(path).ok()["items"])
    assert tried[0]["fault"] == "private_address" and receiver.got == []
