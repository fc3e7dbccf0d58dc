"""What each command does: one paragraph a command, the same for Socket.IO and the plain WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatapp.contract import hints
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.hints import Hint
from chatapp.contract.names import Command
from chatapp.domain import entering, lobby, notifications, participants, rooms, views
from chatapp.domain.actor import Actor
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.connection import Connection
from chatapp.realtime.hub import Hub
from chatapp.transports.entrance import Entrance, Wrap

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A command, authorised and valid. `wrap` makes an answer into what is written, for who writes it himself."""

    connection: Connection
    actor: Actor
    wrap: Wrap

    @property
    def user(self) -> Json:
        """The caller as a User."""
        return views.acting(self.actor)


Operation = Callable[..., Json | None]
"""(call, **fields) -> what the ack carries beside `ok`, or None where the answer is written already."""


class Operations:
    """Every command but `message_send`, which answers later, and `token_refresh`, which is the door's."""

    def __init__(
        self, hub: Hub, entrance: Entrance, announce: Callable[[list[Hint]], None], *, typing: Buckets, history: Buckets
    ) -> None:
        self._hub = hub
        self._entrance = entrance
        self._announce = announce
        self._typing = typing
        self._history = history
        self.table: dict[str, Operation] = {
            Command.ROOM_ENTER: self.room_enter,
            Command.ROOM_LEAVE: self.room_leave,
            Command.MESSAGES_AFTER: self.messages_after,
            Command.MESSAGES_BEFORE: self.messages_before,
            Command.TYPING: self.typing,
            Command.JOIN_REQUEST_CREATE: self.join_request_create,
            Command.JOIN_REQUEST_WITHDRAW: self.join_request_withdraw,
            Command.JOIN_REQUEST_APPROVE: self.join_request_approve,
            Command.JOIN_REQUEST_DENY: self.join_request_deny,
            Command.PARTICIPANT_REMOVE: self.participant_remove,
            Command.ROOM_CREATE: self.room_create,
            Command.ROOM_CLOSE: self.room_close,
            Command.ROOM_REOPEN: self.room_reopen,
            Command.NOTIFICATIONS_MARK_READ: self.notifications_mark_read,
        }

    def room_enter(self, call: Call, *, room_id: str, after: int | None = None, epoch: str | None = None) -> None:
        """The snapshot; from then on the room's events."""
        self._spend_page(call)

        def wrap(snapshot: Json) -> Any:
            return call.wrap({"ok": True} | snapshot)

        self._entrance.enter(call.connection, call.actor, wrap, room_id=room_id, after=after, epoch=epoch)

    def room_leave(self, call: Call, *, room_id: str) -> Json:
        """This connection stops; the membership stays."""
        self._entrance.leave(call.connection, call.actor, room_id=room_id)
        return {}

    def messages_after(self, call: Call, *, room_id: str, after: int, limit: int = 50) -> Json:
        """A page of the log behind `after`."""
        self._spend_page(call)
        return entering.messages_after(call.actor, room_id=room_id, after=after, limit=limit)

    def messages_before(self, call: Call, *, room_id: str, before: int, limit: int = 50) -> Json:
        """A page of the log below `before`."""
        self._spend_page(call)
        return entering.messages_before(call.actor, room_id=room_id, before=before, limit=limit)

    def typing(self, call: Call, *, room_id: str, typing: bool) -> Json:
        """Tell the room, or nobody where it is told too often: volatile."""
        if not self._hub.is_in(call.connection.id, room_id):
            raise not_found()
        if not self._typing.take((call.actor.user_id, room_id)):
            self._announce([hints.Typed(room_id, call.user, typing, call.connection.id)])
        return {}

    def join_request_create(self, call: Call, *, room_id: str, note: str | None = None) -> Json:
        """Knock."""
        request, _ = lobby.knock(call.actor, room_id=room_id, note=note)
        return {"join_request": request}

    def join_request_withdraw(self, call: Call, *, room_id: str) -> Json:
        """Take the knock back."""
        return {"join_request": lobby.withdraw(call.actor, room_id=room_id)}

    def join_request_approve(self, call: Call, *, room_id: str, **selector: Any) -> Json:
        """Let in."""
        return lobby.approve(call.actor, room_id=room_id, selector=selector)

    def join_request_deny(self, call: Call, *, room_id: str, reason: str | None = None, **selector: Any) -> Json:
        """Do not let in."""
        return lobby.deny(call.actor, room_id=room_id, selector=selector, reason=reason)

    def participant_remove(
        self, call: Call, *, room_id: str, user_id: str, reason: str | None = None, ban: bool = False
    ) -> Json:
        """Remove from the room."""
        return participants.remove(call.actor, room_id=room_id, user_id=user_id, reason=reason, ban=ban)

    def room_create(self, call: Call, **fields: Any) -> Json:
        """A new room."""
        return {"room": rooms.create(call.actor, **fields)}

    def room_close(self, call: Call, *, room_id: str) -> Json:
        """End the class."""
        return {"room": rooms.close(call.actor, room_id=room_id)}

    def room_reopen(self, call: Call, *, room_id: str) -> Json:
        """Open it again."""
        return {"room": rooms.reopen(call.actor, room_id=room_id)}

    def notifications_mark_read(
        self, call: Call, *, ids: list[str] | None = None, up_to_seq: int | None = None
    ) -> Json:
        """Mark as read."""
        return notifications.mark_read(call.actor, ids=ids, up_to_seq=up_to_seq)

    def _spend_page(self, call: Call) -> None:
        """Pages are the dearest thing to ask for. Raises rate_limited."""
        wait = self._history.take(call.actor.user_id)
        if wait:
            raise Refused(Code.RATE_LIMITED, "Too many pages. Wait a little.", retry_after=wait)
