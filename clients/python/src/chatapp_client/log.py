"""A room's log as far as this client has it: gap-free, in order, each message once, whichever way it came."""

from __future__ import annotations

from chatapp_client.things import Message, Snapshot


class Log:
    """Pure bookkeeping: it takes answers and events, and says what is new."""

    def __init__(self) -> None:
        self.items: list[Message] = []
        self.epoch: str | None = None
        self.oldest = 1
        """The first seq that the server still has."""
        self._entered = False
        self._early: dict[int, Message] = {}

    @property
    def last(self) -> int:
        """The seq up to which everything is here."""
        return self.items[-1]["seq"] if self.items else 0

    @property
    def has_older(self) -> bool:
        """Whether older messages exist that are not here."""
        return bool(self.items) and self.items[0]["seq"] > self.oldest

    @property
    def has_gap(self) -> bool:
        """Whether something came that does not fit on yet."""
        return bool(self._early)

    @property
    def cursor(self) -> dict[str, int | str]:
        """Where to go on from: what `room_enter` takes."""
        return {} if self.epoch is None or not self.items else {"after": self.last, "epoch": self.epoch}

    def leave(self) -> None:
        """From now on, until the next answer to `room_enter`, live messages wait."""
        self._entered = False

    def enter(self, answer: Snapshot) -> tuple[bool, list[Message]]:
        """Take an answer to `room_enter`: whether everything before was dropped, and what was added."""
        fresh = answer["reset"] or answer["epoch"] != self.epoch
        if fresh:
            self.items = []
            self._early.clear()
        self.epoch = answer["epoch"]
        self.oldest = answer.get("oldest", 1)
        added = []
        for message in answer["messages"]:
            if not self.items or message["seq"] == self.last + 1:
                self.items.append(message)
                added.append(message)
        self._entered = not answer["more"]
        return fresh, added + self._catch_up()

    def add(self, message: Message) -> list[Message]:
        """Take one live message: nothing new for one that is known or early, several when it closed a gap."""
        if message["seq"] <= self.last:
            return []
        self._early[message["seq"]] = message
        return self._catch_up()

    def prepend(self, messages: list[Message], oldest: int = 1) -> list[Message]:
        """Take an older page, with the first seq that is kept by now; what was not here before. Nothing of one that was
        asked for before the log began anew."""
        self.oldest = max(self.oldest, oldest)
        first = self.items[0]["seq"] if self.items else None
        added = [message for message in messages if first is None or message["seq"] < first]
        if first is not None and added and added[-1]["seq"] != first - 1:
            return []
        self.items = added + self.items
        return added

    def _catch_up(self) -> list[Message]:
        self._early = {seq: message for seq, message in self._early.items() if seq > self.last}
        added = []
        while self._entered and self.last + 1 in self._early:
            added.append(self._early.pop(self.last + 1))
            self.items.append(added[-1])
        return added
