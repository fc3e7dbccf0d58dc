"""One live connection as delivery sees it: an ordered, bounded way out, and who is at its end.

How bytes travel is the transports'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from chatapp.contract.names import CHAT, NOTIFICATIONS
from chatapp.contract.names import Event as EventName
from chatapp.realtime.outgoing import Bundle, Event, Outgoing

log = structlog.get_logger(__name__)


class Connection(ABC):
    """An Engine.IO socket (both its namespaces) or a plain WebSocket.

    `send` keeps the order of its calls, never yields, never blocks and never raises: a connection that is gone or
    too slow is closed later, by its own transport. `expires_at` is Unix time in seconds of its token's end.
    """

    id: str
    user_id: str
    session_id: str
    expires_at: float
    closed: bool

    @abstractmethod
    def send(self, outgoing: Outgoing | Bundle) -> None:
        """Put `outgoing` behind everything sent before."""

    @abstractmethod
    def flush(self) -> None:
        """Write what `send` gathered while corked. Never yields."""

    def hears(self, namespace: str, room_id: str | None = None) -> bool:
        """Whether events of `namespace`, about `room_id` if it is about one, are for this connection at all."""
        return True

    def room_bye(self, room_id: str, code: str) -> None:
        """Say that the stay in one room is over; the connection itself goes on."""
        self.send(Event.of(CHAT, EventName.BYE, {"room_id": room_id, "code": code}))

    def notify(self, name: str, data: dict[str, Any]) -> None:
        """Send an event of /notifications, where the connection listens to it."""
        if self.hears(NOTIFICATIONS):
            self.send(Event.of(NOTIFICATIONS, name, data))

    notified_seq: int = -1
    """The seq of the last notification this connection was told; negative while it does not listen to them."""

    read_version: int = 0
    """How often its user had read notifications when it was last told what is unread."""

    @abstractmethod
    def bye(self, code: str, *, retry_ms: int | None = None) -> None:
        """Say `bye` with `code`, then close the transport a moment later. Returns at once."""


class Cork:
    """Gathers the writes of one batch, so that a message event and its sender's ack leave in the same system call.

    Nothing may yield while it is in: with async_mode threading it stays out, and every send goes its ordinary way.
    """

    def __init__(self) -> None:
        self.is_in = False
        self.waiting: list[Connection] = []

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Hold back direct writes inside the block, flush each touched connection once at its end."""
        if self.is_in:
            yield
            return
        self.is_in = True
        try:
            yield
        finally:
            self.is_in = False
            touched, self.waiting = self.waiting, []
            for connection in touched:
                try:
                    connection.flush()
                except Exception:
                    log.exception("flush_failed", connection_id=connection.id)  # the others' must not stay behind
