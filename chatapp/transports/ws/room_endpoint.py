"""ws/chat/<room_id>/: one room over a plain WebSocket, with the same commands, events and rules as /chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from chatapp.contract import jsontext
from chatapp.contract.commands import COMMANDS
from chatapp.contract.errors import Code, Refused, invalid
from chatapp.contract.jsontext import BadJson, DuplicateKey
from chatapp.contract.names import CHAT, Event
from chatapp.contract.words import Bye, RoomStatus
from chatapp.db import is_outage
from chatapp.domain.actor import Actor
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.outgoing import Event as OutgoingEvent
from chatapp.transports.entrance import Entrance
from chatapp.transports.gateway import Gateway, refuse
from chatapp.transports.ws.connection import WsConnection

CLOSE_CODES = {
    Code.UNAUTHORIZED: 4401,
    Code.FORBIDDEN: 4403,
    Code.NOT_FOUND: 4404,
    Code.INVALID_PAYLOAD: 1002,
    Code.UNAVAILABLE: 1012,
    Code.RATE_LIMITED: 1013,
}
ROOM_CLOSED = 4410
PAGE_SECONDS = 0.02
"""Between two pages of a long welcome, so that others have their turn."""
QUERY = {"token", "ticket", "after", "epoch"}
REF_CHARS = 64

Admit = Callable[[WsConnection, dict[str, Any], str], Actor]
"""(connection, auth, address): the actor, with the connection made theirs. Raises Refused."""

log = structlog.get_logger(__name__)


class RoomEndpoint:
    """See transports.ws.endpoint.Endpoint, which this is."""

    def __init__(
        self,
        gateway: Gateway,
        entrance: Entrance,
        admit: Admit,
        left: Callable[[WsConnection], None],
        *,
        sleep: Callable[[float], object],
        pages: Buckets,
    ) -> None:
        self._gateway = gateway
        self._entrance = entrance
        self._admit = admit
        self._left = left
        self._sleep = sleep
        self._pages = pages

    def open(self, connection: WsConnection, room_id: str, query: dict[str, str], remote_addr: str) -> None:
        """Admit, enter, welcome; a closed room is shown and then closed. Who may not enter is told, then closed."""
        try:
            after, epoch = _position(query)
            credential: dict[str, Any] = {str(name): query[name] for name in ("token", "ticket") if name in query}
            actor = self._admit(connection, credential, remote_addr)
            status = self._enter(connection, actor, room_id, after, epoch)
        except Refused as refusal:
            _turn_away(connection, refusal)
            return
        except Exception as fault:
            log.exception("open_failed")
            _turn_away(connection, Refused(Code.UNAVAILABLE if is_outage(fault) else Code.INTERNAL))
            return
        connection.room_id = room_id  # from now on it hears of the room: nothing comes before the welcome
        if status == RoomStatus.CLOSED:
            connection.close(ROOM_CLOSED, Code.ROOM_CLOSED.value)

    def _enter(
        self, connection: WsConnection, actor: Actor, room_id: str, after: int | None, epoch: str | None
    ) -> RoomStatus:
        """Enter, with as many welcomes as it takes: there is no `room_enter` here to ask for the next page with."""
        while True:
            snapshot = self._entrance.enter(connection, actor, _welcome, room_id=room_id, after=after, epoch=epoch)
            if not snapshot["more"]:
                return RoomStatus(snapshot["room"]["status"])
            after, epoch = snapshot["messages"][-1]["seq"], snapshot["epoch"]
            self._until_next_page(connection)

    def _until_next_page(self, connection: WsConnection) -> None:
        """As fast as it is read, and as pages may be asked for. Raises unavailable for who has gone."""
        wait = PAGE_SECONDS
        while wait or connection.backlogged:
            self._sleep(max(wait, PAGE_SECONDS))
            if connection.over:
                raise Refused(Code.UNAVAILABLE, "This connection has ended.")
            wait = 0.0 if connection.backlogged else self._pages.take(connection.user_id)

    def receive(self, connection: WsConnection, text: str) -> None:
        """One command: `{"ref": …, "command": …, "data": {…}}`."""
        try:
            ref, name, data = _command(jsontext.decode(text))
        except DuplicateKey:
            refuse(connection, CHAT, "", invalid("payload", "A key is named twice."))
            return
        except (BadJson, ValueError):
            connection.bye(Bye.BAD_PACKET)
            return
        spec = COMMANDS.get(name)
        if spec is None or not spec.plain:
            if ref is None:
                connection.bye(Bye.BAD_PACKET)
            refuse(connection, CHAT, ref, Refused(Code.UNKNOWN_COMMAND, "There is no such command here."))
            return
        if "room_id" in spec.schema.fields and data.setdefault("room_id", connection.room_id) != connection.room_id:
            refuse(connection, CHAT, ref, invalid("room_id", "This connection is in another room."))
            return
        self._gateway.dispatch(connection, CHAT, name, data, ref)

    def closed(self, connection: WsConnection) -> None:
        """The connection has ended, by whomever."""
        self._left(connection)


def _welcome(snapshot: dict[str, Any]) -> OutgoingEvent:
    return OutgoingEvent.of(CHAT, Event.WELCOME, {"ok": True} | snapshot)


def _turn_away(connection: WsConnection, refusal: Refused) -> None:
    """Say why as a text, which holds what a close code cannot (`data.my_role`), and close."""
    connection.send_text(jsontext.encode({"ok": False, "error": refusal.as_socket_error()}).decode())
    connection.close(CLOSE_CODES.get(refusal.code, 1011), refusal.code.value)


def _position(query: dict[str, str]) -> tuple[int | None, str | None]:
    if set(query) - QUERY:
        raise invalid("query", "Only token or ticket, after and epoch.")
    after = query.get("after")
    if after is None:
        return None, query.get("epoch")
    if not (after.isascii() and after.isdigit() and len(after) <= 15):
        raise invalid("after", "A whole number.")
    return int(after), query.get("epoch")


def _command(frame: Any) -> tuple[int | str | None, str, dict[str, Any]]:
    """The parts of a frame. Raises ValueError where it is none."""
    if not isinstance(frame, dict) or not set(frame) <= {"ref", "command", "data"}:
        raise ValueError
    ref, name, data = frame.get("ref"), frame.get("command"), frame.get("data", {})
    if isinstance(ref, bool) or not (ref is None or isinstance(ref, int | str)):
        raise ValueError
    if isinstance(ref, str) and len(ref) > REF_CHARS:
        raise ValueError
    if isinstance(ref, int) and abs(ref) >= 2**53:
        raise ValueError
    if not isinstance(name, str) or not isinstance(data, dict):
        raise ValueError
    return ref, name, data
