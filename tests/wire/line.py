"""One raw Socket.IO connection with a person at its end, for tests that say exactly what goes over the wire."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.clients import contract
from tests.support.people import Person
from tests.support.rawsocket import EngineWebSocket, SioPacket, sio_connect
from tests.support.server import ServerProcess

Json = dict[str, Any]


class Line:
    """`ws` may say anything; the rest is what an honest client says."""

    def __init__(self, ws: EngineWebSocket) -> None:
        self.ws = ws
        self._acks = itertools.count(1)

    @classmethod
    @contextmanager
    def open(cls, server: ServerProcess, person: Person | None = None, namespace: str = "/chat") -> Iterator[Line]:
        """A connection, with `person` connected to `namespace`, if anybody."""
        with EngineWebSocket.open(server.address, timeout=10) as ws:
            line = cls(ws)
            if person is not None:
                answer = line.connect({"token": person.token}, namespace)
                assert answer.type == 0, answer
            yield line

    def connect(self, auth: Any, namespace: str = "/chat") -> SioPacket:
        """Ask for a namespace; the answer, whatever it is."""
        self.ws.send_packet(sio_connect(namespace, auth))
        return self.answer(namespace)

    def answer(self, namespace: str) -> SioPacket:
        """The next answer to a CONNECT of `namespace`."""
        while True:
            packet = self.ws.sio()
            if packet.type in (0, 4) and packet.namespace == namespace:
                return packet

    def ask(self, name: str, data: Any, namespace: str = "/chat") -> Json:
        """A command's ack."""
        ack = next(self._acks)
        # As JavaScript writes JSON: not escaped, a text costs the bytes that it has.
        self.ws.send_packet(f"42{namespace},{ack}{json.dumps([name, data], ensure_ascii=False)}")
        answer: Json = self.ws.until_ack(ack).data[0]
        contract.answer(self, name, answer)
        return answer

    def code(self, name: str, data: Any, namespace: str = "/chat") -> str:
        """ "ok", or the code of the refusal. A refusal has all that it must have."""
        answer = self.ask(name, data, namespace)
        if answer["ok"]:
            return "ok"
        error = answer["error"]
        assert isinstance(error["message"], str) and error["message"] and isinstance(error["retryable"], bool)
        return str(error["code"])

    def enter(self, room_id: str, **resume: Any) -> Json:
        """Enter a room; the answer."""
        answer = self.ask("room_enter", {"room_id": room_id, **resume})
        assert answer["ok"], answer
        return answer

    def still_works(self) -> bool:
        """Whether an honest command is answered."""
        return self.code("room_enter", {"room_id": "nowhere"}) == "not_found"
