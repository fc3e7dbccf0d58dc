"""A lesson over sockets, for the examples of the AsyncAPI document and for docs/transcript.md: every command, every
event, a connection that breaks and goes on, and the plain WebSocket.

Frames are noted when the story asks for them, so that what a busy server says in between changes nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.examples.standins import StandIns
from tests.support.people import Person
from tests.support.rawsocket import EngineWebSocket, RawWebSocket, SioPacket
from tests.support.server import ServerProcess

Json = dict[str, Any]
CHAT, NOTIFICATIONS = "/chat", "/notifications"
SETTINGS = {"HEAD_SECONDS": "1"}
SENT, CAME = "→", "←"


class Story:
    """What is said, in the order of telling. A packet is noted as its prefix and its JSON."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.said: list[Json] = []

    def note(self, who: str, kind: str, title: str, packets: list[tuple[str, str, Any]], **more: Any) -> None:
        self.said.append(
            {"who": who, "kind": kind, "title": title, **more, "packets": [list(each) for each in packets]}
        )

    def remark(self, text: str) -> None:
        """A line between the frames."""
        self.note("", "remark", text, [])


class Voice:
    """One person's Socket.IO connection."""

    def __init__(self, story: Story, name: str, person: Person) -> None:
        self.story, self.name, self.person = story, name, person
        self._acks = itertools.count(1)
        self._heard: list[SioPacket] = []
        self.open()

    def open(self) -> None:
        self.ws = EngineWebSocket.open(self.story.server.address, timeout=15)
        self._heard.clear()
        self.story.note(self.name, "open", "GET /socket.io/?EIO=4&transport=websocket", [(CAME, "0", self.ws.opening)])

    def drop(self) -> None:
        """The network goes, without a word."""
        self.ws.abort()

    def connect(self, namespace: str) -> None:
        auth = {"token": self.person.token}
        self.ws.send_packet(f"40{namespace},{json.dumps(auth)}")
        answer = self._wait(lambda packet: packet.type in (0, 4) and packet.namespace == namespace)
        assert answer.type == 0, answer
        packets = [(SENT, f"40{namespace},", auth), (CAME, f"40{namespace},", answer.data)]
        self.story.note(self.name, "connect", namespace, packets)

    def command(self, name: str, title: str, data: Json, namespace: str = CHAT, code: str = "") -> Json:
        """Send it, take the ack, expect `code` if it is to be refused."""
        ack = next(self._acks)
        self.ws.send_packet(f"42{namespace},{ack}{json.dumps([name, data])}")
        answer: Json = self._wait(lambda packet: packet.type == 3 and packet.ack == ack).data[0]
        assert answer.get("error", {}).get("code", "") == code, answer
        packets = [(SENT, f"42{namespace},{ack}", [name, data]), (CAME, f"43{namespace},{ack}", [answer])]
        self.story.note(self.name, "command", title, packets, name=name, data=data, answer=answer)
        return answer

    def hears(
        self, name: str, title: str, where: Callable[[Json], bool] = lambda data: True, namespace: str = CHAT
    ) -> Json:
        """Wait for an event."""
        packet = self._wait(
            lambda each: each.type == 2 and each.namespace == namespace and each.data[0] == name and where(each.data[1])
        )
        self.story.note(
            self.name, "event", title, [(CAME, f"42{namespace},", packet.data)], name=name, data=packet.data[1]
        )
        return dict(packet.data[1])

    def _wait(self, wanted: Callable[[SioPacket], bool]) -> SioPacket:
        for packet in self._heard:
            if wanted(packet):
                self._heard.remove(packet)
                return packet
        while not wanted(packet := self.ws.sio()):
            self._heard.append(packet)
        return packet


def record(server: ServerProcess) -> list[Json]:
    """Play it on a server; what was said, with stand-ins."""
    story = Story(server)
    names = ("Ben", "Cem", "Dana", "Eve")
    people = {"Ada": server.teacher(), **dict(zip(names, server.students(4), strict=True))}
    room_id, ada = _open(story, people["Ada"])
    ben = _admit(story, people, ada, room_id)
    _talk(story, ada, ben, room_id)
    _resume(story, people, ada, ben, room_id)
    _plainly(story, people["Eve"], ada, room_id)
    _part(story, ada, ben, room_id)
    standins = StandIns()
    return [_written(standins, each) for each in story.said]


