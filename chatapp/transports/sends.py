"""How every transport sends a message: check what can be checked, spend a token, hand it to the process's committer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatapp.contract.errors import Code, Refused
from chatapp.domain import messages
from chatapp.domain.messages import Send, Sender, Sent
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.committer import Committer

Reply = Callable[[Sent | Refused], None]


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """`message` is the stored message's JSON."""

    message: bytes
    duplicate: bool


class Sends:
    """Whether the sender may is decided with the batch, under the room's lock."""

    def __init__(self, committer: Committer[Send, Sent], buckets: Buckets) -> None:
        self._committer = committer
        self._buckets = buckets

    def submit(self, sender: Sender, reply: Reply, *, room_id: str, client_id: str, **content: str) -> None:
        """Queue a message with `body` or `file_id`; `reply` is called with what became of it. Raises what is wrong with
        the message itself, rate_limited, unavailable."""
        self._committer.submit(self._prepared(sender, room_id, client_id, content), reply)

    def submit_and_wait(
        self, sender: Sender, *, room_id: str, client_id: str, within: float | None = None, **content: str
    ) -> SendOutcome:
        """The same for a caller who waits, and not longer than `within` seconds. Raises the refusal. Hold no database
        session meanwhile."""
        sent = self._committer.submit_and_wait(self._prepared(sender, room_id, client_id, content), within=within)
        return SendOutcome(sent.payload, sent.duplicate)

    def _prepared(self, sender: Sender, room_id: str, client_id: str, content: dict[str, str]) -> Send:
        send = messages.prepare(sender, room_id=room_id, client_id=client_id, **content)
        wait = self._buckets.take((sender.user_id, room_id))
        if wait:
            raise Refused(Code.RATE_LIMITED, "You write faster than this room reads.", retry_after=wait)
        return send
