"""One room: enters, resumes, sends, and tells what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from chatapp_client.events import (
    Came,
    Changed,
    Event,
    Failed,
    Inside,
    Knocked,
    Outside,
    Said,
    State,
    Told,
    Typed,
    is_last,
)
from chatapp_client.faults import NoAnswer, Refused, SignedOut
from chatapp_client.log import Log
from chatapp_client.news import News
from chatapp_client.outbox import Outbox
from chatapp_client.roster import Roster
from chatapp_client.things import Message, Snapshot
from chatapp_client.things import Room as RoomThing

if TYPE_CHECKING:
    from chatapp_client.aio import Client

GAP_SECONDS = 1.0
RETRY_SECONDS = 2.0


class Room:
    """Made by `Client.room`. `log.items` is gap-free, in order, each message once."""

    def __init__(self, client: Client, room_id: str, outbox: Path | None) -> None:
        self.id = room_id
        self.log = Log()
        self.outbox = Outbox(self._send, outbox, lambda *given: self.tell(Failed(*given)))
        self.people = Roster()
        self.room: RoomThing | None = None
        self.inside = False
        self._client = client
        self._told: asyncio.Queue[Event] = asyncio.Queue()
        self._entering = False
        self._again = False
        self._removed = False
        self._looking = False
        self._news = News()
        client.spawn(self.outbox.run())

    def send(self, body: str) -> asyncio.Future[Message]:
        """Say something, connected or not. The future ends with the message when it stands, or with a Refused; when the
        client has stopped, with SignedOut or NoAnswer, and the outbox keeps it."""
        return self.outbox.add(body)

    async def command(self, name: str, **fields: Any) -> dict[str, Any]:
        """A command about this room; its ack. Raises Refused, NoAnswer."""
        return await self._client.command(name, {"room_id": self.id, **fields})

    async def typing(self, typing: bool) -> None:
        """Show that the user types, or stopped. It may get lost."""
        try:
            await self.command("typing", typing=typing)
        except (Refused, NoAnswer):
            return

    async def older(self, limit: int = 100) -> list[Message]:
        """Fetch what is before the first message that is here, as far as it is kept. Raises Refused, NoAnswer."""
        if not self.log.has_older:
            return []
        answer = await self.command("messages_before", before=self.log.items[0]["seq"], limit=limit)
        if answer["epoch"] != self.log.epoch:
            return []
        return self.log.prepend(answer["messages"], answer.get("oldest", 1))

    async def events(self) -> AsyncIterator[Event]:
        """What happens, from the beginning, to the `State` that says `stopped`. For one reader."""
        while True:
            event = await self._told.get()
            yield event
            if is_last(event):
                self.tell(event)  # so that whoever asks once more does not wait for ever
                return

    def enter(self) -> None:
        """Go in if this user may. Safe to call again; the connection does it by itself."""
        self._again = True
        if not self._entering and not self._removed:
            self._entering = True
            self._client.spawn(self._enter())

    def come_back(self) -> None:
        """Who was removed asks anew, and may be let in again."""
        self._removed = False
        self.enter()

    # What the connection tells

    def tell(self, event: Event) -> None:
        """Put it before the reader."""
        self._told.put_nowait(event)

    def state_changed(self, event: State) -> None:
        """There is a new connection, which is in no room yet; or it is gone."""
        self.tell(event)
        if event.state == "online":
            self.enter()
            return
        self.inside = False
        self.outbox.close()
        if is_last(event):
            signed_out = event.why in ("signed_out", "revoked")
            self.outbox.end((SignedOut if signed_out else NoAnswer)(f"the client has stopped: {event.why}"))

    def heard(self, namespace: str, name: str, data: dict[str, Any]) -> None:
        """An event of the wire, of this room or of another."""
        if namespace == "/notifications":
            self._noticed(name, data)
        elif self.id in (data.get("room_id"), data.get("id")):
            match name:
                case "message":
                    self._receive(cast("Message", data))
                case "room_head":
                    self._compare(data)
                case "room_updated":
                    self.room = cast("RoomThing", data)
                    self.tell(Changed(self.room))
                case "typing":
                    self.tell(Typed(cast("Any", data)))
                case "presence":
                    self.people.present(cast("Any", data))
                    self.tell(Came(cast("Any", data)))
                case "join_request":
                    self.tell(Knocked(cast("Any", data)))
                case "bye":
                    self._sent_away(data["code"])

    # Inside

    async def _enter(self) -> None:
        try:
            while self._again and not self._removed:
                self._again = False
                await self._enter_once()
        finally:
            self._entering = False

    async def _enter_once(self) -> None:
        self.log.leave()
        try:
            more = True
            while more:
                data = {"room_id": self.id, **self.log.cursor}
                more = (await self._client.command("room_enter", data, take=self._entered))["more"]
        except NoAnswer:
            await self._retry(RETRY_SECONDS)
        except Refused as refusal:
            if refusal.retryable:
                await self._retry(refusal.retry_after or RETRY_SECONDS)
            else:
                self._out(refusal.code, pending=refusal.code == "forbidden")

    async def _retry(self, seconds: float) -> None:
        if self._client.state == "online":
            await asyncio.sleep(seconds)
            self._again = True

    def _entered(self, answer: dict[str, Any]) -> None:
        snapshot = cast("Snapshot", answer)
        self.room = snapshot["room"]
        self.people.begin(snapshot["participants"])
        fresh, added = self.log.enter(snapshot)
        self._show(added, fresh=fresh, after=snapshot["head"])
        if not snapshot["more"]:
            self.inside = True
            self.outbox.open()
            self.tell(Inside(self.room))

    async def _send(self, client_id: str, body: str) -> Message:
        message: Message = (await self.command("message_send", client_id=client_id, body=body))["message"]
        self._receive(message)
        return message

    def _receive(self, message: Message) -> None:
        self._show(self.log.add(message))
        if self.log.has_gap:
            self._close_gap_later()

    def _show(self, added: list[Message], *, fresh: bool = False, after: int = 0) -> None:
        """Tell them. Up to `after` a snapshot has told already who is in the room."""
        for message in added:
            sender, client_id = message["sender"], message["client_id"]
            if sender is not None and sender["id"] == self._client.session.my_id and client_id:
                self.outbox.settle(client_id, message)
            if message["seq"] > after:
                self.people.move(message)
            self.tell(Said(message, fresh))
            fresh = False

    def _compare(self, head: dict[str, Any]) -> None:
        if head["epoch"] != self.log.epoch:
            self.enter()
        elif head["head"] > self.log.last:
            self._close_gap_later()

    def _close_gap_later(self) -> None:
        """What is missing is probably on its way; if not, entering again brings it."""
        if self._looking:
            return
        last = self.log.last

        async def look() -> None:
            await asyncio.sleep(GAP_SECONDS)
            self._looking = False
            if self.inside and self.log.last == last:
                self.enter()

        self._looking = True
        self._client.spawn(look())

    def _noticed(self, name: str, data: dict[str, Any]) -> None:
        for item in self._news.fresh(name, data):
            if item["room_id"] != self.id:
                continue
            if not item["read"]:
                self.tell(Told(item))
            approved = item["kind"] == "join_request_approved"
            if approved and (self._removed or (name == "notification" and not self.inside)):
                self.come_back()

    def _sent_away(self, code: str) -> None:
        if code == "removed":
            self._removed = True  # who was removed does not come back by itself
            self._out(code)
        else:
            self.enter()

    def _out(self, code: str, *, pending: bool = False) -> None:
        self.inside = False
        self.outbox.close()
        self.tell(Outside(code, pending))
