"""A Socket.IO client as delivery sees it: one Engine.IO socket with one user and up to two namespaces."""

from __future__ import annotations

from collections.abc import Sequence

from chatapp import meters
from chatapp.contract.names import Event as EventName
from chatapp.contract.words import Bye
from chatapp.realtime.connection import Cork
from chatapp.realtime.outgoing import Bundle, Event, Outgoing
from chatapp.transports.sio.engine import EngineSocket
from chatapp.transports.write_side import LINGER_SECONDS, Sleep, Spawn, WriteSide, bye_data


class SioConnection(WriteSide):
    """Its id is Engine.IO's sid. `namespaces` are those it is connected to; whoever admits it keeps them."""

    def __init__(
        self,
        socket: EngineSocket,
        *,
        user_id: str,
        session_id: str,
        expires_at: float,
        cork: Cork,
        spawn: Spawn,
        sleep: Sleep,
    ) -> None:
        super().__init__(
            socket.sid,
            user_id=user_id,
            session_id=session_id,
            expires_at=expires_at,
            cork=cork,
            spawn=spawn,
            sleep=sleep,
        )
        self.socket = socket
        self.namespaces: set[str] = set()

    def hears(self, namespace: str, room_id: str | None = None) -> bool:
        return namespace in self.namespaces

    @property
    def backlogged(self) -> bool:
        return self.socket.unsent_bytes > 0

    @property
    def slow(self) -> bool:
        return self.socket.slow

    def bye(self, code: str, *, retry_ms: int | None = None) -> None:
        if self.closed:
            return
        self.closed = True
        meters.BYES.add(1, code)
        data = bye_data(code, retry_ms)
        farewells = [Event.of(namespace, EventName.BYE, data) for namespace in sorted(self.namespaces)]
        self._write([*self._take_gathered(), *farewells])
        self._spawn(self._end, code == Bye.SLOW)

    def _end(self, at_once: bool) -> None:
        if not at_once:
            self._sleep(LINGER_SECONDS)
        self.socket.close(reason=self.socket.server.reason.SERVER_DISCONNECT)
        if at_once:
            self.socket.cut()

    def _write(self, things: Sequence[Outgoing | Bundle]) -> None:
        frames = things[0].sio_frame if len(things) == 1 else b"".join([thing.sio_frame for thing in things])
        if not self.socket.write(frames, things) and not self.closed and self.socket.overrun:
            self.bye(Bye.SLOW)
