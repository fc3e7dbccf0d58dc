"""A student who sends faster than the answers come."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from tests.deploy.deployment import Deployment
from tests.support.people import Person
from tests.support.rawsocket import EngineWebSocket, SioPacket, sio_connect, sio_event


class Student:
    """A student on a bare socket, who pipelines sends and reads what comes when asked."""

    def __init__(self, deployment: Deployment, name: str, person: Person, room_id: str) -> None:
        self.person = person
        self.room_id = room_id
        self.socket = EngineWebSocket.open(deployment.address_of(name), timeout=10)
        self.socket.send_packet(sio_connect("/chat", {"token": person.token}))
        assert self.socket.sio().type == 0
        self.refs = itertools.count(1)
        self.waiting: list[int] = []
        self.never = threading.Event()

    def enter(self, after: int) -> None:
        """Come (back) into the room."""
        data = {"room_id": self.room_id, "after": after}
        answer = self.socket.call("/chat", "room_enter", data, ack=next(self.refs))
        assert answer["ok"], answer

    def send(self, count: int) -> None:
        """Some sends, not waiting for their acks."""
        for _ in range(count):
            ref = next(self.refs)
            self.waiting.append(ref)
            data = {"room_id": self.room_id, "client_id": f"send-{ref}", "body": f"number {ref}"}
            self.socket.send_packet(sio_event("/chat", "message_send", data, ack=ref))

    def pause(self, seconds: float) -> None:
        """Type a little more slowly."""
        self.never.wait(seconds)

    def read_to_the_end(self) -> tuple[list[Any], list[SioPacket]]:
        """Everything up to the bye and all acks: the acks, and the events."""
        acks: dict[int, Any] = {}
        events: list[SioPacket] = []
        said_bye = False
        while not said_bye or len(acks) < len(self.waiting):
            packet = self.socket.sio()
            if packet.type == 3 and packet.ack is not None:
                acks[packet.ack] = packet.data[0]
            else:
                events.append(packet)
                said_bye = said_bye or packet.data[0] == "bye"
        waiting, self.waiting = self.waiting, []
        return [acks[ref] for ref in waiting], events
