"""Entering a room by a socket, so that nothing falls between the answer and the first live message, nothing comes
twice and nothing comes before the answer. The rule of who may is the domain's, the order of messages the pump's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import MyRole
from chatapp.domain import entering, visits
from chatapp.domain.actor import Actor
from chatapp.realtime.connection import Connection
from chatapp.realtime.hub import Hub
from chatapp.realtime.log_pump import Shown
from chatapp.realtime.outgoing import Bundle, Outgoing

TRIES = 3

Wrap = Callable[[dict[str, Any]], Outgoing | Bundle]


class Entrance:
    """`worker_id` gives the lease that holds the visits; an empty one means that this worker may not serve."""

    def __init__(self, hub: Hub, worker_id: Callable[[], str]) -> None:
        self._hub = hub
        self._worker_id = worker_id

    def enter(
        self, connection: Connection, actor: Actor, wrap: Wrap, *, room_id: str, after: int | None, epoch: str | None
    ) -> dict[str, Any]:
        """Enter, and write the answer `wrap` makes of the snapshot; it is returned, too.

        Raises not_found, forbidden with `my_role` for one who waits, unavailable.
        """
        for _ in range(TRIES):
            pump, reader = self._hub.begin(connection, room_id)
            try:
                entered = self._visit(connection, actor, room_id, after, epoch)
                snapshot = entered.answer
                answer = wrap(snapshot)
            except BaseException:
                self._hub.abandon(reader, room_id)
                raise
            if snapshot["more"]:
                self._hub.abandon(reader, room_id)
                connection.send(answer)
                return snapshot
            shown = Shown(entered.version, entered.members_version)
            if pump.finish(reader, epoch=snapshot["epoch"], head=snapshot["head"], answer=answer, shown=shown):
                return snapshot
            self._hub.abandon(reader, room_id)
        raise Refused(Code.UNAVAILABLE, "The room is too busy to enter right now.", retry_after=1)

    def leave(self, connection: Connection, actor: Actor, *, room_id: str) -> None:
        """This connection stops; the membership stays. Raises not_found for who is not in the room."""
        visits.leave(actor, connection_id=connection.id, room_id=room_id)
        self._hub.leave(connection.id, room_id)

    def _visit(
        self, connection: Connection, actor: Actor, room_id: str, after: int | None, epoch: str | None
    ) -> entering.Entered:
        worker_id = self._worker_id()
        if not worker_id or connection.closed:
            raise Refused(Code.UNAVAILABLE, "The server restarts.", retry_after=1)
        try:
            visits.enter(actor, connection_id=connection.id, room_id=room_id, worker_id=worker_id)
            if not self._hub.has(connection):
                # It ended meanwhile, and its departure may have been written before this visit was.
                visits.end(connection_id=connection.id, room_id=room_id)
                raise Refused(Code.UNAVAILABLE, "This connection has ended.", retry_after=1)
            return entering.enter(actor, room_id=room_id, after=after, epoch=epoch)
        except Refused as refusal:
            if refusal.code is Code.NOT_FOUND and entering.is_waiting(actor, room_id=room_id):
                waiting = {"my_role": MyRole.PENDING.value}
                raise Refused(Code.FORBIDDEN, "The host has not let you in yet.", data={"data": waiting}) from None
            raise
