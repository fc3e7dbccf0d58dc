"""Anti-entropy: whatever hint was lost, one look a second at the database finds what is missing.

It only compares and puts errands on the courier's list; a second finding of the same thing changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from chatapp.contract.words import Bye
from chatapp.realtime.courier import Courier
from chatapp.realtime.hub import Hub
from chatapp.realtime.log_pump import Shown
from chatapp.realtime.reads import Heads, Reads

log = structlog.get_logger(__name__)

SURPLUS_SECONDS = 5.0
"""Between looks for users with too many connections: a limit may be exceeded for a moment, and idle looks cost."""


class Poll:
    """`look` is called once a second, more often while the queue is not healthy."""

    def __init__(self, hub: Hub, courier: Courier, reads: Reads, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._courier = courier
        self._reads = reads
        self._clock = clock
        self._waiting: Mapping[str, Mapping[str, bool]] = {}
        self._looked_for_surplus = float("-inf")

    def look(self) -> None:
        """One look at everything this worker serves. Raises what the database raises."""
        moment = self._clock()
        users = self._hub.users()
        pumps = list(self._hub.pumps)
        known = list(self._courier.lobbies_seen)
        hosts = self._hub.hosts()
        heads = self._reads.heads(pumps, hosts)
        self._hub.seen_database = moment
        for room_id, now in heads.items():
            if now.host_id in hosts:
                self._compare_lobby(room_id, now)
            self._compare(room_id, now)
        self._compare_waiting({room_id: now.host_id for room_id, now in heads.items() if now.host_id in hosts})
        self._forget(known, heads)
        listeners = self._hub.listeners()
        for user_id, head in self._reads.notification_heads(listeners).items() if listeners else ():
            listening = [each for each in self._hub.of_user(user_id) if each.notified_seq >= 0]
            if any(each.notified_seq < head.last_seq for each in listening):
                self._hub.errands.notify(user_id)
            if any(each.read_version != head.read_version for each in listening):
                self._hub.errands.tell_read(user_id)
        ended = self._reads.ended_sessions() & set(self._hub.sessions())
        if ended:
            self._hub.end_sessions(ended)
        self._end_surplus(users, moment)

    def _end_surplus(self, users: list[str], moment: float) -> None:
        """Whoever connected elsewhere once too often has their oldest connections ended here, too."""
        if not users or moment - self._looked_for_surplus < SURPLUS_SECONDS:
            return
        here = self._hub.connections
        found = [each for each in self._reads.surplus(users) if each in here and not here[each].closed]
        self._looked_for_surplus = moment
        self._hub.end_connections(found, Bye.TOO_MANY)

    def _compare_lobby(self, room_id: str, now: Heads) -> None:
        seen = self._courier.lobbies_seen.setdefault(room_id, now.lobby_version)
        if seen < now.lobby_version:
            self._hub.errands.read_lobby(room_id, since=seen)

    def _compare_waiting(self, hosted: Mapping[str, str]) -> None:
        """Who waits at these rooms (room to host), and has come or gone unseen since the last look."""
        before, self._waiting = self._waiting, self._reads.waiting(set(hosted.values())) if hosted else {}
        for room_id, requests in self._waiting.items():
            seen = before.get(room_id, {})
            changed = [each for each, online in requests.items() if seen.get(each, online) is not online]
            if changed and room_id in hosted:
                self._hub.errands.show_requests(room_id, hosted[room_id], tuple(changed))

    def _compare(self, room_id: str, now: Heads) -> None:
        errands = self._hub.errands
        pump = self._hub.pumps.get(room_id)
        if pump is None:
            return
        if pump.cursor is not None and (pump.cursor < now.last_seq or pump.epoch != now.epoch):
            errands.read_log(room_id)
        with pump.lock:
            shown = pump.shown
            if shown is not None:
                pump.shown = Shown(now.version, now.members_version)
        if shown is not None and shown.members_version != now.members_version:
            errands.check_members(room_id)
        if shown is not None and shown.version != now.version:
            errands.show_room(room_id)

    def _forget(self, known: Iterable[str], heads: Mapping[str, Heads]) -> None:
        """Forget rooms that this worker serves no more; not those it came to know during this look."""
        for room_id in known:
            if room_id not in heads:
                self._courier.forget_lobby(room_id)
