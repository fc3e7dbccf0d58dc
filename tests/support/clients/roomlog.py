"""A client's own copy of a room's log: what it applied, and every breach of the contract it met on the way."""

from __future__ import annotations

from typing import Any


class RoomLog:
    """Begins with the answer to entering, goes on with live messages, resumes from `cursor`.

    `faults` names what a server must never do: a message before the answer, twice, out of order or after a hole.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.epoch: str | None = None
        self.room: dict[str, Any] = {}
        self.participants: list[dict[str, Any]] = []
        self.me: dict[str, Any] = {}
        self.faults: list[str] = []
        self.resets = 0
        self.entered = False

    @property
    def cursor(self) -> int | None:
        """The last seq applied; None before the first answer."""
        return None if self.epoch is None else self.last

    @property
    def last(self) -> int:
        """The last seq applied, 0 for none."""
        return int(self.messages[-1]["seq"]) if self.messages else 0

    def left(self) -> None:
        """The connection is gone: nothing may come before the next answer."""
        self.entered = False

    def answer(self, snapshot: dict[str, Any]) -> bool:
        """Apply the answer to entering. True when there is more and the client must enter again."""
        resumes = self.epoch is not None and not snapshot["reset"]
        if not resumes:
            self.resets += self.epoch is not None
            self.messages = []
        for message in snapshot["messages"]:
            expected = self.last + 1 if resumes or self.messages else message["seq"]  # the newest page begins anywhere
            if message["seq"] != expected:
                self.faults.append(f"the answer has {message['seq']} where {expected} should be")
            self.messages.append(message)
        self.epoch = snapshot["epoch"]
        self.room = snapshot["room"]
        self.me = snapshot["me"]
        self.participants = snapshot["participants"]
        more = bool(snapshot["more"])
        if not more and self.last != snapshot["head"]:
            self.faults.append(f"the answer ends at {self.last}, its head is {snapshot['head']}")
        self.entered = not more
        return more

    def live(self, message: dict[str, Any]) -> None:
        """Apply a live message."""
        if not self.entered:
            self.faults.append(f"{message['seq']} came before the answer")
        elif message["seq"] != self.last + 1:
            self.faults.append(f"{message['seq']} came after {self.last}")
        self.messages.append(message)
