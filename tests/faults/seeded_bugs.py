"""The known ways to get this wrong, one function each: it changes the product in this process as the mistake would.

They are for proving the checker, and reach into what they change; a refactoring that moves it must move them along.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

NONE = "none"
SLOW_COMMIT_SECONDS = 0.03
"""As on a disk that is busy: what is wrong about the order of COMMIT and telling shows more often."""


def shift_clock(seconds: float) -> None:
    """This process's wall clock is wrong from now on; its monotonic clock is not."""
    import time_machine

    monotonic, monotonic_ns = time.monotonic, time.monotonic_ns
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()
    time.monotonic, time.monotonic_ns = monotonic, monotonic_ns


def publish_before_commit() -> None:
    """What the transaction will announce is told before its COMMIT."""
    from chatapp.db import database
    from chatapp.domain import messages

    right = messages.send_many

    def send_many(tx: Any, sends: Sequence[Any]) -> Any:
        answers = right(tx, sends)
        tx.session.flush()
        database.announce(list(tx.hints))
        time.sleep(SLOW_COMMIT_SECONDS)
        return answers

    messages.send_many = send_many


def no_unique_client_id() -> None:
    """A client_id is neither looked up nor unique."""
    from chatapp.domain.send_sql import PostgresSendSql, SendSql, SqliteSendSql
    from chatapp.runtime import Runtime

    def known(self: Any, keys: Sequence[Any]) -> list[Any]:
        return []

    for sql in (PostgresSendSql, SqliteSendSql):
        sql.known = known  # type: ignore[method-assign]
    PostgresSendSql.read = SendSql.read  # type: ignore[method-assign]
    _before_start(Runtime, "ALTER TABLE messages DROP CONSTRAINT IF EXISTS uq_messages_client_id")


def database_sequence() -> None:
    """A sequence of the database gives seq, so no room is locked."""
    from chatapp.domain import messages
    from chatapp.domain.send_sql import PostgresSendSql, SendSql

    append = messages._Batch._append
    heads = "SELECT id, last_seq, epoch, closed_at IS NOT NULL FROM rooms WHERE id = ANY(%s) ORDER BY id"

    def lock_heads(self: Any, room_ids: Sequence[str]) -> Any:
        return self._rows(heads, [list(room_ids)])

    def _append(self: Any, send: Any, head: Any, who: Any) -> Any:
        cursor = self.sql.cursor
        ((known,),) = cursor.execute("SELECT to_regclass(%s)", [f"seeded_{send.room_id}"]).fetchall()
        if known is None:
            start = head.last_seq + 1
            cursor.execute(f"CREATE SEQUENCE IF NOT EXISTS seeded_{send.room_id} START {start}")
        ((seq,),) = cursor.execute("SELECT nextval(%s)", [f"seeded_{send.room_id}"]).fetchall()
        head.last_seq = seq - 1
        return append(self, send, head, who)

    PostgresSendSql.lock_heads = lock_heads  # type: ignore[method-assign]
    PostgresSendSql.read = SendSql.read  # type: ignore[method-assign]
    messages._Batch._append = _append  # type: ignore[method-assign]
    _slow_commits(messages)


def no_log_poll() -> None:
    """What Redis did not bring is not looked for."""
    from chatapp.realtime.poll import Poll

    def look(self: Any) -> None:
        self._hub.seen_database = time.monotonic()

    Poll.look = look  # type: ignore[method-assign]


def eviction_by_redis_only() -> None:
    """Who was removed is put out by the queue's message alone, neither by the log nor by the poll."""
    from chatapp.realtime.errands import Errands
    from chatapp.realtime.log_pump import LogPump
    from chatapp.realtime.poll import Poll

    compare, check = Poll._compare, Errands.check_members

    def _emit(self: Any, run: Any) -> None:
        self._send(run)

    def _compare(self: Any, room_id: str, now: Any) -> None:
        Errands.check_members = lambda self, room_id: None  # type: ignore[method-assign]
        try:
            compare(self, room_id, now)
        finally:
            Errands.check_members = check  # type: ignore[method-assign]

    LogPump._emit = _emit  # type: ignore[method-assign]
    Poll._compare = _compare  # type: ignore[method-assign]


def closing_by_wall_clock() -> None:
    """How long a host has been away is what the clocks say, not what was observed."""
    from chatapp.db import now, reading
    from chatapp.models import Room
    from chatapp.realtime.leases import Leases

    act = Leases._act

    def _act(self: Any, absence: Any, observed: float, remaining: float) -> None:
        with reading() as session:
            room = session.get(Room, absence.room_id)
            since = room.host_absent_since if room is not None else None
        if since is not None:
            gone = (now() - since).total_seconds()
            act(self, absence, gone, absence.grace_seconds - gone)

    Leases._act = _act  # type: ignore[method-assign]


def ack_before_commit() -> None:
    """The ack leaves when the rows are written, not when they are committed."""
    from chatapp.domain import messages
    from chatapp.realtime.committer import Committer

    attempt, right = Committer._attempt, messages.send_many
    batches: list[tuple[Any, list[Any]]] = []

    def _attempt(self: Any, batch: list[Any]) -> Any:
        batches.append((self, batch))
        try:
            return attempt(self, batch)
        finally:
            batches.pop()

    def send_many(tx: Any, sends: Sequence[Any]) -> Any:
        answers = right(tx, sends)
        if batches:
            committer, batch = batches[-1]
            committer._answer(list(zip(batch, answers, strict=False)), [])
            time.sleep(SLOW_COMMIT_SECONDS)
        return answers

    Committer._attempt = _attempt  # type: ignore[method-assign]
    messages.send_many = send_many


