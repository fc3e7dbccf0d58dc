"""What a host does and what somebody does who waits at the door, on top of being a device."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faults.clients import CHAT, NOTIFICATIONS, Device
from tests.faults.history import Data, Operation


class HostDevice(Device):
    """A host's device: it lets in whoever knocks, at once, while `lets_in`."""

    role = "host"
    namespaces = (CHAT, NOTIFICATIONS)
    lets_in = True

    def on_connected(self) -> None:
        """What was missed while away is asked for: everybody who still waits."""
        if self.lets_in:
            for room in self.places:
                self.spawn(self.approve(room, all=True))

    def on_event(self, namespace: str, name: str, data: Data) -> None:
        super().on_event(namespace, name, data)
        if name != "join_request":
            return
        self.history.note(self.name, "join_request", stay=self.stay, request=data["id"], status=data["status"])
        if data["status"] == "pending" and self.lets_in:
            self.spawn(self.approve(data["room_id"], request_id=data["id"]))

    async def approve(self, room: str, **selector: Any) -> Operation:
        """Let in, once; a knock that stays pending is approved after the next reconnect."""

        def keep(ack: Data) -> Data:
            decided = [each for each in ack["results"] if each["outcome"] == "approved"]
            return {"news": [(each["request_id"], each["user_id"]) for each in decided]}

        return await self.call("approve", "join_request_approve", {"room_id": room, **selector}, keep=keep, room=room)

    async def remove(self, room: str, user: str) -> Operation:
        """Remove somebody, until it is known that they are out."""
        while True:
            data = {"room_id": room, "user_id": user}
            removing = await self.call(
                "remove", "participant_remove", data, keep=lambda ack: {"seq": ack["seq"]}, room=room, user=user
            )
            if removing.outcome != "unknown" or self.finished:
                return removing
            await asyncio.wait_for(self.connected.wait(), 60)
            await asyncio.sleep(0.1)


class WaitingDevice(Device):
    """Somebody who knocks, waits, enters when let in, and sees nothing before."""

    role = "waiting"
    namespaces = (CHAT, NOTIFICATIONS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wants: dict[str, str] = {}
        """Rooms it stands before, and their hosts."""
        self.knocked: set[str] = set()

    def on_connected(self) -> None:
        """Whatever was decided meanwhile: ask again."""
        for room in self.wants:
            self.spawn(self.knock(room))

    def want(self, room: str, host: str) -> None:
        """Ask to be let in, again after every reconnect, until decided."""
        self.wants[room] = host
        if self.connected.is_set():
            self.spawn(self.knock(room))

    async def knock(self, room: str) -> None:
        """Knock until it is known that the request stands."""
        while self.connected.is_set() and room in self.wants:
            first = room not in self.knocked
            self.knocked.add(room)

            def keep(ack: Data, first: bool = first) -> Data:
                request = ack["join_request"]
                self._status(room, request["status"])
                news = [(request["id"], self.wants[room])] if first and request["status"] == "pending" else []
                return {"status": request["status"], "news": news}

            user = self.person.id if self.person is not None else ""
            asking = await self.call("knock", "join_request_create", {"room_id": room}, keep=keep, room=room, user=user)
            if asking.outcome != "unknown":
                return
            await asyncio.sleep(min(1.0, asking.result.get("retry_after", 0.1)))

    def on_event(self, namespace: str, name: str, data: Data) -> None:
        super().on_event(namespace, name, data)
        if name == "notifications":
            for item in data["items"]:
                self._decided(item)
        elif name == "notification":
            self._decided(data)

    def _decided(self, notification: Data) -> None:
        kind = notification["kind"]
        if kind in ("join_request_approved", "join_request_denied"):
            request = notification["data"]["request_id"]
            self.history.note(self.name, "decided", stay=self.stay, request=request, kind=kind)
            if kind == "join_request_approved":
                self._status(notification["room_id"], "approved")

    def _status(self, room: str, status: str) -> None:
        if status == "approved" and room in self.wants:
            asyncio.get_running_loop().call_soon(self._enter_now, room)

    def _enter_now(self, room: str) -> None:
        if self.wants.pop(room, None) is not None:
            self.join(room)


class Stranger(Device):
    """Somebody with a good token and no place in the room, who tries to enter all the same."""

    role = "stranger"

    async def try_room(self, room: str) -> Operation:
        """Ask for a room one is not in."""
        return await self.call("enter", "room_enter", {"room_id": room}, room=room)
