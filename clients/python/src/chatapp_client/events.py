"""What a room tells, to be taken apart with `match`."""

from __future__ import annotations

from dataclasses import dataclass

from chatapp_client.faults import Refused
from chatapp_client.things import JoinRequest, Message, Notification, Presence, Room, Typing


@dataclass(frozen=True, slots=True)
class Said:
    """The next message of the log: in order, each once. `fresh`: what came before was of another log; begin anew."""

    message: Message
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """The room is entered; its messages were told before."""

    room: Room


@dataclass(frozen=True, slots=True)
class Outside:
    """Not, or no longer, in the room. `pending`: the join request waits, and approval will bring `Inside`."""

    code: str
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """What was written will not stand: the server refused it. It has left the outbox, and may be of an earlier run."""

    client_id: str
    body: str
    refusal: Refused


@dataclass(frozen=True, slots=True)
class Changed:
    """The room's settings or state."""

    room: Room


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody types, or stopped."""

    typing: Typing


@dataclass(frozen=True, slots=True)
class Came:
    """Who came online and who went."""

    presence: Presence


@dataclass(frozen=True, slots=True)
class Knocked:
    """To hosts: a join request is new, or has changed."""

    request: JoinRequest


@dataclass(frozen=True, slots=True)
class Told:
    """A notification about this room."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class State:
    """The connection: `online`, `offline`, or `stopped` for good, with why; after that nothing is told any more."""

    state: str
    why: str = ""


Event = Said | Failed | Inside | Outside | Changed | Typed | Came | Knocked | Told | State


def is_last(event: Event) -> bool:
    """Whether nothing comes after it."""
    return isinstance(event, State) and event.state == "stopped"
