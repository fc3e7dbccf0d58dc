"""A client of chatapp classrooms. `aio` is for asyncio, `sync` for everybody else; both tell the same events."""

from chatapp_client import events, things
from chatapp_client.aio import Client, Room
from chatapp_client.faults import CodeNeeded, NoAnswer, Refused, SignedOut
from chatapp_client.session import Device, Kept, Session

__all__ = [
    "Client",
    "CodeNeeded",
    "Device",
    "Kept",
    "NoAnswer",
    "Refused",
    "Room",
    "Session",
    "SignedOut",
    "events",
    "things",
]
