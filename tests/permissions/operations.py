"""Every endpoint, command and page, as one act of somebody in the world, and what came of it in one word."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chatapp.contract.commands import COMMANDS
from chatapp.contract.errors import Code
from chatapp.contract.names import CHAT
from tests.permissions.world import Relation, World
from tests.realtime.doubles import Ears
from tests.support.school import PASSWORD, check_answer
from tests.transports.ws.test_room_endpoint import Wire, a_connection

Json = dict[str, Any]
Fill = Callable[[World, Relation], Json | None]

NAMES = {400: "invalid_payload", 403: "forbidden", 404: "not_found", 409: "conflict", 429: "rate_limited"}
REFUSALS = {code.value for code in Code} | {"sign in", "4401", "4403", "4404"}
"""What leaves everything as it was."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Operation:
    """`act` does it as somebody and tells "ok", a word for what was shown, or the code of the refusal."""

    group: str
    name: str
    act: Callable[[World, Relation], str]


def nothing(world: World, relation: Relation) -> Json | None:
    return None


def rest(
    endpoint: str,
    fill: Fill = nothing,
    *,
    query: str = "",
    shows: Callable[[Json], str] | None = None,
    form: Callable[[], Json] | None = None,
) -> Operation:
    """A REST endpoint by `METHOD path`; `<room>` and the like in it are the world's."""
    method, path = endpoint.split(" ")

    def act(world: World, relation: Relation) -> str:
        person = world.people.get(relation)
        client = world.house.app.test_client(use_cookies=False)
        filled = _filled(path + query, world, relation)
        body = fill(world, relation)
        sent: Json = {} if body is None else {"json": body}
        if form is not None:
            sent = {"data": form()}
        answer = client.open(filled, method=method, headers=person.bearer if person else {}, **sent)
        data: Any = answer.get_json() if (answer.mimetype or "").endswith("json") else answer.get_data()
        check_answer(world.house.app, method, filled, answer, data)
        if answer.status_code >= 400:
            return str(data["code"])
        return "ok" if shows is None else shows(data)

    return Operation("REST", endpoint, act)


def command(name: str, fill: Fill, *, enters: bool = False) -> Operation:
    """A socket's command, in its first namespace; the plain WebSocket hands the same to the same gateway."""

    def act(world: World, relation: Relation) -> str:
        session_id = world.session_id(relation)
        person = world.people.get(relation)
        ears = Ears(person.id if person else "", session_id=session_id or "none")
        world.runtime.hub.add(ears)
        try:
            if enters:
                world.runtime.gateway.dispatch(ears, CHAT, "room_enter", {"room_id": world.room_id}, None)
            data = fill(world, relation) or {}
            world.runtime.gateway.dispatch(ears, COMMANDS[name].namespaces[0], name, data, 1)
        finally:
            world.runtime.hub.remove(ears.id)
        answer = next(data for kind, data in ears.heard if kind == "ack" and data["ref"] == 1)
        return "ok" if answer["ok"] else str(answer["error"]["code"])

    return Operation("Socket commands", name, act)


def plain_websocket() -> Operation:
    """Opening a plain WebSocket."""

    def act(world: World, relation: Relation) -> str:
        wire = Wire()
        connection = a_connection(wire)
        person = world.people.get(relation)
        query = {} if person is None else {"token": person.tokens["access_token"]}
        world.runtime.endpoint.open(connection, world.room_id, query, "192.0.2.1")
        world.runtime.hub.remove(connection.id)
        welcomed = any(text.get("event") == "welcome" for text in wire.texts)
        return " then ".join([*(["ok"] if welcomed else []), *([str(wire.code)] if wire.code else [])])

    return Operation("Plain WebSocket", "open ws/chat/<room>/", act)


def page(endpoint: str, fill: Fill = nothing, *, query: str = "") -> Operation:
    """A page or a form of one, by a browser that holds a sign-in and the page's token."""
    method, path = endpoint.split(" ")

    def act(world: World, relation: Relation) -> str:
        client = world.house.app.test_client()
        token = _sign_in(client, world.session_id(relation))
        form = {"csrf_token": token, **(fill(world, relation) or {})}
        filled = _filled(path + query, world, relation)
        sent: Json = {"data": form} if method == "POST" else {}
        answer = client.open(filled, method=method, **sent)
        return _of_page(answer)

    return Operation("Pages", endpoint, act)


def _sign_in(client: FlaskClient, session_id: str) -> str:
    with client.session_transaction() as cookie:
        cookie["csrf"] = "a-token"
        if session_id:
            cookie["sid"] = session_id
    return "a-token"


def _of_page(answer: TestResponse) -> str:
    if answer.status_code == 303:
        to = answer.headers["Location"]
        return "sign in" if to == "/" or to.startswith("/?next=") else "ok"
    if answer.status_code == 401:
        return "unauthorized"
    return NAMES.get(answer.status_code, "ok" if answer.status_code < 300 else str(answer.status_code))


