"""Group commit: while one batch is being committed the next sends gather, and go together.

It knows no rules: what a batch does is a function it is given. A send never waits in its handler; its reply is called
when its outcome is known. The idea is the group commit of databases (DeWitt et al., 1984).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from chatapp import meters
from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, LogUncertain
from chatapp.realtime.connection import Cork

S = TypeVar("S")
R = TypeVar("R")

MAX_BATCH = 1000
RETRY_AFTER_SECONDS = 1.0

GATHER_SECONDS = 0.002
"""At most so long a batch waits for those who have just been answered."""

PAUSE_SECONDS = 0.0002
"""One look for them that finds nobody; the second ends the waiting."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pending(Generic[S, R]):
    """A send in the queue. `expires` is monotonic."""

    send: S
    reply: Callable[[R | Refused], None]
    expires: float


class Committer(Generic[S, R]):
    """The process's one writer of people's messages.

    `write` commits a batch and returns the nth answer for the nth send, and the hints to announce. `room_of` names a
    send's room. With a cork, announcing and replying share each connection's one write.
    """

    def __init__(
        self,
        *,
        write: Callable[[list[S]], tuple[list[R | Refused], list[Hint]]],
        announce: Callable[[list[Hint]], None],
        room_of: Callable[[S], str],
        capacity: int,
        deadline_seconds: float,
        cork: Cork | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._announce = announce
        self._room_of = room_of
        self._capacity = capacity
        self._deadline = deadline_seconds
        self._cork = cork
        self._clock = clock
        self._queue: deque[_Pending[S, R]] = deque()
        self._changed = threading.Condition()
        self._alone = threading.Lock()
        self._stopping = False
        self._running = False
        self.busy = False

    def begin(self) -> None:
        """From now on `run` commits. Before, as in a command of the CLI, a send is committed by its caller."""
        self._running = True

    def submit(self, send: S, reply: Callable[[R | Refused], None]) -> None:
        """Put a send behind the others. Raises unavailable when the queue is full or the process goes."""
        with self._changed:
            if self._stopping:
                raise Refused(Code.UNAVAILABLE, "The server restarts.", retry_after=RETRY_AFTER_SECONDS)
            if len(self._queue) >= self._capacity:
                raise Refused(Code.UNAVAILABLE, "The server is busy.", retry_after=RETRY_AFTER_SECONDS)
            pending: _Pending[S, R] = _Pending(send, reply, self._clock() + self._deadline)
            if self._running:
                self._queue.append(pending)
                self._changed.notify()
                return
        with self._alone:
            self.commit([pending])

    def submit_and_wait(self, send: S, *, within: float | None = None) -> R:
        """For a caller who has nothing better to do. Raises the refusal, or unavailable past the deadline, or after
        `within` seconds if that is sooner: then the outcome is unknown."""
        done = threading.Event()
        answers: list[R | Refused] = []

        def reply(answer: R | Refused) -> None:
            answers.append(answer)
            done.set()

        self.submit(send, reply)
        patience = self._deadline + 1
        if not done.wait(patience if within is None else min(patience, within)):
            raise Refused(Code.UNAVAILABLE, "No answer in time.", retry_after=RETRY_AFTER_SECONDS)
        (answer,) = answers
        if isinstance(answer, Refused):
            raise answer
        return answer

    def run(self) -> None:
        """Commit batches until `stop`; then what is queued, and return."""
        answered = 0
        while True:
            with self._changed:
                while not self._queue and not self._stopping:
                    self._changed.wait()
                if not self._queue:
                    return
            self._gather(answered)
            with self._changed:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
                self.busy = True
            try:
                self.commit(batch)
            except Exception:
                log.exception("batch_lost")  # its senders resend; nobody else could send any more
            finally:
                self.busy = False
            answered = len(batch) if self._queue else 0

    def _gather(self, answered: int) -> None:
        """Let the `answered` of the last batch join those who came meanwhile. Without it a room's senders fall into two
        halves that wait for each other's COMMIT, and share each half of what it costs."""
        wanted = min(len(self._queue) + answered, MAX_BATCH)
        until = self._clock() + GATHER_SECONDS
        missed = 0
        while len(self._queue) < wanted and missed < 2 and self._clock() < until and not self._stopping:
            before = len(self._queue)
            time.sleep(PAUSE_SECONDS if missed else 0)
            missed = 0 if len(self._queue) > before else missed + 1

    def stop(self) -> None:
        """Take no more; `run` returns when the queue is empty."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """How many sends wait."""
        return len(self._queue)

    def commit(self, batch: list[_Pending[S, R]]) -> None:
        """One batch from queue to replies."""
        fault = self._attempt(batch)
        if fault is None:
            return
        log.warning("batch_failed", sends=len(batch), fault=type(fault).__name__)
        if isinstance(fault, Refused) and fault.code is Code.UNAVAILABLE:
            self._refuse(batch, fault)  # it was not even begun
        else:
            self._divide(batch)

    def _attempt(self, batch: list[_Pending[S, R]]) -> Exception | None:
        """Write and answer a batch. The fault where there is one; then nothing of it is answered.

        Past its deadline a send is refused before anything is begun for it.
        """
        moment = self._clock()
        late = [one for one in batch if one.expires <= moment]
        if late:
            self._refuse(late, _unavailable("The send waited too long."))
        batch = [one for one in batch if one.expires > moment]
        if not batch:
            return None
        try:
            answers, hints = self._write([one.send for one in batch])
            answered = list(zip(batch, answers, strict=True))
        except Exception as fault:  # noqa: BLE001 — whatever broke the batch, each send in it gets an answer
            return fault
        meters.BATCH_SIZE.observe(len(batch))
        meters.COMMIT_SECONDS.observe(self._clock() - moment)
        self._answer(answered, hints)
        return None

    def _divide(self, batch: list[_Pending[S, R]]) -> None:
        """Only the guilty get the error: each room by itself, then in a room that fails again each send by itself.

        A COMMIT of unknown outcome is among the faults: what it may have stored is read by the pumps, and found as
        known when its sends are tried again. When the database turns out to be away, no more rooms are tried: each
        would only wait as long as the first.
        """
        rooms: dict[str, list[_Pending[S, R]]] = {}
        for one in batch:
            rooms.setdefault(self._room_of(one.send), []).append(one)
        away: Exception | None = None
        for room_id, sends in rooms.items():
            fault = away or self._retry_room(sends)
            if fault is not None:
                self._refuse(sends, fault)
                away = fault if _is_away(fault) else None
            self._answer([], [LogUncertain(room_id)])

    def _retry_room(self, sends: list[_Pending[S, R]]) -> Exception | None:
        """The sends of one room, together and then each by itself. A fault that none of them is guilty of."""
        fault = self._attempt(sends)
        if fault is None or _is_outage(fault):
            return fault
        for one in sends:
            fault = self._attempt([one]) if len(sends) > 1 else fault
            if fault is not None:
                self._refuse([one], fault)
        return None

    def _refuse(self, sends: list[_Pending[S, R]], fault: Exception) -> None:
        refusal = _refusal(fault)
        self._answer([(one, refusal) for one in sends], [])

    def _answer(self, answers: Sequence[tuple[_Pending[S, R], R | Refused]], hints: list[Hint]) -> None:
        """Announce, then reply, in one write a connection. A reply that fails harms no other."""
        if self._cork is None:
            self._tell(answers, hints)
        else:
            with self._cork.gather():
                self._tell(answers, hints)
        arrived_before = self._clock() + self._deadline
        for one, _ in answers:
            meters.ACK_SECONDS.observe(arrived_before - one.expires)

    def _tell(self, answers: Sequence[tuple[_Pending[S, R], R | Refused]], hints: list[Hint]) -> None:
        if hints:
            try:
                self._announce(hints)
            except Exception:
                log.exception("announcement_failed")  # the poll finds what it was about
        for one, answer in answers:
            try:
                one.reply(answer)
            except Exception:
                log.exception("reply_failed")


def _is_outage(fault: Exception) -> bool:
    """Whether the database, not the send, is at fault; then each send by itself would only wait longer."""
    if isinstance(fault, Refused):
        return fault.code is Code.UNAVAILABLE
    return _is_a(fault, "OperationalError", "InterfaceError", "TimeoutError")


def _is_away(fault: Exception) -> bool:
    """Whether the outage is everybody's, not that of one room whose lock another holds."""
    cause = getattr(fault, "orig", None) or fault
    return _is_outage(fault) and not _is_a(cause, "LockNotAvailable", "QueryCanceled", "DeadlockDetected")


def _is_a(fault: Exception, *names: str) -> bool:
    """Whether a fault is of one of these classes, SQLAlchemy's or a driver's: neither is known here."""
    return any(kind.__name__ in names for kind in type(fault).__mro__)


def _refusal(fault: Exception) -> Refused:
    if isinstance(fault, Refused):
        return fault
    if _is_outage(fault):
        return _unavailable("The database did not answer.")
    log.error("send_failed", fault=type(fault).__name__)
    return Refused(Code.INTERNAL)


def _unavailable(message: str) -> Refused:
    return Refused(Code.UNAVAILABLE, message, retry_after=RETRY_AFTER_SECONDS)
