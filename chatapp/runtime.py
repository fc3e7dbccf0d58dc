"""What runs inside a process: committer, pumps, courier, poll, leases, and the sockets' transports, put together.

Composing starts nothing; `start` does. The parts know each other only by what they are handed here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import socketio
from flask_socketio import SocketIO

from chatapp import figures, meters, ports
from chatapp.arrivals import Arrivals
from chatapp.contract import ids
from chatapp.contract.errors import Refused
from chatapp.contract.hints import Hint
from chatapp.contract.names import NAMESPACES
from chatapp.contract.words import Bye
from chatapp.db import Lane, database
from chatapp.domain import messages
from chatapp.domain.messages import Send, Sent
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.committer import Committer
from chatapp.realtime.connection import Connection, Cork
from chatapp.realtime.courier import Courier
from chatapp.realtime.deliverer import Deliverer
from chatapp.realtime.errands import Errands
from chatapp.realtime.hub import Hub
from chatapp.realtime.leases import Leases
from chatapp.realtime.parcel_post import post
from chatapp.realtime.poll import Poll
from chatapp.realtime.queue import HintQueue, LocalQueue
from chatapp.rounds import Broom, Rounds, vitally
from chatapp.transports.apart import apart
from chatapp.transports.door import Door
from chatapp.transports.entrance import Entrance
from chatapp.transports.gateway import Gateway
from chatapp.transports.operations import Operations
from chatapp.transports.sends import Sends
from chatapp.transports.sio import installing
from chatapp.transports.sio.gate import Gate
from chatapp.transports.sio.manager import LocalManager, RedisManager
from chatapp.transports.sio.namespaces import ChatNamespace, NotificationsNamespace
from chatapp.transports.ws.room_endpoint import RoomEndpoint

if TYPE_CHECKING:
    from flask import Flask

    from chatapp.transports.auth import Auth
    from chatapp.transports.limits import Attempts
    from chatapp.transports.uploads import Uploads
    from config import Settings

POLL_FRAMES = 16
"""A polling POST carries many packets; each is held to the frame's limit by the gate, a WebSocket's by its driver."""

DRAIN_SENDS_SECONDS = 2.0
SEEN_SECONDS = 5.0
"""How late it may be written down that a sign-in was in use."""


class Runtime:
    """One per app; `serving.process` starts, drains and stops it. `async_mode` is "eventlet" or "threading"."""

    def __init__(
        self, app: Flask, settings: Settings, auth: Auth, attempts: Attempts, uploads: Uploads, *, async_mode: str
    ) -> None:
        self.settings = settings
        self.uploads = uploads
        self.cork = Cork()
        self.hub = Hub(Errands())
        self.draining = False
        self.started = False
        self._lane: Lane | None = None
        self._write_seen = auth.write_seen
        self.queue, manager = _queue(settings)
        self.socketio = SocketIO(
            app,
            async_mode=async_mode,
            client_manager=manager,
            namespaces=list(NAMESPACES),
            async_handlers=False,
            manage_session=False,
            cors_allowed_origins=list(settings.cors_origins),
            max_http_buffer_size=POLL_FRAMES * settings.limit_frame_bytes,
            ping_interval=settings.ping_interval_seconds,
            ping_timeout=settings.ping_timeout_seconds,
            logger=False,
            engineio_logger=False,
        )
        self.server: socketio.Server = self.socketio.server  # type: ignore[assignment]  # set by init_app above
        self.spawn: Callable[..., Any] = self.socketio.start_background_task
        self.sleep: Callable[[float], Any] = self.socketio.sleep
        self.courier = Courier(self.hub, ports.READS, self.sleep)
        self.poll = Poll(self.hub, self.courier, ports.READS)
        self.leases = Leases(ports.Ledger(), ports.terms(settings), fence=self._fence)
        self.committer = Committer[Send, Sent](
            write=self._write,
            announce=self.announce,
            room_of=lambda send: send.room_id,
            capacity=settings.committer_queue,
            deadline_seconds=settings.send_deadline_seconds,
            cork=self.cork if async_mode == "eventlet" else None,
        )
        self.deliverer = Deliverer(ports.Deliveries(), self._post, self.spawn, self.worker_id)
        self._compose(auth, attempts)
        database.listen(self.announce)
        self.queue.listen(self.hub.take)

    def _compose(self, auth: Auth, attempts: Attempts) -> None:
        """The way in, from packet to domain."""
        settings = self.settings
        sends = settings.limit_sends
        self.sends = Sends(self.committer, Buckets(sends.per_second, settings.limit_sends_burst))
        self.door = Door(self.hub, auth, attempts, self.worker_id)
        entrance = Entrance(self.hub, self.worker_id)
        typing = Buckets(settings.limit_typing.per_second, settings.limit_typing.count)
        packets = Buckets(settings.limit_packets.per_second, settings.limit_packets_burst)
        history = Buckets(settings.limit_history.per_second, settings.limit_history_burst)
        operations = Operations(self.hub, entrance, self.announce, typing=typing, history=history)
        self.gateway = Gateway(operations, self.sends, packets, self.door.refresh, apart(self.spawn))
        self.arrivals = Arrivals(
            self.hub, self.door, self.gateway, self.server, cork=self.cork, spawn=self.spawn, sleep=self.sleep
        )
        self.endpoint = RoomEndpoint(
            self.gateway,
            entrance,
            self.arrivals.admit_plain,
            self.arrivals.left_plain,
            sleep=self.sleep,
            pages=history,
        )
        installing.install(
            self.server.eio,
            slow_bytes=settings.slow_bytes,
            slow_seconds=settings.slow_seconds,
            sid_prefix=f"{settings.worker_name or ids.new_id()[:8]}.",
        )
        namespaces = (
            ChatNamespace(self.arrivals.admit_sio, self.arrivals.left_sio),
            NotificationsNamespace(self.arrivals.admit_sio, self.arrivals.left_sio),
        )
        self.gate = Gate(
            self.server,
            self.gateway,
            namespaces,
            self.arrivals.connected,
            self.arrivals.left_sio,
            max_packet_bytes=settings.limit_frame_bytes,
        )
        self.arrivals.gate = self.gate
        self.gate.install()
        for namespace in namespaces:
            self.socketio.on_namespace(namespace)

    @property
    def connections(self) -> Iterable[Connection]:
        """Everybody who is connected."""
        return list(self.hub.connections.values())

    def worker_id(self) -> str:
        """The lease that new visits are held by; empty while there is none to give."""
        return "" if self.draining else self.leases.worker_id

    def start(self) -> None:
        """Begin to beat, watch, poll and commit. Raises what the database raises."""
        self.leases.begin()
        self._lane = database.lane(messages.PREPARED)
        self.hub.seen_database = time.monotonic()
        self.committer.begin()
        if not self.server.manager_initialized:
            # The library would wait for the first Socket.IO client; until then nobody heard what REST commits here.
            self.server.manager_initialized = True
            self.server.manager.initialize()
        self.started = True
        settings = self.settings
        rounds = Rounds(self.spawn, self.sleep, draining=lambda: self.draining)
        for task in (self.committer.run, self.courier.run, self.door.run, rounds.watch_lag):
            self.spawn(task)
        broom = Broom(self.uploads, seconds=settings.sweep_seconds, drafts_older_than=settings.draft_seconds)
        rounds.every(settings.lease_beat_seconds, vitally(self.leases.beat))
        rounds.every(1.0, self.leases.guard)
        rounds.every(settings.janitor_seconds, vitally(self.leases.watch))
        rounds.every(self._poll_seconds, vitally(self.poll.look))
        rounds.every(settings.head_seconds, self.courier.tell_heads)
        rounds.every(1.0, self.courier.tell_presence)
        rounds.every(1.0, self._end_expired)
        rounds.every(SEEN_SECONDS, self._write_seen)
        rounds.every(settings.janitor_seconds, broom.sweep)
        rounds.every(settings.webhook_poll_seconds, self.deliverer.look)

    def drain(self) -> None:
        """Take nothing new, answer what was accepted. What this worker holds is left to its lease, so that a host who
        comes back elsewhere was never away."""
        self.draining = True
        self.deliverer.stopped = True
        self.committer.stop()
        self.gate.expel_strangers(-1.0)  # however new: nobody else says goodbye to them
        deadline = time.monotonic() + DRAIN_SENDS_SECONDS
        while (self.committer.busy or self.committer.depth) and time.monotonic() < deadline:
            self.sleep(0.01)

    def stop(self) -> None:
        """End what `start` began."""
        self.drain()
        self.hub.errands.stop()
        self.door.stop()
        self.queue.stop()
        if self._lane is not None:
            self._lane.close()

    def readiness(self) -> tuple[str, list[str]]:
        """`ready`, `degraded` or `not_ready`, with the reasons."""
        reasons = []
        if self.draining:
            reasons.append("draining")
        if self.started and not self.leases.serving:
            reasons.append("no lease")
        if self.started and self.leases.clock_is_wrong:
            reasons.append("the clock differs from the database's")
        if self.started and self.hub.blind:
            reasons.append("database out of sight")
        if reasons:
            return "not_ready", reasons
        if self.started and not self.queue.healthy:
            return "degraded", ["message queue unwell"]
        return "ready", []

    def figures(self) -> dict[str, tuple[str, float]]:
        """What this process serves at the moment."""
        return figures.of(self)

    def announce(self, hints: list[Hint]) -> None:
        """What was committed here, to this worker's clients and to the other workers."""
        self.hub.take(hints)
        self.queue.publish(hints)

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        settings = self.settings
        return post(url, body, headers, private=settings.webhook_private, seconds=settings.webhook_timeout_seconds)

    def _write(self, batch: list[Send]) -> tuple[list[Any], list[Hint]]:
        lane = self._lane or database.lane(messages.PREPARED)
        try:
            with lane.transaction() as tx:
                answers = messages.send_many(tx, batch)
            _count(answers)
            return answers, tx.hints
        finally:
            if lane is not self._lane:
                lane.close()

    def _poll_seconds(self) -> float:
        return self.settings.poll_seconds if self.queue.healthy else self.settings.poll_degraded_seconds

    def _fence(self) -> None:
        """This worker's lease is gone: whoever is connected should go to one that has one."""
        for connection in self.connections:
            connection.bye(Bye.RESTART, retry_ms=1000)

    def _end_expired(self) -> None:
        self.arrivals.end_expired(strangers_after=self.settings.connect_timeout_seconds)


def _queue(settings: Settings) -> tuple[HintQueue, Any]:
    if not settings.redis_url:
        return LocalQueue().end(), LocalManager()  # type: ignore[no-untyped-call]
    manager = RedisManager(settings.redis_url, settings.queue_channel, settings.secret_key.encode())
    return manager, manager


def _count(answers: list[Sent | Refused]) -> None:
    """A committed batch, by what became of its sends."""
    refused = sum(isinstance(answer, Refused) for answer in answers)
    doubles = sum(answer.duplicate for answer in answers if isinstance(answer, Sent))
    meters.SENDS.add(len(answers) - refused - doubles, "stored")
    meters.SENDS.add(doubles, "duplicate")
    meters.SENDS.add(refused, "refused")