def _filled(path: str, world: World, relation: Relation) -> str:
    own = {
        "<room>": world.room_id,
        "<code>": str(world.room["join_code"]),
        "<session>": world.session_id(relation) or "a" * 20,
        "<another's session>": world.waiting.actor.session_id,
        "<user>": world.classmate.id,
        "<file>": world.file_id,
        "<webhook>": world.webhook_id,
        "<token>": world.token_id,
    }
    for name, value in own.items():
        path = path.replace(name, value)
    return path


def room(**more: Any) -> Fill:
    """A command's fields: the room, and these."""
    return lambda world, relation: {"room_id": world.room_id, **_made(more, world, relation)}


def fields(**more: Any) -> Fill:
    return lambda world, relation: _made(more, world, relation)


def _made(more: Json, world: World, relation: Relation) -> Json:
    return {name: value(world, relation) if callable(value) else value for name, value in more.items()}


def the_room(world: World, _: Relation) -> str:
    return world.room_id


def the_delivery(world: World, _: Relation) -> str:
    return str(world.delivery_id)


def waiting(world: World, _: Relation) -> str:
    return world.waiting.id


def classmate(world: World, _: Relation) -> str:
    return world.classmate.id


def outcast(world: World, _: Relation) -> str:
    return world.outcast.id


def new_id(*_: Any) -> str:
    return f"n{next(_numbers)}"


def a_file() -> Json:
    return {"file": (io.BytesIO(b"some notes"), "notes.txt")}


def own_token(world: World, relation: Relation) -> str:
    person = world.people.get(relation)
    return "none" if person is None else str(person.tokens["access_token"])


def card_or_room(body: Json) -> str:
    return "room" if "head" in body else "card"


