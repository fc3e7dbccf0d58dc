"""One operation by each of its ways: REST, Socket.IO, plain WebSocket, and the pages' forms where there is one. What
comes back is brought into one form."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.scenarios.classroom import leaving
from tests.support.clients.member import TIMEOUT, Member
from tests.support.clients.pages import Browser
from tests.support.clients.plain import plain_member
from tests.support.clients.rest import Answer
from tests.support.clients.sio import sio_member
from tests.support.clients.wire import CHAT, NOTIFICATIONS
from tests.support.people import Person

Json = dict[str, Any]
Meanwhile = Callable[[], None]
"""What happens once the way is open, and before the operation."""


@dataclass(frozen=True)
class Result:
    """ "ok" or a code; the thing that came, or what a refusal says beside its code and text."""

    code: str
    thing: Any = None
    fields: tuple[str, ...] = ()
    more: Json = field(default_factory=dict)


REST: dict[str, tuple[str, str]] = {
    "message_send": ("POST", "messages/"),
    "messages_after": ("GET", "messages/"),
    "messages_before": ("GET", "messages/"),
    "join_request_create": ("POST", "join/"),
    "join_request_withdraw": ("DELETE", "join/"),
    "join_request_approve": ("POST", "approve/"),
    "join_request_deny": ("POST", "deny/"),
    "participant_remove": ("POST", "remove/"),
    "room_close": ("POST", "close/"),
    "room_reopen": ("POST", "reopen/"),
}
FORMS = {
    "join_request_create": ("ask/", {"note"}),
    "join_request_withdraw": ("withdraw/", set()),
    "join_request_approve": ("approve/", {"request_id", "all"}),
    "join_request_deny": ("deny/", {"request_id", "all", "reason"}),
    "room_reopen": ("reopen/", set()),
}
"""The form below /rooms/<room_id>/, and what one can fill in."""
THINGS = {
    "message_send": "message",
    "join_request_create": "join_request",
    "join_request_withdraw": "join_request",
    "room_create": "room",
    "room_close": "room",
    "room_reopen": "room",
    "messages_after": "messages",
    "messages_before": "messages",
}
"""Where an ack carries what REST answers with; other acks are that themselves."""

ABOUT_NO_ROOM = {"room_create", "token_refresh"}

BY_PLAIN_ONLY = {"close_code"}
"""What the client adds to an error of its door."""


def nothing() -> None:
    """Nothing happens."""


def by_rest(person: Person, name: str, room_id: str, data: Json, meanwhile: Meanwhile = nothing) -> Result:
    """The operation over REST."""
    meanwhile()
    if name == "room_create":
        return _rest_result(person.rest.post("/api/chat/create/", data))
    if name == "notifications_mark_read":
        return _rest_result(person.rest.post("/api/notifications/read/", data))
    method, end = REST[name]
    path = f"/api/chat/{room_id}/{end}"
    answer = person.rest.get(path, **data) if method == "GET" else person.rest.call(method, path, data or None)
    return _rest_result(answer)


def by_socketio(person: Person, name: str, room_id: str, data: Json, meanwhile: Meanwhile = nothing) -> Result:
    """The operation over Socket.IO."""
    with _connected(sio_member(person)) as member:
        if name == "typing":
            _enter(member, room_id, {})  # who types is in the room with this very connection
        meanwhile()
        if name == "room_enter":
            return _enter(member, room_id, data)
        return _ask(member, name, data if name in ABOUT_NO_ROOM else {"room_id": room_id, **data})


def by_notifications(person: Person, name: str, room_id: str, data: Json, meanwhile: Meanwhile = nothing) -> Result:
    """The operation over Socket.IO's other namespace."""
    with _connected(sio_member(person, namespaces=(NOTIFICATIONS,))) as member:
        meanwhile()
        return _ask(member, name, data, NOTIFICATIONS)


def by_plain(person: Person, name: str, room_id: str, data: Json, meanwhile: Meanwhile = nothing) -> Result:
    """The operation over a plain WebSocket in the room; who may not enter it is told at the door."""
    with _connected(plain_member(person)) as member:
        if name == "room_enter":
            meanwhile()
            return _enter(member, room_id, data)
        entered = _enter(member, room_id, {})
        if entered.code != "ok":
            return entered
        meanwhile()
        return _ask(member, name, data)


def by_pages(person: Person, name: str, room_id: str, data: Json, meanwhile: Meanwhile = nothing) -> int:
    """The operation by a form. A page is for people; what can be compared is its status, 200 for a form that did it."""
    browser = Browser(person)
    meanwhile()
    form, _ = FORMS[name]
    fields = {key: "yes" if value is True else value for key, value in data.items()}
    status = browser.submit(f"/rooms/{room_id}/{form}", **fields).status_code
    return 200 if status == 303 else status


def has_form(name: str, data: Json) -> bool:
    """Whether a person without our scripts could say this."""
    if name not in FORMS or (name in ("join_request_approve", "join_request_deny") and not data):
        return False
    _, fields = FORMS[name]
    return all(key in fields and (value is True or isinstance(value, str)) for key, value in data.items())


WAYS: dict[str, Callable[[Person, str, str, Json, Meanwhile], Result]] = {
    "REST": by_rest,
    "Socket.IO": by_socketio,
    "plain WebSocket": by_plain,
}


@contextmanager
def _connected(member: Member) -> Any:
    with leaving([member]):
        yield member.connect()


def _enter(member: Member, room_id: str, data: Json) -> Result:
    """Entering, without the member's own bookkeeping: `data` may be wrong."""
    answers: list[Json] = []
    came = threading.Event()

    def answered(answer: Json) -> None:
        answers.append(answer)
        came.set()

    member.wire.enter(room_id, data, member.checked("room_enter", answered))
    assert came.wait(TIMEOUT), "no answer to entering"
    return _result("room_enter", answers[0])


def _ask(member: Member, name: str, data: Json, namespace: str = CHAT) -> Result:
    return _result(name, member.ask(name, data, namespace=namespace))


def _result(name: str, answer: Json) -> Result:
    if answer["ok"]:
        thing = {key: value for key, value in answer.items() if key != "ok"}
        return Result("ok", thing[THINGS[name]] if name in THINGS else thing)
    error = answer["error"]
    assert isinstance(error["message"], str) and isinstance(error["retryable"], bool)
    known = {"code", "message", "retryable", "fields"} | BY_PLAIN_ONLY
    more = {key: value for key, value in error.items() if key not in known}
    return Result(error["code"], None, tuple(sorted(error.get("fields", {}))), more)


def _rest_result(answer: Answer) -> Result:
    if answer.status < 300:
        body = answer.body
        return Result("ok", body["items"] if isinstance(body, dict) and "has_more" in body else body)
    known = {"type", "title", "status", "code", "detail", "request_id", "errors"}
    more = {key: value for key, value in answer.body.items() if key not in known}
    return Result(answer.code, None, tuple(sorted(answer.body.get("errors", {}))), more)


TELLING = frozenset(
    {"status", "outcome", "type", "code", "my_role", "admission", "body", "client_id", "note", "reason", "seq", "head",
     "role", "participant_count", "pending_count", "banned", "title", "description", "host_grace_seconds",
     "more", "reset", "up_to_seq", "unread"}
)  # fmt: skip
"""Fields whose value must be the same by every way; of others only that they are there, and their type."""


def shape(value: Any, key: str = "") -> Any:
    """What must not differ between ways: ids, names and times do, because each way has a room of its own."""
    if isinstance(value, dict):
        return {name: shape(part, name) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return value if key in TELLING else type(value).__name__
