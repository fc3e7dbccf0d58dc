"""A plain WebSocket, `ws/chat/<room_id>/`, as a wire: for clients that have no Socket.IO library."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from typing import Any
from urllib.parse import urlencode

import websocket

from tests.support.clients import contract
from tests.support.clients.member import Member
from tests.support.clients.wire import CHAT, Answered, Data, Wire
from tests.support.people import Person

CODES = {4401: "unauthorized", 4403: "forbidden", 4404: "not_found", 4408: "slow", 4410: "room_closed"}


class PlainWire(Wire):
    """One room a connection. `connect` only remembers; `enter` opens the socket, and the welcomes are its answers."""

    pages_come_by_themselves = True

    def __init__(self, person: Person, *, by_ticket: bool = False) -> None:
        self.person = person
        self.by_ticket = by_ticket
        self.socket: websocket.WebSocket | None = None
        self.close_code: int | None = None
        self.answers: dict[int, Answered] = {}
        self.refs = itertools.count(1)
        self.reader: threading.Thread | None = None
        self.down = threading.Event()
        self.down.set()

    def url(self, room_id: str, resume: Data) -> str:
        """Where to connect for `room_id`."""
        credential = {"ticket": self.person.rest.ticket()} if self.by_ticket else {"token": self.person.token}
        query = urlencode({**credential, **resume})
        return f"{self.person.url.replace('http', 'ws', 1)}/ws/chat/{room_id}/?{query}"

    def connect(self) -> None:
        self.listener.on_connect()

    def enter(self, room_id: str, resume: Data, answered: Answered) -> None:
        self._end()
        self.close_code = None
        opened = websocket.create_connection(self.url(room_id, resume), timeout=10, enable_multithread=True)
        opened.settimeout(None)
        self.socket = opened
        self.answers = {}
        self.down.clear()
        self.reader = threading.Thread(target=self._read, args=(opened, self.answers, answered), daemon=True)
        self.reader.start()

    def _read(self, opened: websocket.WebSocket, answers: dict[int, Answered], welcomed: Answered) -> None:
        code, welcome = None, False
        refused: Data = {}
        try:
            while True:
                opcode, payload = opened.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
                    break
                message = json.loads(payload)
                if message.get("event") == "welcome":
                    welcome = True
                    welcomed({"ok": True, **message["data"]})
                elif "event" in message:
                    self.listener.on_event(message["event"], message["data"])
                elif "ref" not in message:
                    contract.refusal(self, "the door", message)
                    refused = message["error"]
                else:
                    answers.pop(message["ref"])({key: value for key, value in message.items() if key != "ref"})
        except (OSError, websocket.WebSocketException):
            pass
        with contextlib.suppress(OSError):
            opened.shutdown()
        self.close_code = code
        if not welcome:
            welcomed({"ok": False, "error": {"code": CODES.get(code or 0, "closed"), **refused, "close_code": code}})
        self.listener.on_disconnect(str(code))
        self.down.set()

    def command(self, name: str, data: Data, answered: Answered, namespace: str = CHAT) -> None:
        ref = next(self.refs)
        self.answers[ref] = answered
        with contextlib.suppress(OSError, websocket.WebSocketException):
            assert self.socket is not None, "enter first"
            self.socket.send(json.dumps({"ref": ref, "command": name, "data": data}))

    def reload(self) -> None:
        self.cut()
        self.connect()

    def cut(self) -> None:
        self._end()

    def _end(self) -> None:
        opened, self.socket = self.socket, None
        if opened is not None and opened.sock is not None:
            with contextlib.suppress(OSError):
                opened.sock.shutdown(2)
        assert self.down.wait(10), "still connected after the cut"

    def close(self) -> None:
        self._end()


def plain_member(person: Person, **options: Any) -> Member:
    """`person` on a plain WebSocket, not yet connected."""
    return Member(person, PlainWire(person, **options))
