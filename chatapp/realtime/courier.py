"""Goes through the errands: reads what a hint was about, and sends it to those whom it concerns.

Re-read rows are sent as they are now: of a room and a join request only the newest state is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import structlog

from chatapp import meters
from chatapp.contract.names import CHAT
from chatapp.contract.names import Event as EventName
from chatapp.contract.words import MyRole
from chatapp.realtime.connection import Connection
from chatapp.realtime.errands import List
from chatapp.realtime.hub import Hub
from chatapp.realtime.outgoing import Event
from chatapp.realtime.reads import Json, Reads

PATIENCE_SECONDS = 0.02
"""How long a hole in the log may wait for a hint before the log is read."""

RETRY_SECONDS = 0.5
"""Before what has failed is tried again."""

MAX_FAILURES = 3

Task = Callable[[], object]

log = structlog.get_logger(__name__)


class Courier:
    """One greenlet of the process. What fails is put on the list again: nothing else may ask for it a second time."""

    def __init__(self, hub: Hub, reads: Reads, sleep: Callable[[float], object]) -> None:
        self._hub = hub
        self._reads = reads
        self._sleep = sleep
        self.lobbies_seen: dict[str, int] = {}
        """Room to lobby_version: what the poll compares with."""
        self._lobbies_shown: dict[str, tuple[int, int]] = {}
        """Room to the lobby_versions behind and up to which everything was shown."""

    def run(self) -> None:
        """Until the errands are stopped."""
        while (errands := self._hub.errands.wait()) is not None:
            if errands.holes:
                self._sleep(PATIENCE_SECONDS)
            if not self.go(errands):
                self._sleep(RETRY_SECONDS)

    def go(self, errands: List) -> bool:
        """All errands of one list; whether none failed. One that fails harms no other, but after a few in a row the
        database must be away, and the rest of the list waits for the next round."""
        failed_in_a_row, all_done = 0, True
        for task, again in self._tasks(errands):
            if failed_in_a_row < MAX_FAILURES and _done(task):
                failed_in_a_row = 0
                continue
            failed_in_a_row += 1
            all_done = False
            again()
        return all_done

    def _tasks(self, errands: List) -> Iterator[tuple[Task, Task]]:
        """What is to do, and how to ask for it again. Logs come first: nothing may overtake an eviction."""
        ask = self._hub.errands
        for room_id in errands.logs:
            yield partial(self.read_log, room_id), partial(ask.read_log, room_id)
        for room_id in errands.holes - errands.logs:
            yield partial(self._fill_hole, room_id), partial(ask.fill_hole, room_id)
        for room_id in errands.members:
            yield partial(self._check_members, room_id), partial(ask.check_members, room_id)
        for room_id in errands.rooms:
            yield partial(self._show_room, room_id), partial(ask.show_room, room_id)
        if errands.hosts:
            yield partial(self._note_lobbies, errands.hosts), partial(_each, ask.note_lobbies, errands.hosts)
        for room_id, (host_id, request_ids) in errands.requests.items():
            shown = room_id, host_id, tuple(sorted(request_ids))
            yield partial(self._show_some, *shown), partial(ask.show_requests, *shown)
        for room_id, since in errands.lobbies.items():
            yield partial(self._read_lobby, room_id, since), partial(ask.read_lobby, room_id, since=since)
        for user_id in errands.users:
            yield partial(self._notify, user_id), partial(ask.notify, user_id)
        for user_id in errands.readers:
            yield partial(self._tell_read, user_id), partial(ask.tell_read, user_id)

    def read_log(self, room_id: str) -> None:
        """Hand a room's pump all that is behind its cursor."""
        pump = self._hub.pumps.get(room_id)
        while pump is not None and pump.cursor is not None:
            before = pump.cursor
            epoch, entries = self._reads.entries_after(room_id, before)
            if epoch and epoch != pump.epoch:
                self._restart(room_id)
                return
            pump.take(epoch, entries)
            if pump.cursor == before:
                return
            meters.LOGS_READ.add(pump.cursor - before)

    def tell_heads(self) -> None:
        """Tell every room's members where its log stands."""
        if self._hub.blind:
            return
        for pump in list(self._hub.pumps.values()):
            if pump.cursor is not None:
                pump.send_all(pump.head())

    def tell_presence(self) -> None:
        """Tell the rooms who came and went since the last time."""
        changed, self._hub.presence = self._hub.presence, {}
        if self._hub.blind:
            return
        for room_id, users in changed.items():
            pump = self._hub.pumps.get(room_id)
            if pump is None:
                continue
            data = {
                "room_id": room_id,
                "joined": [user for user, online in users.values() if online],
                "left": [user for user, online in users.values() if not online],
                "online": self._reads.online_count(room_id),
            }
            pump.send_all(Event.of(CHAT, EventName.PRESENCE, data))

    def _restart(self, room_id: str) -> None:
        """The log is another one now: members are told by the pump, and start anew."""
        now = self._reads.heads([room_id], []).get(room_id)
        pump = self._hub.pumps.get(room_id)
        if pump is not None and now is not None:
            pump.restart(now.epoch, now.last_seq)
            meters.RESETS.add()

    def _fill_hole(self, room_id: str) -> None:
        pump = self._hub.pumps.get(room_id)
        if pump is not None and pump.has_hole:
            self.read_log(room_id)
            meters.GAPS_FILLED.add(not pump.has_hole)

    def _check_members(self, room_id: str) -> None:
        pump = self._hub.pumps.get(room_id)
        if pump is None:
            return
        entered = pump.entered()
        if not pump.keep_only(self._reads.members(room_id), of=entered):
            self._hub.errands.check_members(room_id)

    def _show_room(self, room_id: str) -> None:
        pump = self._hub.pumps.get(room_id)
        shown = self._reads.room_by_role(room_id) if pump is not None else {}
        if pump is None or not shown:
            return
        hosts = {shown[MyRole.HOST]["host"]["id"]}
        others = {reader.connection.user_id for reader in list(pump.readers.values())} - hosts
        pump.send_all(Event.of(CHAT, EventName.ROOM_UPDATED, shown[MyRole.HOST]), user_ids=hosts)
        pump.send_all(Event.of(CHAT, EventName.ROOM_UPDATED, shown[MyRole.PARTICIPANT]), user_ids=others)

    def _note_lobbies(self, user_ids: set[str]) -> None:
        for room_id, now in self._reads.heads([], user_ids).items():
            self.lobbies_seen.setdefault(room_id, now.lobby_version)

    def _show_some(self, room_id: str, host_id: str, request_ids: tuple[str, ...]) -> None:
        self._show_requests(room_id, host_id, self._reads.requests(room_id, list(request_ids)))

    def _show_requests(self, room_id: str, host_id: str, requests: list[Json]) -> None:
        for request in requests:
            self._hub.tell_host(host_id, room_id, Event.of(CHAT, EventName.JOIN_REQUEST, request))

    def _read_lobby(self, room_id: str, since: int) -> None:
        heads = self._reads.heads([room_id], []).get(room_id)
        if heads is None:
            return
        # Not only behind what was seen: a look between a knock's commit and this has seen it, and shown it to nobody.
        begin = min(since, self.lobbies_seen.get(room_id, since))
        first, last = self._lobbies_shown.get(room_id, (begin, begin))
        self._show_requests(
            room_id, heads.host_id, self._reads.requests_since(room_id, since if since < first else last)
        )
        self.lobbies_seen[room_id] = heads.lobby_version
        self._lobbies_shown[room_id] = (min(first, since), heads.lobby_version)

    def forget_lobby(self, room_id: str) -> None:
        """This worker serves the room's host no more."""
        self.lobbies_seen.pop(room_id, None)
        self._lobbies_shown.pop(room_id, None)

    def _notify(self, user_id: str) -> None:
        listening = self._listening(user_id)
        if listening:
            _show(listening, self._reads.notifications_after(user_id, min(each.notified_seq for each in listening)))

    def _tell_read(self, user_id: str) -> None:
        listening = self._listening(user_id)
        if not listening:
            return
        fresh, read, version = self._reads.notifications_read(user_id, min(each.notified_seq for each in listening))
        _show(listening, fresh)
        for connection in listening:
            connection.read_version = version
            connection.notify(EventName.NOTIFICATIONS_READ, read)

    def _listening(self, user_id: str) -> list[Connection]:
        return [each for each in self._hub.of_user(user_id) if each.notified_seq >= 0]


def _show(listening: list[Connection], notifications: list[Json]) -> None:
    for notification in notifications:
        for connection in listening:
            if connection.notified_seq >= 0 and notification["seq"] > connection.notified_seq:
                connection.notified_seq = notification["seq"]
                connection.notify(EventName.NOTIFICATION, notification)


def _done(task: Task) -> bool:
    try:
        task()
    except Exception as fault:  # noqa: BLE001 — a database away must not end delivery
        log.warning("errand_failed", fault=type(fault).__name__)
        return False
    return True


def _each(ask: Callable[[str], object], names: Iterable[str]) -> None:
    for name in names:
        ask(name)
