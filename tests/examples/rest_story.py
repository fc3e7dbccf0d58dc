"""A lesson over REST, for the examples of the OpenAPI document: every operation at least once, and every refusal that a
server that is well can be brought to.

    story.call("create_room", teacher, "a class", body={"title": "Class 7b"})

An endpoint that is added gets a line here; then `scripts/record_examples.py` writes what it answers.
"""

from __future__ import annotations

import base64
import io
import time
from typing import Any

from flask import Flask

from chatapp.contract.words import Role
from chatapp.domain import accounts, totp
from chatapp.domain.actor import OPERATOR
from chatapp.transports.rest import openapi
from tests.examples.standins import StandIns
from tests.support import samples

Json = dict[str, Any]
INVITE = "a-teacher-of-this-school"
SETTINGS = {"INVITE_CODE": INVITE, "LIMIT_PARTICIPANTS": "3", "LIMIT_OPEN_ROOMS": "2", "LIMIT_CODE_LOOKUPS": "2/hour"}
"""What makes the limits near enough to be met."""
PASSWORD = "correct horse battery staple"


class Story:
    """Calls operations of an app by name, and keeps what was said."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.document = app.extensions["chatapp.documents"].openapi()
        self.operations = {op["operationId"]: (path, method) for path, method, op in openapi.operations(self.document)}
        self.said: list[Json] = []
        self._tokens: dict[str, str] = {}

    def call(
        self,
        operation: str,
        who: str,
        title: str,
        *,
        status: int = 200,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        form: Json | None = None,
        path: dict[str, str] | None = None,
        more_headers: dict[str, str] | None = None,
        **sent: Any,
    ) -> Any:
        """Do it as `who` ("" is nobody), expect `status`, note it under `title`, return the answer."""
        template, method = self.operations[operation]
        headers = {"User-Agent": f"{who or 'somebody'}'s tablet"} | (more_headers or {})
        if who:
            headers["Authorization"] = f"Bearer {self._tokens[who]}"
        if body is not None:
            sent["json"] = body
        if form is not None:
            sent |= {"data": form, "content_type": "multipart/form-data"}
        response = self.app.test_client(use_cookies=False).open(
            template.format(**(path or {})), method=method.upper(), headers=headers, query_string=query, **sent
        )
        answer = response.get_json() if (response.mimetype or "").endswith("json") else None
        assert response.status_code == status, f"{operation}: {response.status_code} {answer}"
        noted = {"operation": operation, "title": title, "who": who, "path": path or {}}
        noted |= {"query": query} if query else {}
        noted |= {"body": body} if body is not None else {}
        self.said.append({**noted, "status": status, **({"answer": answer} if answer is not None else {})})
        return answer

    def refused(self, operation: str, who: str, code: str, status: int, **asked: Any) -> Any:
        """Do it and be told `code`."""
        answer = self.call(operation, who, code, status=status, **asked)
        assert answer["code"] == code, answer
        return answer

    def keep_token(self, who: str, token: str) -> None:
        """Go on as `who` with this token."""
        self._tokens[who] = token

    def keep(self, who: str, signed_in: Json) -> Json:
        """Go on as `who` with these tokens; the User."""
        self._tokens[who] = signed_in["access_token"]
        return dict(signed_in["user"])


def record(app: Flask) -> list[Json]:
    """Play it on an app of an empty school; what was said, with stand-ins."""
    story = Story(app)
    people = _arrive(story)
    room = _open(story)
    _let_in(story, room, people)
    _talk(story, room)
    _share(story, room)
    _part(story, room, people)
    _be_told(story, room)
    _send_a_program(story)
    _look_around(story)
    _forget(story, people)
    _say_no(story, room, people)
    _second_factor(story)
    standins = StandIns()
    return [standins.of(each) for each in story.said]


def _arrive(story: Story) -> dict[str, Json]:
    def register(who: str, name: str, title: str, **more: str) -> Json:
        body = {"username": who, "password": PASSWORD, "display_name": name, **more}
        return story.keep(who, story.call("register", "", title, status=201, body=body))

    people = {
        "ada": register("ada", "Ada Lovelace", "a teacher", invite_code=INVITE),
        "ben": register("ben", "Ben", "a student"),
        "cem": register("cem", "Cem", "another student"),
    }
    for name in ("dana", "eli"):
        accounts.create(OPERATOR, username=name, password=PASSWORD, role=Role.STUDENT)
        signed_in = story.call("login", "", f"{name} signs in", body={"username": name, "password": PASSWORD})
        people[name] = story.keep(name, signed_in)
    again = story.call("refresh", "", "a new pair", body={"refresh_token": story.said[0]["answer"]["refresh_token"]})
    story.keep("ada", again)
    story.call("show_me", "ben", "me")
    story.call("change_me", "ben", "another name", body={"display_name": "Benjamin"})
    story.call("make_ticket", "ben", "a ticket")
    return people


def _open(story: Story) -> dict[str, str]:
    created = story.call(
        "create_room",
        "ada",
        "a class",
        status=201,
        body={"title": "Class 7b: fractions", "description": "Bring your notes.", "host_grace_seconds": 60},
    )
    room = {"room_id": created["id"]}
    story.call("update_room", "ada", "another title", path=room, body={"title": "Class 7b: fractions and decimals"})
    renewed = story.call("renew_code", "ada", "a new code", path=room)
    story.call("find_by_code", "ben", "the class", path={"join_code": renewed["join_code"]})
    story.call("list_rooms", "ben", "all that are open", query={"limit": "10"})
    story.call("show_room", "ben", "a card for a stranger", path=room)
    story.call("show_room", "ada", "the room for its host", path=room)
    return room


def _let_in(story: Story, room: dict[str, str], people: dict[str, Json]) -> None:
    knocked = story.call("knock", "ben", "with a note", status=201, path=room, body={"note": "I am early"})
    story.call("knock", "ben", "again: the one that stands", path=room, body={})
    story.call("show_my_request", "ben", "it waits", path=room)
    story.call("list_requests", "ada", "who waits", path=room, query={"status": "pending"})
    story.call("approve", "ada", "one", path=room, body={"request_id": knocked["id"]})
    story.call("knock", "cem", "without a note", status=201, path=room, body={})
    story.call("withdraw", "cem", "I changed my mind", path=room)
    story.call("knock", "dana", "to be denied", status=201, path=room, body={})
    story.call("deny", "ada", "with a reason", path=room, body={"user_id": people["dana"]["id"], "reason": "Room 12"})
    story.call("list_participants", "ben", "who is here", path=room)


def _talk(story: Story, room: dict[str, str]) -> None:
    said = {"client_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "body": "A half is two quarters, @ada?"}
    story.call("send", "ben", "a text", status=201, path=room, body=said)
    story.call("send", "ben", "the same again", path=room, body=said)
    story.refused("send", "ben", "conflict", 409, path=room, body={**said, "body": "Something else"})
    story.call("send", "ada", "an answer", status=201, path=room, body={"client_id": "a1", "body": "Yes!"})
    story.call("show_history", "ben", "behind a seq", path=room, query={"after": "3", "limit": "2"})
    story.call("list_notifications", "ada", "what is new", query={"limit": "2"})
    story.call("mark_read", "ada", "up to here", body={"up_to_seq": 2})


def _share(story: Story, room: dict[str, str]) -> None:
    def form(content: bytes, name: str) -> Json:
        return {"file": (io.BytesIO(content), name)}

    sheet = story.call("upload", "ada", "a file", status=201, path=room, form=form(samples.PDF, "Fractions.pdf"))
    photo = story.call(
        "upload",
        "ben",
        "a picture, sent at once",
        status=201,
        path=room,
        query={"send": "true", "client_id": "b1"},
        form=form(samples.picture("PNG"), "board.png"),
    )
    story.call("list_files", "ada", "what was sent", path=room, query={"limit": "10"})
    story.call("download", "ben", "the bytes", path={"file_id": sheet["id"]})
    story.call("show_thumbnail", "ada", "the bytes", path={"file_id": photo["id"]})
    story.call("take_back", "ada", "what was not sent", status=204, path={"file_id": sheet["id"]})
    story.refused("take_back", "ben", "conflict", 409, path={"file_id": photo["id"]})
    beyond = {"Range": "bytes=100000-"}
    story.refused("download", "ben", "range_not_satisfiable", 416, path={"file_id": photo["id"]}, more_headers=beyond)


def _part(story: Story, room: dict[str, str], people: dict[str, Json]) -> None:
    story.call("knock", "cem", "once more", status=201, path=room, body={})
    story.call("approve", "ada", "everybody", path=room, body={"all": True})
    story.refused("approve", "ada", "not_pending", 409, path=room, body={"user_id": people["dana"]["id"]})
    story.call("knock", "eli", "at a full room", status=201, path=room, body={})
    story.refused("approve", "ada", "room_full", 409, path=room, body={"user_id": people["eli"]["id"]})
    removed = {"user_id": people["cem"]["id"], "reason": "Not in this class", "ban": True}
    story.call("remove", "ada", "for good", path=room, body=removed)
    story.call("list_bans", "ada", "who may not come back", path=room)
    story.call("unban", "ada", "cem may ask again", path=room, body={"user_id": people["cem"]["id"]})
    story.call("leave_room", "ben", "my place", path=room)
    story.call("export_room", "ada", "the class", path=room)
    story.call("close_room", "ada", "the class", path=room)
    story.refused("knock", "ben", "room_closed", 409, path=room, body={})
    story.call("reopen_room", "ada", "the class", path=room)


def _be_told(story: Story, room: dict[str, str]) -> None:
    asked = {"url": "https://hooks.example.org/class-7b", "room_id": room["room_id"]}
    hook = {"webhook_id": story.call("create_webhook", "ada", "of a room", status=201, body=asked)["id"]}
    story.call("list_webhooks", "ada", "mine")
    story.call("show_webhook", "ada", "one", path=hook)
    story.call("update_webhook", "ada", "off for a while", path=hook, body={"enabled": False})
    story.call("renew_webhook_secret", "ada", "a new secret", path=hook)
    story.call("list_deliveries", "ada", "nothing yet", path=hook)
    again = {"room_id": room["room_id"], "after": 0}
    story.call("replay_webhook", "ada", "the whole room", path=hook, body=again)
    story.call("delete_webhook", "ada", "this one", status=204, path=hook)


def _send_a_program(story: Story) -> None:
    asked = {
        "name": "timetable",
        "scopes": ["rooms:read", "rooms:write"],
        "days": 30,
        "current_password": PASSWORD,
    }
    token = story.call("create_token", "ada", "for a program", status=201, body=asked)
    story.keep_token("a program", token["token"])
    story.call("list_rooms", "a program", "with a token")
    story.refused("show_me", "a program", "forbidden", 403)
    story.call("list_tokens", "ada", "mine")
    story.call("revoke_token", "ada", "this one", status=204, path={"token_id": token["id"]})


def _look_around(story: Story) -> None:
    sessions = story.call("list_sessions", "dana", "on my devices")
    story.call("end_session", "dana", "this one", status=204, path={"session_id": sessions["items"][0]["id"]})
    story.call("logout", "eli", "everywhere", status=204)
    story.call("live", "", "alive")
    story.call("ready", "", "ready")


def _forget(story: Story, people: dict[str, Json]) -> None:
    accounts.create(OPERATOR, username="fay", password=PASSWORD, role=Role.ADMIN)
    story.keep("fay", story.call("login", "", "an administrator", body={"username": "fay", "password": PASSWORD}))
    story.call("export_me", "ben", "everything about me")
    story.call("export_person", "fay", "everything about somebody", path={"user_id": people["dana"]["id"]})
    story.call("erase", "fay", "who asked for it", path={"user_id": people["dana"]["id"]})


def _say_no(story: Story, room: dict[str, str], people: dict[str, Json]) -> None:
    nowhere = {"room_id": "a" * 20}
    story.refused("create_room", "ada", "invalid_payload", 400, body={"title": "x", "colour": "red"})
    story.refused("list_rooms", "eli", "unauthorized", 401)
    story.refused("create_room", "ben", "forbidden", 403, body={"title": "My own class"})
    story.refused("show_history", "ben", "not_found", 404, path=nowhere)
    story.call("create_room", "ada", "another class", status=201, body={"title": "Class 8a"})
    story.refused("create_room", "ada", "limit_reached", 409, body={"title": "One too many"})
    story.refused("send", "ada", "too_large", 413, path=room, body={"client_id": "a2", "body": "x" * 4001})
    story.refused("knock", "ben", "unsupported_media_type", 415, path=room, data="note=hello")
    story.call("find_by_code", "ben", "the other class", path={"join_code": _code(story)})
    story.refused("find_by_code", "ben", "rate_limited", 429, path={"join_code": "ABCDEF"})


def _second_factor(story: Story) -> None:
    made = story.call("set_up_second_factor", "ada", "for my app", status=201, body={"current_password": PASSWORD})
    otp = totp.code(base64.b32decode(made["setup_key"]), totp.step_at(time.time()))
    codes = story.call("confirm_second_factor", "ada", "my app works", body={"otp": otp})["recovery_codes"]
    story.call("show_second_factor", "ada", "it is on")
    ada = {"username": "ada", "password": PASSWORD}
    story.refused("login", "", "unauthorized", 401, body=ada)
    story.call("login", "", "with a recovery code", body={**ada, "otp": codes[0]})
    off = {"current_password": PASSWORD, "otp": codes[1]}
    story.call("remove_second_factor", "ada", "no app any more", status=204, body=off)


def _code(story: Story) -> str:
    return str(next(each["answer"]["join_code"] for each in reversed(story.said) if each["title"] == "another class"))