OPERATIONS: tuple[Operation, ...] = (
    rest("GET /api/chat/"),
    rest("POST /api/chat/create/", fields(title="New")),
    rest("GET /api/chat/by-code/<code>/"),
    rest("GET /api/chat/<room>/", shows=card_or_room),
    rest("PATCH /api/chat/<room>/", fields(title="Other")),
    rest("POST /api/chat/<room>/code/"),
    rest("POST /api/chat/<room>/join/"),
    rest("GET /api/chat/<room>/join/"),
    rest("DELETE /api/chat/<room>/join/"),
    rest("GET /api/chat/<room>/requests/"),
    rest("POST /api/chat/<room>/approve/", fields(user_id=waiting)),
    rest("POST /api/chat/<room>/deny/", fields(user_id=waiting)),
    rest("POST /api/chat/<room>/remove/", fields(user_id=classmate)),
    rest("GET /api/chat/<room>/bans/"),
    rest("POST /api/chat/<room>/unban/", fields(user_id=outcast)),
    rest("GET /api/chat/<room>/export/"),
    rest("POST /api/chat/<room>/leave/"),
    rest("POST /api/chat/<room>/close/"),
    rest("POST /api/chat/<room>/reopen/"),
    rest("GET /api/chat/<room>/participants/"),
    rest("GET /api/chat/<room>/messages/"),
    rest("POST /api/chat/<room>/messages/", fields(client_id=new_id, body="hello")),
    rest("POST /api/chat/<room>/files/", form=a_file),
    rest("GET /api/chat/<room>/files/"),
    rest("GET /api/files/<file>/"),
    rest("DELETE /api/files/<file>/"),
    rest("GET /api/files/<file>/thumbnail/"),
    rest("GET /api/notifications/"),
    rest("POST /api/notifications/read/", fields(up_to_seq=0)),
    rest("GET /api/users/me/export/"),
    rest("GET /api/users/<user>/export/"),
    rest("DELETE /api/users/<user>/"),
    rest("GET /api/users/me/"),
    rest("PATCH /api/users/me/", fields(display_name="New name")),
    rest("GET /api/users/me/second-factor/"),
    rest("POST /api/users/me/second-factor/", fields(current_password=PASSWORD)),
    rest("POST /api/users/me/second-factor/confirm/", fields(otp="000000")),
    rest("POST /api/users/me/second-factor/remove/", fields(current_password=PASSWORD, otp="000000")),
    rest("POST /api/auth/logout/"),
    rest("GET /api/auth/sessions/"),
    rest("DELETE /api/auth/sessions/<session>/"),
    rest("POST /api/auth/ticket/"),
    rest("GET /api/webhooks/"),
    rest("POST /api/webhooks/", fields(url="https://hooks.example.org/", room_id=the_room)),
    rest("GET /api/webhooks/<webhook>/"),
    rest("PATCH /api/webhooks/<webhook>/", fields(enabled=False)),
    rest("DELETE /api/webhooks/<webhook>/"),
    rest("POST /api/webhooks/<webhook>/secret/"),
    rest("GET /api/webhooks/<webhook>/deliveries/"),
    rest("POST /api/webhooks/<webhook>/replay/", fields(room_id=the_room, after=0)),
    rest("GET /api/tokens/"),
    rest("POST /api/tokens/", fields(name="program", scopes=["rooms:read"], current_password=PASSWORD)),
    rest("DELETE /api/tokens/<token>/"),
    command("room_enter", room()),
    command("room_leave", room(), enters=True),
    command("message_send", room(client_id=new_id, body="hello")),
    command("messages_after", room(after=0)),
    command("messages_before", room(before=100)),
    command("typing", room(typing=True), enters=True),
    command("join_request_create", room()),
    command("join_request_withdraw", room()),
    command("join_request_approve", room(user_id=waiting)),
    command("join_request_deny", room(user_id=waiting)),
    command("participant_remove", room(user_id=classmate)),
    command("room_create", fields(title="New")),
    command("room_close", room()),
    command("room_reopen", room()),
    command("token_refresh", fields(token=own_token)),
    command("notifications_mark_read", fields(up_to_seq=0)),
    plain_websocket(),
    page("GET /"),
    page("GET /me/"),
    page("POST /me/name/", fields(display_name="New name")),
    page("POST /me/look/", fields(look="dark")),
    page("POST /me/password/", fields(current_password=PASSWORD, password="another password")),
    page("POST /me/second-step/", fields(current_password=PASSWORD)),
    page("POST /me/second-step/confirm/", fields(otp="000000")),
    page("POST /me/second-step/remove/", fields(current_password=PASSWORD, otp="000000")),
    page("GET /me/programs/"),
    page("POST /me/programs/tokens/", fields(name="program", scopes="rooms:read", current_password=PASSWORD)),
    page("POST /me/programs/tokens/revoke/", fields(token_id=lambda world, relation: world.token_id)),
    page("POST /me/programs/webhooks/", fields(url="https://hooks.example.org/", place=the_room)),
    page("GET /me/programs/webhooks/<webhook>/"),
    page("POST /me/programs/webhooks/<webhook>/secret/"),
    page("POST /me/programs/webhooks/<webhook>/switch/", fields(enabled="false")),
    page("POST /me/programs/webhooks/<webhook>/replay/", fields(delivery_id=the_delivery)),
    page("POST /me/programs/webhooks/<webhook>/delete/"),
    page("POST /me/sessions/end/", fields(session_id=lambda world, relation: world.session_id(relation))),
    page("POST /me/sessions/end-others/"),
    page("POST /session/token/"),
    page("GET /join/", query="?code=<code>"),
    page("POST /rooms/", fields(title="New")),
    page("GET /rooms/<room>/"),
    page("GET /rooms/<room>/qr.svg"),
    page("GET /files/<file>/"),
    page("GET /files/<file>/thumbnail/"),
    page("GET /rooms/<room>/summary/"),
    page("GET /rooms/<room>/transcript.txt"),
    page("POST /rooms/<room>/ask/"),
    page("POST /rooms/<room>/withdraw/"),
    page("POST /rooms/<room>/approve/", fields(all="1")),
    page("POST /rooms/<room>/deny/", fields(all="1")),
    page("POST /rooms/<room>/reopen/"),
    page("GET /school/"),
    page("GET /school/audit/"),
    page("GET /school/requests/"),
    page("GET /school/rooms/"),
    page("GET /school/rooms/<room>/"),
    page("POST /school/rooms/<room>/close/"),
    page("GET /school/rooms/<room>/messages/"),
    page("GET /school/service/"),
    page("GET /school/users/"),
    page("GET /school/users/<user>/"),
    page("POST /school/users/<user>/role/", fields(role="teacher")),
    page("POST /school/users/<user>/deactivate/"),
    page("POST /school/users/<user>/reactivate/"),
    page("POST /school/users/<user>/password/"),
    page("POST /school/users/<user>/second-step/"),
)

PUBLIC = frozenset(
    {
        "POST /api/auth/register/", "POST /api/auth/login/", "POST /api/auth/refresh/", "GET /healthz", "GET /readyz",
        "GET /metrics", "GET /api/openapi.json", "GET /api/asyncapi.json", "GET /api/docs/", "GET /register/",
        "POST /register/", "POST /sign-in/", "POST /sign-in/code/", "POST /sign-out/", "GET /static/<file>",
        "GET /assets/<file>", "GET /texts/<file>",
    }
)  # fmt: skip
"""What asks for no session. What each asks for instead (a password, a token) has tests of its own."""


def outcomes(world: World, operation: Operation) -> dict[Relation, str]:
    """What comes of it for everybody, each in the same world."""
    found = {}
    reads = operation.name.startswith("GET ")
    world.restore()
    for relation in Relation:
        found[relation] = operation.act(world, relation)
        if not reads and found[relation] not in REFUSALS:
            world.restore()
    return found
