"""The same client for programs without asyncio: an event loop in a thread of its own does the work."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

from chatapp_client import aio
from chatapp_client.events import Event, State, is_last
from chatapp_client.session import Changed, Device, Kept, Session
from chatapp_client.things import Message

T = TypeVar("T")


class Client:
    """`with Client.sign_in(url, "ben", "…") as client: room = client.room(room_id)`. Its methods may be called from any
    thread."""

    def __init__(self, url: str, kept: Kept, *, changed: Changed = lambda kept: None) -> None:
        self._start()

        async def go_on() -> Session:
            return Session(url, kept, changed=changed)

        self._open(go_on())

    @classmethod
    def sign_in(
        cls,
        url: str,
        username: str,
        password: str,
        *,
        otp: str | None = None,
        kept: Device | None = None,
        changed: Changed = lambda kept: None,
    ) -> Self:
        """Sign in, as `Session.sign_in` does. Raises CodeNeeded, SignedOut, Refused, NoAnswer."""
        client = cls.__new__(cls)
        client._start()
        client._open(Session.sign_in(url, username, password, otp=otp, kept=kept, changed=changed))
        return client

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chatapp-client", daemon=True)
        self._thread.start()

    def _open(self, session: Coroutine[Any, Any, Session]) -> None:
        async def opening() -> aio.Client:
            return await aio.Client(await session).__aenter__()

        try:
            self._client = self.run(opening())
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def session(self) -> Session:
        """Who is signed in."""
        return self._client.session

    @property
    def state(self) -> str:
        """`connecting`, `online`, `offline` or `stopped`."""
        return self._client.state

    def room(self, room_id: str, *, outbox: Path | None = None) -> Room:
        """A room to be entered as soon, and as often, as there is a connection."""

        async def making() -> aio.Room:
            return self._client.room(room_id, outbox=outbox)

        return Room(self, self.run(making()))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One REST request. Raises Refused, NoAnswer, SignedOut."""
        return self.run(self._client.session.call(method, path, body))

    def close(self) -> None:
        """Say goodbye. Safe to call again."""
        if not self._loop.is_closed():
            self.run(self._client.close())
            self._end()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Wait for something that the loop does."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def _end(self) -> None:
        async def finish() -> None:
            """What the library left running."""
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.1)  # transports say that they are closed in the loop's next rounds

        self.run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Room:
    """One room."""

    def __init__(self, client: Client, room: aio.Room) -> None:
        self.id = room.id
        self._client = client
        self._room = room
        self._told: queue.SimpleQueue[Event] = queue.SimpleQueue()

        async def listening() -> None:
            async def listen() -> None:
                try:
                    async for event in room.events():
                        self._told.put(event)
                finally:
                    self._told.put(State("stopped", "closed"))  # who reads ends with us, whatever ended us

            room._client.spawn(listen())

        client.run(listening())

    @property
    def inside(self) -> bool:
        """Whether the room is entered."""
        return self._room.inside

    @property
    def messages(self) -> list[Message]:
        """The log as far as it is here."""
        return list(self._room.log.items)

    def send(self, body: str, timeout: float | None = None) -> Message:
        """Say something and wait until it stands, over as many connections as that takes. Raises Refused; TimeoutError
        leaves it in the outbox."""
        return self.post(body).result(timeout)

    def post(self, body: str) -> Future[Message]:
        """Say something and go on."""

        async def sending() -> Message:
            return await asyncio.shield(self._room.send(body))

        return asyncio.run_coroutine_threadsafe(sending(), self._client._loop)

    def command(self, name: str, **fields: Any) -> dict[str, Any]:
        """A command about this room; its ack. Raises Refused, NoAnswer."""
        return self._client.run(self._room.command(name, **fields))

    def come_back(self) -> None:
        """Who was removed, or knocked, enters if they are let in by now."""
        self._client._loop.call_soon_threadsafe(self._room.come_back)

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """What happens, from the beginning, to the `State` that says `stopped`; ends also when nothing happens for
        `timeout` seconds. For one reader."""
        while True:
            try:
                event = self._told.get(timeout=timeout)
            except queue.Empty:
                return
            yield event
            if is_last(event):
                self._told.put(event)  # so that whoever asks once more does not wait for ever
                return
