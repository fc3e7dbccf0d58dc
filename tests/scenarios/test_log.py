"""What a server says of a whole run: one line for each command and request, and nothing of what people said or know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.scenarios.classroom import room_with
from tests.support.people import PASSWORD, Person
from tests.support.rawsocket import EnginePolling, RawWebSocket, RefusedError, http, sio_connect, sio_event
from tests.support.server import ServerProcess
from tests.wire.line import Line

pytestmark = pytest.mark.service

SERVER_ENV = {
    "LOG_LEVEL": "DEBUG",
    "LIMIT_SENDS": "1000/second",
    "LIMIT_SENDS_BURST": "1000",
    "INVITE_CODE": "aardvark-invites",
}

SECRET = "aardvark"
"""Is in every text that somebody types in this run, and in nothing else."""


@contextmanager
def page(server: ServerProcess) -> Iterator[requests.Session]:
    """A browser's requests, as far as cookies and forms go."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def token_in(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def everything_over_rest(server: ServerProcess, teacher: Person, student: Person, room_id: str) -> list[str]:
    """What a person can type, and mistype, over REST. The secrets that were handed out."""
    rest = student.rest
    rest.call("PATCH", "/api/users/me/", {"display_name": f"{SECRET}-name"}).ok()
    rest.call("PATCH", "/api/users/me/", {"password": f"{SECRET}-new", "current_password": f"{SECRET}-old"})
    made = rest.register(f"{SECRET}-newcomer", f"{SECRET}-password", invite_code=f"{SECRET}-invites").ok(201)
    rest.register(f"{SECRET}-newcomer", f"{SECRET}-password")
    rest.login(student.username, f"{SECRET}-wrong")
    rest.login(f"{SECRET}-nobody", f"{SECRET}-wrong")
    fresh = rest.refresh(made["refresh_token"]).ok()
    rest.refresh(made["refresh_token"])
    rest.send(room_id, "one", f"{SECRET} says so").ok()
    rest.send(room_id, "one", f"{SECRET} says otherwise")
    rest.call("POST", f"/api/chat/{room_id}/messages/", {"client_id": "two", "body": f"{SECRET}\x00\r\nforged line"})
    rest.call("POST", f"/api/chat/{room_id}/messages/", {SECRET: SECRET})
    rest.call("GET", f"/api/chat/{SECRET}/?token={SECRET}&{SECRET}=1")
    rest.call("GET", "/api/chat/", token=f"eyJ{SECRET}.eyJ{SECRET}.{SECRET}")
    rest.get(f"/api/chat/by-code/{SECRET}/")
    teacher.rest.update_room(room_id, title=f"{SECRET} class", description=f"{SECRET} description").ok()
    stranger = server.student()
    stranger.rest.knock(room_id, note=f"{SECRET} note").ok()
    teacher.rest.deny(room_id, user_id=stranger.id, reason=f"{SECRET} reason").ok()
    for body in (f'{{"body": "{SECRET}"', f'"{SECRET}"', f"{SECRET}"):
        json_type = {"Content-Type": "application/json"}
        http(server.address, "POST", "/api/auth/login/", headers=json_type, body=body.encode())
    headers = {"Cookie": f"chatapp={SECRET}", "User-Agent": SECRET}
    http(server.address, "GET", f"/{SECRET}/?ticket={SECRET}", headers=headers)
    return [*(made[name] for name in ("access_token", "refresh_token")), fresh["access_token"], fresh["refresh_token"]]