def _open(story: Story, teacher: Person) -> tuple[str, Voice]:
    story.remark("A teacher opens a room, and enters it.")
    ada = Voice(story, "Ada", teacher)
    ada.connect(CHAT)
    ada.connect(NOTIFICATIONS)
    ada.hears("notifications", "nothing yet", namespace=NOTIFICATIONS)
    room = ada.command("room_create", "a class", {"title": "Class 7b: fractions"})["room"]
    ada.command("room_enter", "for the first time", {"room_id": room["id"]})
    ada.hears("presence", "that is me", lambda data: data["online"] == 1)
    return room["id"], ada


def _admit(story: Story, people: dict[str, Person], ada: Voice, room_id: str) -> Voice:
    story.remark("A student knocks, and waits.")
    here = {"room_id": room_id}
    ben = Voice(story, "Ben", people["Ben"])
    ben.connect(CHAT)
    ben.connect(NOTIFICATIONS)
    ben.hears("notifications", "nothing yet", namespace=NOTIFICATIONS)
    ben.command("join_request_create", "with a note", {**here, "note": "I am early"})
    ada.hears("join_request", "somebody knocks")
    ada.hears("notification", "somebody knocks", namespace=NOTIFICATIONS)
    ben.command("room_enter", "too early", here, code="forbidden")
    story.remark("Two more: one thinks better of it, one is not let in.")
    cem, dana = (Voice(story, name, people[name]) for name in ("Cem", "Dana"))
    for voice in (cem, dana):
        voice.connect(CHAT)
        voice.command("join_request_create", "without a note", here)
    dana.connect(NOTIFICATIONS)
    cem.command("join_request_withdraw", "my own", here)
    ada.command("join_request_deny", "with a reason", {**here, "user_id": people["Dana"].id, "reason": "Room 12"})
    dana.hears("notification", "not this time", namespace=NOTIFICATIONS)
    cem.drop()
    dana.drop()
    story.remark("The host lets the first one in.")
    ada.command("join_request_approve", "one", {**here, "user_id": people["Ben"].id})
    ben.hears("notification", "I am let in", namespace=NOTIFICATIONS)
    ben.command("room_enter", "with everything so far", here)
    ada.hears("presence", "somebody came", lambda data: any(user["id"] == people["Ben"].id for user in data["joined"]))
    return ben