def cursor_advanced_although_the_write_failed() -> None:
    """What could not be written to a reader at once counts as delivered."""
    from chatapp.transports.sio.engine import EngineSocket

    write = EngineSocket.write

    def lossy(self: Any, frames: bytes, things: Any) -> bool:
        return write(self, frames, [] if self.upgraded else things)

    EngineSocket.write = lossy  # type: ignore[method-assign]


def authorisation_inside_the_lock() -> None:
    """Who may send is read by the statement that waits for the room's lock: with the snapshot from before it."""
    from chatapp.domain.send_sql import PostgresSendSql, SendSql

    right = PostgresSendSql.senders
    locking = (
        "SELECT r.id, r.last_seq, r.epoch, r.closed_at IS NOT NULL,"
        " (SELECT json_object_agg(m.user_id, m.state) FROM memberships m WHERE m.room_id = r.id)"
        " FROM rooms r WHERE r.id = ANY(%s) ORDER BY r.id FOR NO KEY UPDATE OF r"
    )

    def lock_heads(self: Any, room_ids: Sequence[str]) -> Any:
        rows = self._rows(locking, [list(room_ids)])
        self.states = {row[0]: row[4] or {} for row in rows}
        return [row[:4] for row in rows]

    def checked(self: Any, places: Sequence[tuple[str, str, str]], moment: Any) -> Any:
        rows = right(self, places, moment)
        return [(row[0], self.states[places[row[0]][0]].get(places[row[0]][1]), *row[2:]) for row in rows]

    PostgresSendSql.lock_heads = lock_heads  # type: ignore[method-assign]
    PostgresSendSql.read = SendSql.read  # type: ignore[method-assign]
    PostgresSendSql.senders = checked  # type: ignore[method-assign, assignment]


def direct_write_past_a_queue() -> None:
    """A frame is written directly although others wait before it, in the queue or in somebody's hands."""
    from chatapp.serving.websocket import ServingWebSocket
    from chatapp.transports.sio.engine import EngineSocket

    write, write_now = EngineSocket.write, ServingWebSocket.write_now

    def impatient(self: Any, frames: bytes, things: Any) -> bool:
        if self.write_now is not None and self.upgraded and not self.closed and self.write_now(frames):
            return True
        return write(self, frames, things)

    def at_once(self: Any, frames: bytes, **more: Any) -> bool:
        waiting, self._writers = self._writers, 0
        try:
            return not self._tail and write_now(self, frames, **more)
        finally:
            self._writers += waiting

    EngineSocket.write = impatient  # type: ignore[method-assign]
    ServingWebSocket.write_now = at_once  # type: ignore[method-assign]


def fenced_worker_goes_on() -> None:
    """A worker whose lease was taken serves on under it, and nobody asks for it when a visit is written."""
    from chatapp.domain import visits
    from chatapp.realtime.leases import Leases

    right = Leases._stop

    def _stop(self: Any, reason: str) -> None:
        if not self.serving:
            right(self, reason)

    Leases._stop = _stop  # type: ignore[method-assign]
    visits._hold_lease = lambda tx, worker_id: None


def absence_without_identity() -> None:
    """One absence is as good as another: a host who came back and left again goes on being away. What was announced for
    the second is not minded either, or it would hide that."""
    from chatapp.domain import absences, policy
    from chatapp.realtime.leases import Leases, _Sighting

    watch = Leases._watch_absences

    def _watch_absences(self: Any) -> None:
        kept = {room_id: seen.since for room_id, seen in self._absences.items()}
        for absence in self._ledger.absences():
            if absence.room_id in kept:
                self._absences[absence.room_id] = _Sighting(absence.number, kept[absence.room_id])
        watch(self)

    Leases._watch_absences = _watch_absences  # type: ignore[method-assign]
    Leases._note_announced = lambda self, absence, seen, moment: None  # type: ignore[method-assign]
    absences._lasts = lambda room, absence: policy.host_is_absent(room)


def die_before_commit() -> None:
    """No mistake: this worker dies when it has written, and not committed, a message that says so."""
    from chatapp.domain import messages

    right = messages.send_many

    def send_many(tx: Any, sends: Sequence[Any]) -> Any:
        answers = right(tx, sends)
        if any(send.body == "die before commit" for send in sends):
            tx.session.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

    messages.send_many = send_many


def die_after_commit() -> None:
    """No mistake: this worker dies when it has committed, and not acked, a message that says so."""
    from chatapp.runtime import Runtime

    right = Runtime._write

    def _write(self: Any, batch: list[Any]) -> Any:
        written = right(self, batch)
        if any(send.body == "die after commit" for send in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    Runtime._write = _write  # type: ignore[method-assign]


def _before_start(runtime: Any, sql: str) -> None:
    """Run a statement against the database before the worker begins."""
    from sqlalchemy import text

    from chatapp.db import database

    start = runtime.start

    def prepared(self: Any) -> None:
        with database.engine.begin() as connection:
            connection.execute(text(sql))
        start(self)

    runtime.start = prepared


def _slow_commits(messages: Any) -> None:
    right = messages.send_many

    def send_many(tx: Any, sends: Sequence[Any]) -> Any:
        answers = right(tx, sends)
        time.sleep(SLOW_COMMIT_SECONDS)
        return answers

    messages.send_many = send_many


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        publish_before_commit,
        no_unique_client_id,
        database_sequence,
        no_log_poll,
        eviction_by_redis_only,
        closing_by_wall_clock,
        ack_before_commit,
        cursor_advanced_although_the_write_failed,
        authorisation_inside_the_lock,
        direct_write_past_a_queue,
        fenced_worker_goes_on,
        absence_without_identity,
    )
}

CONDITIONS: dict[str, Callable[[], None]] = {
    condition.__name__: condition for condition in (die_before_commit, die_after_commit)
}
