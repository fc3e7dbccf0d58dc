"""Our client managers. Delivery writes to connections itself; of the library's manager we keep who is connected where,
and with Redis its message queue, on which hints travel as messages of a kind of their own.

Tried with python-socketio 5.18.1.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import socketio
import structlog

from chatapp import meters
from chatapp.contract.hints import Hint
from chatapp.realtime.queue import MAX_TEXT, Deliver, seal, unseal
from chatapp.transports import redis_client

KIND = "chatapp"
MAX_WAITING = 8 * 1024 * 1024
"""Characters that may wait to be published; the oldest give way, the poll finds what they were about."""

ECHO_SECONDS = 1.0
TIMEOUT_SECONDS = 0.5
UNWELL_SECONDS = 5.0
"""After a new subscription the queue counts as unwell for so long: what was said before is lost."""

log = structlog.get_logger(__name__)


class OwnRooms:
    """The library's bookkeeping without rooms: nobody enters any here, so a client is in one, which is all. The library
    gives each another of its own, 1 KiB, and walks over every room of the namespace at each disconnect."""

    rooms: dict[str, dict[str | None, Any]]
    callbacks: dict[str, Any]
    pending_connect: dict[str, list[str]]
    pending_disconnect: dict[str, list[str]]
    basic_leave_room: Callable[[str, str, str | None], None]

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Note a client of a namespace."""
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)  # type: ignore[misc]

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Forget a client of a namespace."""
        if namespace not in self.rooms:
            return
        self.basic_leave_room(sid, namespace, None)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


class LocalManager(OwnRooms, socketio.Manager):
    """For one process."""


class RedisManager(OwnRooms, socketio.RedisManager):
    """For several. It is a HintQueue: what it publishes waits in a bounded queue for a greenlet of its own, so that a
    Redis that is slow or gone delays nobody."""

    def __init__(self, url: str, channel: str, key: bytes) -> None:
        super().__init__(
            redis_client.normalised(url), channel=channel, redis_options=redis_client.options(TIMEOUT_SECONDS)
        )  # type: ignore[no-untyped-call]
        self._key = key
        self._publisher = redis_client.client(url, timeout=TIMEOUT_SECONDS)
        self._waiting: deque[str] = deque()
        self._waiting_size = 0
        self._asked = threading.Condition()
        self._stopped = False
        self._deliver: Deliver = lambda hints: None
        self._heard = 0.0
        self._subscribed = 0.0
        self._failed = 0.0

    server: Any
    redis: Any
    pubsub: Any

    def initialize(self) -> None:
        """Subscribe, and begin to publish."""
        super().initialize()  # type: ignore[no-untyped-call]
        self._subscribed = time.monotonic()
        self.server.start_background_task(self._publish_waiting)
        self.server.start_background_task(self._echo)

    # HintQueue

    def publish(self, hints: list[Hint]) -> None:
        """Tell the other processes, soon or never."""
        for sealed in seal(hints, self._key):
            self._put(sealed)

    def listen(self, deliver: Deliver) -> None:
        """Call `deliver` with what the others publish."""
        self._deliver = deliver

    def stop(self) -> None:
        """End the loops, each within about a second."""
        with self._asked:
            self._stopped = True
            self._asked.notify_all()

    @property
    def healthy(self) -> bool:
        """An own echo within a second or two, no failure lately, and not newly subscribed."""
        moment = time.monotonic()
        return (
            moment - self._heard < 2 * ECHO_SECONDS
            and moment - self._failed > ECHO_SECONDS
            and moment - self._subscribed > UNWELL_SECONDS
        )

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be published; what is sealed is nearly all ASCII."""
        return self._waiting_size

    # The library's side

    def _thread(self) -> None:
        """In place of the library's loop, which would unpack and obey what is on the channel: of it we take hints."""
        channel = self.channel.encode()
        for message in self._redis_listen_with_retries():
            if message["type"] == "message" and message["channel"] == channel:
                self._hear(message["data"])

    def _hear(self, data: bytes) -> None:
        try:
            message = self._read(data)
            if message is None:
                return
            if message.get("host_id") == self.host_id:
                self._heard = time.monotonic()
                return
            hints = unseal(message.get("sealed"), self._key)
            if hints:
                self._deliver(hints)
        except Exception:
            log.exception("hint_failed")  # whatever stands on the channel, the next message is heard

    def _read(self, data: bytes) -> dict[str, Any] | None:
        """A message of ours, None for everything else."""
        if len(data) > MAX_TEXT:
            return None
        try:
            message = self.json.loads(data)
        except (ValueError, TypeError, RecursionError):
            return None
        return message if isinstance(message, dict) and message.get("method") == KIND else None

    def _redis_listen_with_retries(self) -> Iterator[Any]:
        """The library's loop, with a steady retry of a second instead of up to a minute."""
        while not self._stopped:
            try:
                self._redis_connect()  # type: ignore[no-untyped-call]
                self.pubsub.subscribe(self.channel)
                self._subscribed = time.monotonic()
                while not self._stopped:
                    message = self.pubsub.get_message(ignore_subscribe_messages=True, timeout=ECHO_SECONDS)
                    if message is not None:
                        yield message
                    elif time.monotonic() - max(self._heard, self._subscribed) > 3 * ECHO_SECONDS:
                        raise ConnectionError("no echo")
            except Exception as fault:  # noqa: BLE001 — whatever it is, the answer is to subscribe again
                self._failed = time.monotonic()
                meters.QUEUE_FAILURES.add()
                log.warning("queue_lost", fault=type(fault).__name__)
                self.server.sleep(ECHO_SECONDS)
            finally:
                if self.pubsub is not None:
                    self.pubsub.close()
                    self.redis.close()

    def _put(self, sealed: str) -> None:
        with self._asked:
            self._waiting.append(sealed)
            self._waiting_size += len(sealed)
            while self._waiting_size > MAX_WAITING:
                self._waiting_size -= len(self._waiting.popleft())
            self._asked.notify()

    def _publish_waiting(self) -> None:
        while True:
            with self._asked:
                while not self._waiting and not self._stopped:
                    self._asked.wait()
                if self._stopped:
                    break
                sealed = self._waiting.popleft()
                self._waiting_size -= len(sealed)
            self._publish_now(sealed)
        self._publisher.close()

    def _publish_now(self, sealed: str) -> None:
        message = self.json.dumps({"method": KIND, "host_id": self.host_id, "sealed": sealed})
        try:
            self._publisher.publish(self.channel, message)
            meters.HINTS.add()
        except Exception as fault:  # noqa: BLE001 — a hint that is lost costs a second, never a message
            self._failed = time.monotonic()
            meters.QUEUE_FAILURES.add()
            log.warning("publish_failed", fault=type(fault).__name__)
            with self._asked:
                # By the time that Redis is back they are old news. Tried one by one they would be for minutes.
                self._waiting.clear()
                self._waiting_size = 0

    def _echo(self) -> None:
        """Say something to oneself every second, to know that the queue lives."""
        while not self._stopped:
            self._put("")
            self.server.sleep(ECHO_SECONDS)
