"""Somebody who talks without end and forgets nothing: what was said, what was acknowledged, how long an answer took."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.support.clients.member import Member


class Speaker:
    """Says one thing after the other as `member`, each until it is acknowledged, from now until `stop`.

    `pause` is in seconds, between an ack and the next thing.
    """

    def __init__(self, member: Member, room_id: str, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.member = member
        self.room_id = room_id
        self.acked: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.slowest = 0.0
        """Seconds from the first try of a send to its ack."""
        self.fault: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def _talk(self) -> None:
        try:
            while not self._stopped.wait(self.pause):
                body = f"{self.member.person.username} says {len(self.said)}"
                self.said.append(body)
                begun = time.monotonic()
                self.acked.append(self.member.send(self.room_id, body, timeout=60)["message"])
                self.slowest = max(self.slowest, time.monotonic() - begun)
        except BaseException as fault:  # noqa: BLE001 — the test hears of it in `stop`
            self.fault = fault

    def stop(self) -> None:
        """End after the next ack. Raises AssertionError when a send had failed for good."""
        self._stopped.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), f"{self.member!r} still waits for an ack"
        assert self.fault is None, f"{self.member!r} could not send: {self.fault!r}"

    def assert_stands(self, log: Sequence[dict[str, Any]]) -> None:
        """What was acknowledged is in the room's log as it was acknowledged, and all that was said: once, in order."""
        by_seq = {message["seq"]: message for message in log}
        assert [by_seq.get(message["seq"]) for message in self.acked] == self.acked
        own = [message["body"] for message in log if message["sender"] == self.member.person.user]
        assert own == self.said, "each once, in the order of saying"