def everything_over_sockets(server: ServerProcess, student: Person, room_id: str) -> list[str]:
    """The same over all kinds of sockets, with what is no packet at all."""
    ticket = student.rest.ticket()
    message = {"room_id": room_id, "body": f"{SECRET} over a socket"}
    with Line.open(server, student) as line:
        line.enter(room_id)
        assert line.code("message_send", {**message, "client_id": "sio"}) == "ok"
        assert line.code("message_send", {**message, "client_id": SECRET * 20}) == "invalid_payload"
        assert line.code(SECRET, {}) == "unknown_command"
        assert line.code("token_refresh", {"token": f"{SECRET}.token"}) == "unauthorized"
        line.ws.send_packet(f'42/chat,["{SECRET}"]')
        line.ws.wait_cut(5)
    with Line.open(server) as line:
        assert line.connect({"token": f"eyJ{SECRET}"}).type == 4
        assert line.connect({SECRET: SECRET}).type == 4
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?ticket={ticket}") as ws:
        ws.json()
        ws.send_json({"ref": f"{SECRET} ref", "command": "message_send", "data": {**message, "client_id": "plain"}})
        while ws.json().get("ref") != f"{SECRET} ref":
            pass
        ws.send_text(SECRET)
        ws.wait_close(5)
    with RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token=eyJ{SECRET}.{SECRET}") as ws:
        ws.wait_close(5)
    polling = EnginePolling.open(server.address)
    polling.post(sio_connect("/chat", {"token": student.token}))
    polling.post(sio_event("/chat", "message_send", {**message, "client_id": "polling"}, ack=1))
    while not any(packet.startswith("43/chat,1") for packet in polling.get()):
        pass
    with pytest.raises(RefusedError):
        RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={SECRET}", headers={"Origin": f"http://{SECRET}"})
    return [ticket]


def everything_on_pages(server: ServerProcess, student: Person, room_id: str) -> list[str]:
    """Sign in on the page, rightly and wrongly, and do something."""
    with page(server) as browser:
        form = {"csrf_token": token_in(browser.get(f"{server.url}/").text), "username": student.username}
        browser.post(f"{server.url}/sign-in/", {**form, "password": f"{SECRET}-wrong"})
        form["csrf_token"] = token_in(browser.get(f"{server.url}/").text)
        assert browser.post(f"{server.url}/sign-in/", {**form, "password": PASSWORD}).status_code == 200
        profile = browser.get(f"{server.url}/me/?{SECRET}={SECRET}").text
        named = {"csrf_token": token_in(profile), "display_name": f"{SECRET}-page"}
        assert browser.post(f"{server.url}/me/name/", named).status_code == 200
        headers = {"X-CSRF-Token": token_in(browser.get(f"{server.url}/me/").text)}
        given = browser.post(f"{server.url}/session/token/", headers=headers).json()["access_token"]
        return [given, str(browser.cookies["chatapp"]), headers["X-CSRF-Token"]]


def test_a_whole_run_tells_no_secret(server: ServerProcess) -> None:
    teacher, student = server.teacher(), server.student()
    student = Person.signed_in(server.url, student.username, PASSWORD)
    room_id = room_with(teacher, [student], title=f"{SECRET} title")
    handed_out = [student.token, PASSWORD, server.env["SECRET_KEY"], server.env["JWT_SECRET_KEY"]]
    handed_out += everything_over_rest(server, teacher, student, room_id)
    handed_out += everything_over_sockets(server, student, room_id)
    handed_out += everything_on_pages(server, student, room_id)
    figures = http(server.address, "GET", "/metrics").body.decode()
    said = server.log()
    for text in (said, figures):
        assert SECRET not in text.lower()
        for secret in handed_out:
            assert secret not in text
            assert secret.rsplit(".", 1)[-1] not in text, "the signature alone"
    assert_every_command_has_its_line(said, student, room_id)


def assert_every_command_has_its_line(said: str, student: Person, room_id: str) -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(lines) == sum(bool(line) and not line.startswith("chatapp listens on ") for line in said.splitlines())
    mine = [line for line in lines if line.get("actor_id") == student.id]
    assert all(line["request_id"] and "ms" in line for line in lines if line["event"] == "request")
    commands = [line for line in mine if line["event"] == "command"]
    assert all(line["connection_id"] and "ms" in line for line in commands)
    done = {(line["command"], line["outcome"]) for line in commands}
    assert {("room_enter", "ok"), ("message_send", "ok"), ("message_send", "invalid_payload")} <= done
    assert ("token_refresh", "unauthorized") in done
    assert sum(line["command"] == "message_send" and line["outcome"] == "ok" for line in commands) == 3
    asked = {(line["command"], line["outcome"]) for line in mine if line["event"] == "request"}
    assert {("Messages.send", 201), ("Messages.send", 409), ("Messages.send", 400)} <= asked
    assert ("pages.profile.rename", 303) in asked
