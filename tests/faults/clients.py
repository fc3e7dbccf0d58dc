"""One device of one person, keeping the contract's rules for clients over whatever the nemesis does to it.

It enters by cursor and epoch, keeps one send in flight a room, sends again under the same client_id what was answered
`retryable` or not at all, and after a drop comes back, to another worker where there is one. All it does and sees goes
into the history. Hosts and those who wait are in `people`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.faults.cluster import Worker
from tests.faults.history import Data, History, Operation
from tests.faults.websocket import RefusedError, Wire
from tests.support.people import Person
from tests.support.rawsocket import parse_sio, sio_connect, sio_event

CHAT, NOTIFICATIONS = "/chat", "/notifications"
FINAL_BYES = ("removed", "revoked", "too_many", "bad_packet")
PATIENCE = 12.0
"""After so many seconds without an answer a client cuts the connection; the promise is ten."""


@dataclass(slots=True)
class Place:
    """A device in a room. `settled` is set while it has entered, or never will."""

    room: str
    cursor: int | None = None
    epoch: str | None = None
    entered: bool = False
    out: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Device:
    """`run` keeps it connected; the other methods may be called from any task."""

    role = "member"
    namespaces: tuple[str, ...] = (CHAT,)

    def __init__(
        self,
        name: str,
        person: Person | None,
        workers: Sequence[Worker],
        history: History,
        *,
        seed: int = 0,
        home: int = 0,
        port: Callable[[Worker], int] = lambda worker: worker.front.port,
        receive_buffer: int | None = None,
    ) -> None:
        """`home` is the first worker; `port` says where its door is for this device."""
        self.name = name
        self.person = person
        self.workers = list(workers)
        self.worker = self.workers[home % len(self.workers)]
        self.history = history
        self.chance = random.Random(f"{seed} {name}")
        self.places: dict[str, Place] = {}
        self.wire: Wire | None = None
        self.stay = 0
        self.finished = False
        self.connected = asyncio.Event()
        self.wanted = asyncio.Event()
        self.wanted.set()
        self.byes: list[Data] = []
        self.pause_before_return: float | None = None
        self._port = port
        self._receive_buffer = receive_buffer
        self._next: Worker | None = None
        self._lost = asyncio.Event()
        self._refs = itertools.count(1)
        self._answers: dict[int, Callable[[Data | None], None]] = {}
        self._greetings: dict[str, asyncio.Future[Data]] = {}
        self._client_ids = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        history.client(name, person.id if person is not None else None, self.role)

    # Its life

    def start(self) -> Device:
        """Begin to run."""
        self.spawn(self.run())
        return self

    async def run(self) -> None:
        """Connect, enter, stay, come back; until `close`, or a `bye` that is for good."""
        while not self.finished:
            await self.wanted.wait()
            if not await self._connect():
                self._move()
                await asyncio.sleep(self.chance.uniform(0.1, 0.4))
                continue
            for place in list(self.places.values()):
                self.spawn(self._enter(place))
            self.on_connected()
            await self._lost.wait()
            wait = self.pause_before_return
            self._move()
            await asyncio.sleep(self.chance.uniform(0.05, 0.3) if wait is None else wait)

    def on_connected(self) -> None:
        """It stands, and is about to enter its rooms."""

    async def close(self) -> None:
        """Go, and do not come back."""
        self.finished = True
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Lose the connection without a word; `run` comes back."""
        if self.wire is not None:
            self.wire.abort()

    def move_to(self, worker: Worker) -> None:
        """Cut, and come back to this worker."""
        self._next = worker
        self.cut()

    def switch_off(self) -> None:
        """Cut, and stay away until `switch_on`."""
        self.wanted.clear()
        self.cut()

    def switch_on(self) -> None:
        """Come back."""
        self.wanted.set()

    def join(self, room: str) -> Place:
        """Be in this room from now on, over every reconnect."""
        place = self.places.get(room)
        if place is None or place.out:
            place = self.places[room] = Place(room, place.cursor if place else None, place.epoch if place else None)
            if self.connected.is_set():
                self.spawn(self._enter(place))
        return place

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """A task that ends with this device."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.history.note(self.name, "broken", fault=repr(fault))

    def _move(self) -> None:
        """The worker asked for, or another than the last, where there is one."""
        if self._next is not None:
            self.worker, self._next = self._next, None
            return
        others = [worker for worker in self.workers if worker is not self.worker]
        if others:
            self.worker = self.chance.choice(others)

    # Doing

    async def call(
        self, name: str, command: str, data: Data, *, keep: Callable[[Data], Data] = lambda ack: {}, **args: Any
    ) -> Operation:
        """One command, as the operation `name` of the history; it ends when the ack comes, the connection goes, or
        patience does. `keep` is what of the ack stays in the history, called as the ack comes."""
        operation = self.history.invoke(self.name, self.worker.name, name, **args)
        ended = asyncio.Event()

        def answered(ack: Data | None) -> None:
            if ack is None:
                self.history.end(operation, "unknown", why="cut")
            elif ack["ok"]:
                self.history.end(operation, "ok", **keep(ack))
            else:
                error = ack["error"]
                outcome: Any = "unknown" if error.get("retryable") else "fail"
                extra = {"retry_after": error["retry_after"]} if error.get("retry_after") else {}
                self.history.end(operation, outcome, code=error["code"], **extra)
            ended.set()

        if self.wire is None or self.wire.lost or not self.connected.is_set():
            answered(None)
            return operation
        ref = next(self._refs)
        self._answers[ref] = answered
        self.wire.send(sio_event(CHAT, command, data, ack=ref))
        try:
            await asyncio.wait_for(ended.wait(), PATIENCE)
        except TimeoutError:
            if self._answers.pop(ref, None) is not None:
                self.history.end(operation, "unknown", why="silent")
                self.cut()
        except asyncio.CancelledError:
            if self._answers.pop(ref, None) is not None:
                self.history.end(operation, "unknown", why="cut")
            raise
        return operation

    async def send(self, room: str, body: str, client_id: str | None = None) -> Operation | None:
        """Send until acked or refused for good; the last attempt. None when the device is out of the room before."""
        place = self.places[room]
        async with place.turn:
            client_id = client_id or f"{self.name.replace('/', '-')}-{next(self._client_ids)}"
            while True:
                await place.settled.wait()
                if place.out or self.finished:
                    return None
                attempt = await self.attempt(room, body, client_id)
                if attempt.outcome != "unknown":
                    return attempt
                await asyncio.sleep(min(1.0, attempt.result.get("retry_after", 0.05)))

    async def attempt(self, room: str, body: str, client_id: str) -> Operation:
        """Send once."""
        data = {"room_id": room, "client_id": client_id, "body": body}

        def keep(ack: Data) -> Data:
            return {"seq": ack["message"]["seq"], "duplicate": ack["duplicate"]}

        return await self.call("send", "message_send", data, keep=keep, room=room, client_id=client_id, body=body)

    async def _enter(self, place: Place) -> None:
        """Enter, page by page, until in or refused for good."""
        stay = self.stay
        while self.connected.is_set() and self.stay == stay and not place.entered and not place.out:
            data: Data = {"room_id": place.room}
            if place.cursor is not None:
                data |= {"after": place.cursor, "epoch": place.epoch}

            def keep(ack: Data) -> Data:
                self._apply(place, ack)
                return {"head": ack["head"], "more": ack["more"], "reset": ack["reset"]}

            entering = await self.call("enter", "room_enter", data, keep=keep, **data | {"room": place.room})
            if entering.outcome == "fail":
                self._be_out(place, str(entering.result["code"]))
            elif entering.outcome == "unknown":
                await asyncio.sleep(min(1.0, entering.result.get("retry_after", 0.1)))

    def _apply(self, place: Place, answer: Data) -> None:
        fresh = place.cursor is None or answer["reset"]
        for message in answer["messages"]:
            self.history.see(self.name, self.stay, message, live=False, fresh=fresh)
            place.cursor = message["seq"]
            fresh = False
            self.on_message(place, message)
        place.epoch = answer["epoch"]
        if not answer["more"]:
            place.entered = True
            place.settled.set()
            self.history.note(self.name, "entered", stay=self.stay, room=place.room, worker=self.worker.name)

    def _be_out(self, place: Place, why: str) -> None:
        place.entered, place.out = False, True
        place.settled.set()
        self.history.note(self.name, "out", stay=self.stay, room=place.room, why=why, worker=self.worker.name)

    def on_message(self, place: Place, message: Data) -> None:
        """A message was applied."""

    # The connection

    async def _connect(self) -> bool:
        self.stay += 1
        stay = self.stay
        self._lost.clear()
        operation = self.history.invoke(self.name, self.worker.name, "connect", stay=stay)
        loop = asyncio.get_running_loop()
        self._greetings = {namespace: loop.create_future() for namespace in self.namespaces}
        try:
            self.wire = await Wire.open(
                self._port(self.worker),
                self._packet,
                lambda: self._gone(stay),
                lambda what: self.history.note(self.name, "garbled", stay=stay, fault=what),
                self._receive_buffer,
            )
            async with asyncio.timeout(PATIENCE):
                for namespace, greeting in self._greetings.items():
                    self.wire.send(sio_connect(namespace, self.credentials()))
                    await greeting
        except (OSError, TimeoutError) as fault:
            final = isinstance(fault, RefusedError) and fault.code in ("unauthorized", "forbidden")
            self.history.end(operation, "fail" if final else "unknown", why="cut", code=str(fault))
            self.finished = self.finished or final
            self.cut()
            return False
        except asyncio.CancelledError:
            self.history.end(operation, "unknown", why="cut")
            self.cut()
            raise
        self.history.end(operation, "ok")
        self.connected.set()
        self.history.note(self.name, "listens", stay=stay, worker=self.worker.name)
        return True

    def credentials(self) -> Data:
        """What it shows at the door."""
        return {"token": self.person.token if self.person is not None else "nobody"}

    def _gone(self, stay: int) -> None:
        if stay != self.stay:
            return
        was_in, self.wire = self.connected.is_set(), None
        self.connected.clear()
        for place in self.places.values():
            place.entered = False
            if not place.out:
                place.settled.clear()
        if was_in:
            self.history.note(self.name, "cut", stay=stay, worker=self.worker.name)
        for greeting in self._greetings.values():
            if not greeting.done():
                greeting.set_exception(RefusedError("cut"))
                greeting.exception()
        answers, self._answers = self._answers, {}
        for answered in answers.values():
            answered(None)
        self._lost.set()

    def _packet(self, text: str) -> None:
        if text.startswith('42/chat,["message",'):
            self._live(orjson.loads(text[8:])[1])
            return
        packet = parse_sio(text)
        if packet is None:
            return
        if packet.type == 3 and packet.ack is not None:
            answered = self._answers.pop(packet.ack, None)
            if answered is not None:
                answered(packet.data[0])
        elif packet.type == 2:
            self.on_event(packet.namespace, packet.data[0], packet.data[1])
        elif packet.type in (0, 4):
            greeting = self._greetings.get(packet.namespace)
            if greeting is not None and not greeting.done():
                if packet.type == 0:
                    greeting.set_result(packet.data)
                else:
                    data = packet.data.get("data") or {}
                    greeting.set_exception(RefusedError(str(data.get("code", packet.data.get("message")))))
                    greeting.exception()

    def _live(self, message: Data) -> None:
        place = self.places.get(message["room_id"])
        if place is None or not place.entered:
            # What nobody asked for is a sight all the same; the checker says what it means.
            self.history.note(self.name, "uncalled", room=message["room_id"], seq=message["seq"], stay=self.stay)
        self.history.see(self.name, self.stay, message, live=True, fresh=place is None or place.cursor is None)
        if place is not None:
            place.cursor = message["seq"]
            self.on_message(place, message)

    def on_event(self, namespace: str, name: str, data: Data) -> None:
        """Any event but `message`."""
        if name != "bye":
            return
        self.byes.append(data)
        self.history.note(self.name, "bye", stay=self.stay, worker=self.worker.name, **data)
        if data.get("room_id"):
            place = self.places.get(data["room_id"])
            if place is not None:
                self._be_out(place, data["code"])
        elif data["code"] in FINAL_BYES:
            self.finished = True
        elif data["code"] == "restart" and namespace == CHAT:
            self.cut()


async def until(probe: Callable[[], object], within: float, what: str = "") -> None:
    """Wait until `probe` is true. Raises AssertionError."""
    try:
        async with asyncio.timeout(within):
            while not probe():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it did not come true within {within} s: {what}") from None


@contextlib.asynccontextmanager
async def closing(devices: Sequence[Device]) -> Any:
    """Close them all at the end."""
    try:
        yield devices
    finally:
        await asyncio.gather(*(device.close() for device in devices))
