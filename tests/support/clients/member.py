"""A person's client on any wire, keeping the contract's rules: enter on every connect, resume by cursor, an outbox."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.support.clients import contract
from tests.support.clients.roomlog import RoomLog
from tests.support.clients.wire import CHAT, Answered, Data, Listener, Wire
from tests.support.people import Person

T = TypeVar("T")

TIMEOUT = 20.0
FINAL_BYES = ("removed", "revoked", "too_many", "bad_packet")


class CommandError(Exception):
    """A command was refused for good."""

    def __init__(self, name: str, error: Data) -> None:
        super().__init__(f"{name}: {error}")
        self.code = str(error.get("code"))
        self.error = error


class Member(Listener):
    """Somebody on a wire. `events` is all that came, in order; `rooms` has a `RoomLog` for each room entered."""

    def __init__(self, person: Person, wire: Wire) -> None:
        self.person = person
        self.wire = wire
        self.events: list[tuple[str, Any]] = []
        self.rooms: dict[str, RoomLog] = {}
        self.refusal: Data | None = None
        self.byes: list[Data] = []
        self.connections = 0
        self.connected = False
        self.gone = False
        self.changed = threading.Condition()
        self.room_errors: dict[str, Data] = {}
        self._invited_back_in: float | None = None
        self._names = itertools.count(1)
        self._prefix = secrets.token_hex(4)
        wire.listener = self

    def __repr__(self) -> str:
        return f"<{self.person.username} on {type(self.wire).__name__}>"

    # What the wire tells; the lock makes each step whole for those who wait.

    def on_connect(self) -> None:
        with self.changed:
            self.connected = True
            self.connections += 1
            self.changed.notify_all()
        for room_id in list(self.rooms):
            self._enter(room_id)

    def on_disconnect(self, reason: str) -> None:
        with self.changed:
            self.connected = False
            for log in self.rooms.values():
                log.left()
            invited, self._invited_back_in = self._invited_back_in, None
            self.changed.notify_all()
        if invited is not None:
            threading.Thread(target=self._come_back, args=(invited,), daemon=True).start()

    def _come_back(self, seconds: float) -> None:
        """After a `bye` that is no dismissal a client returns, even where its library takes it for one."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.connected or self.gone, timeout=seconds)
                if self.connected or self.gone:
                    return
            self.wire.connect()

    def on_refused(self, error: Data) -> None:
        with self.changed:
            self.refusal = error
            self.changed.notify_all()

    def on_event(self, name: str, data: Any) -> None:
        contract.event(self, name, data)
        with self.changed:
            self.events.append((name, data))
            if name == "message" and (log := self.rooms.get(data["room_id"])) is not None:
                log.live(data)
            elif name == "bye":
                self._goodbye(data)
            self.changed.notify_all()

    def _goodbye(self, data: Data) -> None:
        self.byes.append(data)
        if data.get("room_id"):
            self.rooms[data["room_id"]].left()
        elif data["code"] not in FINAL_BYES:
            self._invited_back_in = data.get("retry_ms", 200) / 1000

    # Waiting

    def wait(self, probe: Callable[[], T], timeout: float = TIMEOUT, what: str = "") -> T:
        """The first true value of `probe`, asked again whenever something came."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while not (value := probe()):
                if not self.changed.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() > deadline:
                    raise AssertionError(f"{self!r} waited {timeout} s for {what or probe}; {self._state()}")
            return value

    def _state(self) -> str:
        rooms = {room: (log.last, log.entered) for room, log in self.rooms.items()}
        return f"connected={self.connected} rooms={rooms} byes={self.byes} last={self.events[-3:]}"

    def wait_event(
        self, name: str, matching: Callable[[Any], bool] = lambda data: True, timeout: float = TIMEOUT
    ) -> Any:
        """The first event `name` whose data match, among those that came and will come."""

        def found() -> list[Any]:
            return [data for came, data in self.events if came == name and matching(data)]

        return self.wait(found, timeout, f"the event {name}")[0]

    def wait_seq(self, room_id: str, seq: int, timeout: float = TIMEOUT) -> None:
        """Until the room's messages up to `seq` have come."""
        self.wait(lambda: self.rooms[room_id].last >= seq, timeout, f"seq {seq}")

    def wait_message(self, room_id: str, matching: Callable[[Any], bool], timeout: float = TIMEOUT) -> Any:
        """The first such message of the room's log, by whichever way it came."""

        def found() -> list[Any]:
            return [message for message in self.rooms[room_id].messages if matching(message)]

        return self.wait(found, timeout, "a message")[0]

    def named(self, name: str) -> list[Any]:
        """The data of all events `name` so far."""
        with self.changed:
            return [data for came, data in self.events if came == name]

    # Doing

    def connect(self, timeout: float = TIMEOUT) -> Member:
        """Connect; raises CommandError when refused."""
        before = self.connections
        self.refusal = None
        self.wire.connect()
        self.wait(lambda: self.connections > before or self.refusal, timeout, "a connection")
        if self.refusal:
            raise CommandError("connect", self.refusal)
        return self

    def enter(self, room_id: str, timeout: float = TIMEOUT) -> RoomLog:
        """Enter the room and stay in it over every reconnect. Raises CommandError."""
        log = self.rooms.setdefault(room_id, RoomLog())
        self.room_errors.pop(room_id, None)
        self._enter(room_id)
        self.wait(lambda: log.entered or room_id in self.room_errors, timeout, f"entering {room_id}")
        if room_id in self.room_errors:
            del self.rooms[room_id]
            raise CommandError("room_enter", self.room_errors[room_id])
        return log

    def _enter(self, room_id: str) -> None:
        log = self.rooms[room_id]
        resume: Data = {} if log.cursor is None else {"after": log.cursor, "epoch": log.epoch}

        def answered(answer: Data) -> None:
            with self.changed:
                if answer["ok"]:
                    again = log.answer(answer)
                else:
                    again = False
                    self.room_errors[room_id] = answer["error"]
                self.changed.notify_all()
            if again and not self.wire.pages_come_by_themselves:
                self._enter(room_id)

        self.wire.enter(room_id, resume, self.checked("room_enter", answered))

    def checked(self, name: str, answered: Answered) -> Answered:
        """`answered`, told only after the answer was held against the contract."""

        def check(given: Data) -> None:
            if "close_code" not in given.get("error", {}):  # else it is the wire's own, for a door that stayed shut
                contract.answer(self, name, given)
            answered(given)

        return check

    def ask(self, name: str, data: Data, timeout: float = TIMEOUT, namespace: str = CHAT) -> Data:
        """Send a command and wait for its ack, whatever it says."""
        answers: list[Data] = []

        def answered(answer: Data) -> None:
            with self.changed:
                answers.append(answer)
                self.changed.notify_all()

        before = self.connections
        self.wire.command(name, data, self.checked(name, answered), namespace)
        self.wait(lambda: answers or not self.connected or self.connections > before, timeout, f"the ack of {name}")
        if not answers:
            return {"ok": False, "error": {"code": "disconnected", "message": "no ack came", "retryable": True}}
        return answers[0]

    def do(self, name: str, data: Data, timeout: float = TIMEOUT) -> Data:
        """Send a command and return its ack. Raises CommandError for a refusal."""
        answer = self.ask(name, data, timeout)
        if not answer["ok"]:
            raise CommandError(name, answer["error"])
        return answer

    def new_client_id(self) -> str:
        """An id for one send."""
        return f"{self._prefix}-{next(self._names)}"

    def send(self, room_id: str, body: str, client_id: str | None = None, timeout: float = TIMEOUT) -> Data:
        """Send a text until it is acknowledged, over rate limits and lost connections. The ack."""
        data = {"room_id": room_id, "client_id": client_id or self.new_client_id(), "body": body}
        deadline = time.monotonic() + timeout
        while True:
            self.wait(lambda: self.connected and self.rooms[room_id].entered, timeout, "a connection to send on")
            answer = self.ask("message_send", data, timeout)
            if answer["ok"]:
                return answer
            error = answer["error"]
            if not error.get("retryable") or time.monotonic() > deadline:
                raise CommandError("message_send", error)
            time.sleep(min(float(error.get("retry_after") or 0.1), 1.0))

    def send_all_at_once(self, room_id: str, bodies: list[str], timeout: float = TIMEOUT) -> list[Data]:
        """Send all without waiting in between; their acks, in the order of the sends."""
        answers: list[Data] = []

        def answered(answer: Data) -> None:
            with self.changed:
                answers.append(answer)
                self.changed.notify_all()

        items = [{"room_id": room_id, "client_id": self.new_client_id(), "body": body} for body in bodies]
        self.burst("message_send", items, self.checked("message_send", answered))
        self.wait(lambda: len(answers) >= len(bodies), timeout, f"{len(bodies)} acks")
        return answers

    def burst(self, name: str, items: list[Data], answered: Answered) -> None:
        """Several commands in one go."""
        for data in items:
            self.wire.command(name, data, answered)

    def reload(self, timeout: float = TIMEOUT) -> None:
        """Reload the page: cut without a word, come back, resume in every room."""
        before = self.connections
        self.wire.reload()
        self.wait(lambda: self.connections > before, timeout, "the connection after a reload")
        self.wait(lambda: all(log.entered for log in self.rooms.values()), timeout, "the rooms after a reload")

    def cut(self, timeout: float = TIMEOUT) -> None:
        """Lose the connection, and stay away until `connect`."""
        self.wire.cut()
        self.wait(lambda: not self.connected, timeout, "the connection's end")

    def close(self) -> None:
        """Go."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()
        self.wire.close()

    def assert_faultless(self) -> None:
        """The server broke no rule of delivery towards this client."""
        for room_id, log in self.rooms.items():
            assert not log.faults, f"{self!r} in {room_id}: {log.faults[:5]}"
