"""What every transport offers to a `Member`: commands with an answer, and all that comes, in the order it came."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

Data = dict[str, Any]
Answered = Callable[[Data], None]

CHAT = "/chat"
NOTIFICATIONS = "/notifications"


class Listener:
    """Who hears what comes. All calls of one wire come from one thread at a time, in the order of the wire."""

    def on_connect(self) -> None:
        """The wire is up; rooms must be entered again."""

    def on_disconnect(self, reason: str) -> None:
        """The wire is down; answers that are still out will not come."""

    def on_refused(self, error: Data) -> None:
        """The server did not let it in: `{code, …}`."""

    def on_event(self, name: str, data: Any) -> None:
        """The server said something of itself."""


class Wire(ABC):
    """One connection, and its successors."""

    listener: Listener = Listener()
    pages_come_by_themselves = False
    """Whether an answer with `more` is followed by the next one unasked."""

    @abstractmethod
    def connect(self) -> None:
        """Begin to connect; `on_connect` or `on_refused` follows."""

    @abstractmethod
    def command(self, name: str, data: Data, answered: Answered, namespace: str = CHAT) -> None:
        """Send a command; `answered` gets its ack, in the wire's order."""

    @abstractmethod
    def enter(self, room_id: str, resume: Data, answered: Answered) -> None:
        """Enter a room, `resume` being `{after?, epoch?}`; `answered` gets the answer or `{ok: false, error}`."""

    @abstractmethod
    def reload(self) -> None:
        """Cut the connection without a word, as a reloaded page does, and connect anew."""

    @abstractmethod
    def cut(self) -> None:
        """Cut the connection without a word and stay away until `connect`."""

    @abstractmethod
    def close(self) -> None:
        """Go, and do not come back."""
