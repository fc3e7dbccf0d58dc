"""What must be read from the database because of a hint, each thing once however often it was asked for.

The list only; the courier goes through it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class List:
    """One round's errands. `requests` maps a room to its host and the join requests to show, `lobbies`
    a room to the lobby_version to begin at, `hosts` are users whose rooms' lobbies are watched from now on."""

    logs: set[str] = field(default_factory=set)
    holes: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    rooms: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    requests: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    lobbies: dict[str, int] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)


class Errands:
    """Filled from any greenlet, without yielding; emptied by the courier."""

    def __init__(self) -> None:
        self._list = List()
        self._asked = threading.Condition()
        self._stopped = False

    def read_log(self, room_id: str) -> None:
        """Read a room's log behind its pump's cursor."""
        with self._asking() as errands:
            errands.logs.add(room_id)

    def fill_hole(self, room_id: str) -> None:
        """The same, if another hint does not fill the hole in a moment."""
        with self._asking() as errands:
            errands.holes.add(room_id)

    def check_members(self, room_id: str) -> None:
        """Compare a room's readers with its members."""
        with self._asking() as errands:
            errands.members.add(room_id)

    def show_room(self, room_id: str) -> None:
        """Show a room's row to its members."""
        with self._asking() as errands:
            errands.rooms.add(room_id)

    def note_lobbies(self, user_id: str) -> None:
        """Note where the lobbies of this user's rooms stand: what changes from now on is shown."""
        with self._asking() as errands:
            errands.hosts.add(user_id)

    def show_requests(self, room_id: str, host_id: str, request_ids: tuple[str, ...]) -> None:
        """Show these join requests to their room's host."""
        with self._asking() as errands:
            errands.requests.setdefault(room_id, (host_id, set()))[1].update(request_ids)

    def read_lobby(self, room_id: str, *, since: int) -> None:
        """Show the join requests that changed since the last time; for the first time, behind this lobby_version."""
        with self._asking() as errands:
            errands.lobbies[room_id] = min(since, errands.lobbies.get(room_id, since))

    def notify(self, user_id: str) -> None:
        """Send a user the notifications behind the last one sent."""
        with self._asking() as errands:
            errands.users.add(user_id)

    def tell_read(self, user_id: str) -> None:
        """Tell a user what is read by now, behind the notifications that it counts."""
        with self._asking() as errands:
            errands.readers.add(user_id)

    def wait(self) -> List | None:
        """Everything asked for since the last time; waits for something. None: stopped."""
        with self._asked:
            while self._list == List() and not self._stopped:
                self._asked.wait()
            taken, self._list = self._list, List()
            return None if self._stopped else taken

    def stop(self) -> None:
        """Let `wait` return None; whoever was connected is gone."""
        with self._asked:
            self._stopped = True
            self._asked.notify_all()

    @contextmanager
    def _asking(self) -> Iterator[List]:
        with self._asked:
            yield self._list
            self._asked.notify()
