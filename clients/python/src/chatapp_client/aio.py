"""The connection of one user, for asyncio: both namespaces, up while it may be. Rooms are `room`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import socketio
from socketio.exceptions import SocketIOError

from chatapp_client import events
from chatapp_client.backoff import delay, spread
from chatapp_client.faults import NoAnswer, Refused, SignedOut
from chatapp_client.room import Room
from chatapp_client.session import ANSWER_SECONDS, Session

CHAT, NOTIFICATIONS = "/chat", "/notifications"
FINAL = frozenset({"removed", "revoked", "too_many", "bad_packet"})
"""After one of these a client does not come back by itself."""
GOODBYE_SECONDS = 1.0
OPEN_SECONDS = 20.0
RENEW_AGAIN_SECONDS = 2.0
PATIENCE = 4
"""How often `unauthorized` may come in a row before it is believed."""
LIBRARY_FAULTS = (SocketIOError, OSError, TypeError, ValueError)
"""What connecting raises: the library stumbles over a WebSocket that closes before it opens, or is none of ours."""

__all__ = ["Client", "Room"]


class Client:
    """`async with Client(session) as client: room = client.room(room_id)`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.state = "connecting"
        self._why = ""
        self._sio: socketio.AsyncClient | None = None
        self._rooms: list[Room] = []
        self._lost = asyncio.Event()
        self._refusal: dict[str, Any] = {}
        self._refusals = 0
        self._pause: float | None = None
        """What the server asked for."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.spawn(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def room(self, room_id: str, *, outbox: Path | None = None) -> Room:
        """A room to be entered as soon, and as often, as there is a connection."""
        room = Room(self, room_id, outbox)
        self._rooms.append(room)
        if self.state in ("online", "stopped"):
            room.state_changed(events.State(self.state, self._why))
        return room

    async def close(self) -> None:
        """Say goodbye."""
        self._become("stopped", "closed")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hang_up()
        await self.session.close()

    async def command(
        self,
        name: str,
        data: dict[str, Any],
        *,
        namespace: str = CHAT,
        take: Callable[[dict[str, Any]], object] = lambda answer: None,
    ) -> dict[str, Any]:
        """Send a command; its ack. `take` gets that before any event that came behind it. Raises Refused, NoAnswer."""
        sio = self._sio
        if sio is None or self.state != "online":
            raise NoAnswer("not connected")
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def acknowledged(answer: dict[str, Any]) -> None:
            if not answered.done():
                if answer["ok"]:
                    take(answer)
                answered.set_result(answer)

        try:
            await sio.emit(name, data, namespace=namespace, callback=acknowledged)
            lost: asyncio.Future[Any] = asyncio.ensure_future(self._lost.wait())
            try:
                waiting: set[asyncio.Future[Any]] = {answered, lost}
                await asyncio.wait(waiting, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                lost.cancel()
        except (SocketIOError, OSError) as fault:
            raise NoAnswer(name) from fault
        if not answered.done():
            answered.cancel()
            raise NoAnswer(name)
        answer = answered.result()
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer

    def spawn(self, work: Any) -> None:
        """Do it beside everything else, until the client is closed."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self) -> None:
        """Connect, stay, come back."""
        tries = 0
        while self.state != "stopped":
            self._lost.clear()
            self._pause, self._refusal = None, {}
            if await self._try():
                tries = self._refusals = 0
                renewal = asyncio.ensure_future(self._renew())
                self._become("online")
                try:
                    await self._lost.wait()
                finally:
                    renewal.cancel()
                    await asyncio.gather(renewal, return_exceptions=True)
            self._become("offline")
            await self._hang_up()
            await asyncio.sleep(self._wait(tries))
            tries += 1

    async def _try(self) -> bool:
        """Connect; whether that worked."""
        try:
            await self._connect()
        except SignedOut:
            self._become("stopped", "signed_out")
        except (*LIBRARY_FAULTS, NoAnswer, Refused):
            if self._refusal:
                self._pause = self._refusal.get("retry_after")
            if self._refusal.get("code") == "unauthorized":
                self.session.forget()
                self._refusals += 1
                if self._refusals > PATIENCE:
                    self._become("stopped", "signed_out")
        else:
            return True
        return False

    def _wait(self, tries: int) -> float:
        """Seconds until the next try: what the server asked for, or more each time; not for all at once."""
        return delay(tries) if self._pause is None else spread(self._pause)

    async def _connect(self) -> None:
        sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self.session.http)
        self._sio = sio
        for namespace in (CHAT, NOTIFICATIONS):
            sio.on("*", self._hears(namespace), namespace=namespace)
            sio.on("connect_error", self._was_refused, namespace=namespace)
            sio.on("disconnect", lambda *_: self._was_lost(sio), namespace=namespace)
        token = await self.session.token()
        async with asyncio.timeout(
            OPEN_SECONDS
        ):  # the library waits for ever when a WebSocket opens, and nothing comes
            await sio.connect(
                self.session.url,
                auth={"token": token},
                namespaces=[CHAT, NOTIFICATIONS],
                transports=["websocket"],
                wait_timeout=ANSWER_SECONDS,
            )

    async def _hang_up(self) -> None:
        sio, self._sio = self._sio, None
        if sio is None:
            return
        socket = sio.eio.ws  # the library leaves it open where the server fell silent
        await sio.shutdown()
        if socket is not None and not socket.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(socket.close(), GOODBYE_SECONDS)

    async def _renew(self) -> None:
        """Put a new token under the connection before the old one runs out; what does not succeed is tried again."""
        pause = self.session.refresh_in
        while True:
            await asyncio.sleep(pause)
            pause = RENEW_AGAIN_SECONDS
            try:
                await self.command("token_refresh", {"token": await self.session.token()})
                pause = self.session.refresh_in
            except SignedOut:
                return self._become("stopped", "signed_out")
            except Refused as refusal:
                if refusal.code == "unauthorized":
                    self.session.forget()
            except NoAnswer:
                continue

    def _hears(self, namespace: str) -> Callable[..., None]:
        def hear(name: str, data: dict[str, Any]) -> None:
            if name == "bye" and "room_id" not in data:
                self._sent_away(data)
            for room in self._rooms:
                room.heard(namespace, name, data)

        return hear

    def _was_lost(self, sio: socketio.AsyncClient) -> None:
        if sio is self._sio:  # one that was given up may tell late
            self._lost.set()

    def _was_refused(self, data: Any) -> None:
        inner = data.get("data") if isinstance(data, dict) else None
        if isinstance(inner, dict) and "code" in inner:
            self._refusal = inner

    def _sent_away(self, bye: dict[str, Any]) -> None:
        if bye["code"] in FINAL:
            self._become("stopped", bye["code"])
        elif bye["code"] == "expired":
            self.session.forget()
        self._pause = bye.get("retry_ms", 500) / 1000
        self._lost.set()

    def _become(self, state: str, why: str = "") -> None:
        if self.state in (state, "stopped"):
            return
        self.state, self._why = state, why
        if state == "stopped":
            self._lost.set()
        for room in self._rooms:
            room.state_changed(events.State(state, why))