def _talk(story: Story, ada: Voice, ben: Voice, room_id: str) -> None:
    story.remark("They talk. The same client_id makes one message, however often it is sent.")
    here = {"room_id": room_id}
    said = {**here, "client_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "body": "A half is two quarters?"}
    ben.command("message_send", "a text", said)
    ada.hears("message", "a text", lambda data: data["type"] == "text")
    ben.command("message_send", "the same again", said)
    ben.command("message_send", "another body under its name", {**said, "body": "Three?"}, code="conflict")
    ada.command("typing", "I write", {**here, "typing": True})
    ben.hears("typing", "somebody writes")
    ada.command("message_send", "an answer", {**here, "client_id": "a1", "body": f"@{ben.person.username} Yes!"})
    ben.hears("message", "an answer", lambda data: data["client_id"] == "a1")
    ben.hears("notification", "I am meant", namespace=NOTIFICATIONS)
    ben.command("messages_after", "two behind a seq", {**here, "after": 1, "limit": 2})
    ben.command("messages_before", "two below a seq", {**here, "before": 4, "limit": 2})
    ben.command("message_send", "nothing at all", {**here, "client_id": "b2"}, code="invalid_payload")
    ben.command("make_coffee", "no such command", {}, code="unknown_command")


def _resume(story: Story, people: dict[str, Person], ada: Voice, ben: Voice, room_id: str) -> None:
    story.remark("Ben's network goes. He comes back, and says what he has: the last seq, and the epoch it is of.")
    here = {"room_id": room_id}
    last = ben.command("messages_after", "nothing behind the head", {**here, "after": 4})
    ben.drop()
    ada.command("message_send", "what somebody misses", {**here, "client_id": "a2", "body": "And three quarters?"})
    ben.open()
    ben.connect(CHAT)
    ben.connect(NOTIFICATIONS)
    ben.command("room_enter", "from where I was", {**here, "after": 4, "epoch": last["epoch"]})
    ben.hears("room_head", "nothing is missing", lambda data: data["head"] == 5)
    ben.person.rest.call("PATCH", f"/api/chat/{room_id}/", {"title": "x"})  # a participant may not: nothing happens
    ada.person.rest.update_room(room_id, title="Class 7b: decimals").ok()
    ben.hears("room_updated", "another title", lambda data: data["title"] == "Class 7b: decimals")
    ben.command("token_refresh", "in time", {"token": ben.person.token})
    read = ada.command("notifications_mark_read", "up to here", {"up_to_seq": 1}, namespace=NOTIFICATIONS)
    ada.hears("notifications_read", "on all my devices", lambda data: data["unread"] == read["unread"], NOTIFICATIONS)


def _plainly(story: Story, eve: Person, ada: Voice, room_id: str) -> None:
    story.remark(
        "Eve has no Socket.IO library. With a ticket instead of a token in the address, too early and in time:"
    )
    eve.rest.knock(room_id).ok(201)
    ws = _plain(story, eve, room_id, "plain_refusal")
    assert ws.wait_close() == 4403
    ws.close()
    ada.person.rest.approve(room_id, user_id=eve.id).ok()
    ws = _plain(story, eve, room_id, "plain_welcome")
    frame = {"ref": 1, "command": "message_send", "data": {"client_id": "e1", "body": "Hello from a pipe"}}
    ws.send_json(frame)
    event = _until(ws, lambda each: each.get("event") == "message" and each["data"]["client_id"] == "e1")
    answer = _until(ws, lambda each: each.get("ref") == 1)
    story.note("Eve", "plain_command", "a text", [(SENT, "", frame)], data=frame)
    story.note("Eve", "plain_event", "my own message", [(CAME, "", event)], data=event)
    story.note("Eve", "plain_command_ack", "a text", [(CAME, "", answer)], data=answer)
    ws.close()
    ada.hears("presence", "somebody went", lambda data: any(user["id"] == eve.id for user in data["left"]))


def _plain(story: Story, person: Person, room_id: str, kind: str) -> RawWebSocket:
    ticket = person.rest.ticket()
    ws = RawWebSocket.open(story.server.address, f"/ws/chat/{room_id}/?ticket={ticket}", timeout=15)
    told: Json = ws.json()
    story.note("Eve", kind, f"GET /ws/chat/{room_id}/?ticket=…", [(CAME, "", told)], data=told)
    return ws


def _part(story: Story, ada: Voice, ben: Voice, room_id: str) -> None:
    story.remark(
        "Ben looks elsewhere, comes back, and is removed. The host takes that back. The class ends, and begins again."
    )
    here = {"room_id": room_id}
    ben.command("room_leave", "this connection only", here)
    ben.command("room_enter", "once more", {**here, "after": 7})
    ada.command("participant_remove", "with a reason", {**here, "user_id": ben.person.id, "reason": "Good night"})
    ben.hears("bye", "removed from this room")
    ben.hears("notification", "I was removed", namespace=NOTIFICATIONS)
    ben.command("room_enter", "there is no such room for me", here, code="not_found")
    ada.command("join_request_approve", "the removal taken back", {**here, "user_id": ben.person.id})
    ben.hears("notification", "I am in again", namespace=NOTIFICATIONS)
    ada.command("room_close", "the class", here)
    ben.hears("notification", "the class is over", namespace=NOTIFICATIONS)
    ada.hears("message", "the class is over", lambda data: data["code"] == "room_closed")
    ada.command("room_reopen", "the class", here)
    ada.hears("message", "it goes on", lambda data: data["code"] == "room_reopened")
    for voice in (ada, ben):
        voice.drop()


def _until(ws: RawWebSocket, wanted: Callable[[Json], bool]) -> Json:
    while not wanted(frame := ws.json()):
        pass
    return dict(frame)


def _written(standins: StandIns, noted: Json) -> Json:
    packets = [
        [way, prefix + json.dumps(standins.of(content), ensure_ascii=False, separators=(",", ":"))]
        for way, prefix, content in noted.pop("packets")
    ]
    return {**standins.of(noted), "packets": packets}
