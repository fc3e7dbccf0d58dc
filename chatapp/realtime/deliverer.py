"""Carries what happened to webhooks, on one worker at a time: looks for what is due, sends it in order, notes what came
of it. What is due, and when again, is the ledger's to say.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from chatapp.contract import hooks
from chatapp.realtime.parcel_post import Undelivered

LEASE = "webhooks"
AT_ONCE, AT_ONCE_EACH = 8, 2
"""Connections of all webhooks, and of one: who answers slowly must not hold up the others."""

log = structlog.get_logger(__name__)


class Ledger(Protocol):
    """The domain, as far as it is needed here."""

    def hold(self, *, name: str, worker_id: str) -> bool: ...
    def due(self, *, each: int) -> list[Any]: ...
    def parcels(self, job: Any) -> list[Any]: ...
    def note(self, job: Any, seq: int, *, status: int | None, fault: str | None, ms: int) -> bool: ...


Post = Callable[[str, bytes, dict[str, str]], int]
"""(url, body, headers) -> HTTP's status. Raises Undelivered."""


class Deliverer:
    """`look` is called again and again; each job is carried by a task of its own."""

    def __init__(self, ledger: Ledger, post: Post, spawn: Callable[..., Any], worker_id: Callable[[], str]) -> None:
        self._ledger = ledger
        self._post = post
        self._spawn = spawn
        self._worker_id = worker_id
        self._busy: dict[tuple[str, str], str] = {}
        self.stopped = False

    def look(self) -> None:
        """Begin what is due, if this worker is the one that does it."""
        jobs = self._ledger.due(each=AT_ONCE_EACH) if self._worker_id() and not self.stopped else []
        if not jobs or not self._ledger.hold(name=LEASE, worker_id=self._worker_id()):
            return
        each = Counter(self._busy.values())
        for job in jobs:
            key = (job.webhook_id, job.room_id)
            if key not in self._busy and len(self._busy) < AT_ONCE and each[job.webhook_id] < AT_ONCE_EACH:
                self._busy[key] = job.webhook_id
                each[job.webhook_id] += 1
                self._spawn(self._carry, job)

    def _carry(self, job: Any) -> None:
        try:
            for parcel in self._ledger.parcels(job):
                if self.stopped or not self._send(job, parcel):
                    return
        except Exception as fault:  # noqa: BLE001 — the database may be away; the next look begins again
            log.warning("delivery_failed", fault=type(fault).__name__)
        finally:
            del self._busy[(job.webhook_id, job.room_id)]

    def _send(self, job: Any, parcel: Any) -> bool:
        """One message, tried and noted. Whether to go on."""
        started = time.monotonic()
        status, fault = None, None
        headers = hooks.headers(job.secret, parcel.message_id, int(time.time()), parcel.body)
        try:
            status = self._post(job.url, parcel.body, headers)
        except Undelivered as undelivered:
            fault = undelivered.fault.value
        ms = round((time.monotonic() - started) * 1000)
        return self._ledger.note(job, parcel.seq, status=status, fault=fault, ms=ms)
