"""What was written and does not yet stand in the log. Each item keeps its client_id until it does, so that sending it
again can never make a second message; one is under way at a time, so that order stays the order of writing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from chatapp_client.backoff import delay
from chatapp_client.faults import NoAnswer, Refused
from chatapp_client.things import Message

Send = Callable[[str, str], Awaitable[Message]]
"""(client_id, body) -> the message as it stands. Raises Refused, NoAnswer."""
Failed = Callable[[str, str, Refused], object]
"""(client_id, body, refusal): it will not stand."""


class Outbox:
    """`path` is a file that outlives the process, of one user in one room; without one it lives as long as this
    object."""

    def __init__(self, send: Send, path: Path | None = None, failed: Failed = lambda *given: None) -> None:
        self._send = send
        self._path = path
        self._failed = failed
        self._ended: Exception | None = None
        self._items: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._open = asyncio.Event()
        self._filled = asyncio.Event()
        if path is not None and path.exists():
            self._items = json.loads(path.read_text())
            self._filled.set()

    @property
    def items(self) -> dict[str, str]:
        """client_id -> body, in the order of writing."""
        return dict(self._items)

    def add(self, body: str) -> asyncio.Future[Message]:
        """Keep a text until it stands. The future ends with the message, or with the server's refusal. Raises OSError
        when the file cannot be written: the text is not taken then."""
        client_id = str(uuid.uuid4())
        self._items[client_id] = body
        try:
            self._keep()
        except OSError:
            del self._items[client_id]
            raise
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[client_id] = waiting
        self._filled.set()
        if self._ended is not None:
            self.end(self._ended)
        return waiting

    def settle(self, client_id: str, message: Message) -> None:
        """It stands in the log, as the ack or an event says."""
        self._take_out(client_id)
        waiting = self._waiting.pop(client_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def open(self) -> None:
        """The room is entered: send what waits."""
        self._open.set()

    def close(self) -> None:
        """No connection: keep everything."""
        self._open.clear()

    def end(self, why: Exception) -> None:
        """Nothing is sent any more. Who waits learns why; what waits stays in the file, for the next run."""
        self._ended = why
        self.close()
        for waiting in self._waiting.values():
            _raise_in(waiting, why)
        self._waiting.clear()

    async def run(self) -> None:
        """Send, for ever."""
        tries = 0
        while True:
            await self._filled.wait()
            await self._open.wait()
            if not self._items:
                self._filled.clear()
                continue
            client_id, body = next(iter(self._items.items()))
            try:
                self.settle(client_id, await self._send(client_id, body))
                tries = 0
            except NoAnswer:
                await asyncio.sleep(delay(tries))
                tries += 1
            except Refused as refusal:
                if refusal.retryable:
                    await asyncio.sleep(delay(tries) if refusal.retry_after is None else refusal.retry_after)
                    tries += 1
                else:
                    self._fail(client_id, refusal)

    def _fail(self, client_id: str, refusal: Refused) -> None:
        body = self._take_out(client_id)
        waiting = self._waiting.pop(client_id, None)
        if waiting is not None:
            _raise_in(waiting, refusal)
        self._failed(client_id, body, refusal)

    def _take_out(self, client_id: str) -> str:
        body = self._items.pop(client_id, None)
        if body is None:
            return ""  # every message of one's own is settled, also those of an earlier run
        with contextlib.suppress(OSError):  # the next run sends it again, and is told that it stands
            self._keep()
        return body

    def _keep(self) -> None:
        """Whole, or as before: also when the power goes."""
        if self._path is not None:
            fresh = self._path.with_name(f"{self._path.name}.new")
            with fresh.open("w") as file:
                json.dump(self._items, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)


def _raise_in(waiting: asyncio.Future[Message], fault: Exception) -> None:
    """Whoever waits gets it; where nobody does, nobody is told that nobody did."""
    if not waiting.done():
        waiting.set_exception(fault)
        waiting.exception()
