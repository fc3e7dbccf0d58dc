"""The carrier of deliveries: one worker, in order, nobody held up by a slow one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chatapp.contract import hooks
from chatapp.contract.words import Fault
from chatapp.realtime.deliverer import AT_ONCE, Deliverer
from chatapp.realtime.parcel_post import Undelivered

SECRET = hooks.new_secret()


@dataclass(frozen=True)
class Job:
    webhook_id: str
    room_id: str
    url: str = "https://example.org/"
    secret: str = SECRET


@dataclass(frozen=True)
class Parcel:
    seq: int
    body: bytes = b"{}"

    @property
    def message_id(self) -> str:
        return f"room-{self.seq}"


@dataclass
class Ledger:
    jobs: list[Job]
    mine: bool = True
    goes_on: bool = True
    noted: list[tuple[str, int, int | None, str | None]] = field(default_factory=list)

    def hold(self, *, name: str, worker_id: str) -> bool:
        return self.mine

    def due(self, *, each: int) -> list[Job]:
        return self.jobs

    def parcels(self, job: Job) -> list[Parcel]:
        return [Parcel(1), Parcel(2)]

    def note(self, job: Job, seq: int, *, status: int | None, fault: str | None, ms: int) -> bool:
        self.noted.append((job.room_id, seq, status, fault))
        return self.goes_on


def deliverer(ledger: Ledger, post: Callable[..., int] = lambda *_: 200) -> tuple[Deliverer, list[Callable[[], None]]]:
    """A deliverer whose tasks run when the test runs them."""
    tasks: list[Callable[[], None]] = []

    def spawn(task: Callable[..., Any], *given: Any) -> None:
        tasks.append(lambda: task(*given))

    return Deliverer(ledger, post, spawn, lambda: "worker"), tasks


def test_a_job_is_carried_in_order_and_once_at_a_time() -> None:
    ledger = Ledger([Job("hook", "room")])
    made, tasks = deliverer(ledger)
    made.look()
    made.look()
    assert len(tasks) == 1
    tasks.pop()()
    assert ledger.noted == [("room", 1, 200, None), ("room", 2, 200, None)]
    made.look()
    assert len(tasks) == 1


def test_who_does_not_hold_the_lease_carries_nothing() -> None:
    made, tasks = deliverer(Ledger([Job("hook", "room")], mine=False))
    made.look()
    assert tasks == []


def test_a_failure_ends_the_job_and_is_noted_with_its_reason() -> None:
    def post(*_: object) -> int:
        raise Undelivered(Fault.NO_CONNECTION)

    ledger = Ledger([Job("hook", "room")], goes_on=False)
    made, tasks = deliverer(ledger, post)
    made.look()
    tasks.pop()()
    assert ledger.noted == [("room", 1, None, "no_connection")]


def test_one_webhook_does_not_take_all_the_carriers() -> None:
    jobs = [Job("slow", f"room{number}") for number in range(20)] + [
        Job(f"hook{number}", "room") for number in range(20)
    ]
    made, tasks = deliverer(Ledger(jobs))
    made.look()
    assert len(tasks) == AT_ONCE
    assert list(made._busy.values()).count("slow") == 2


def test_what_is_sent_is_signed_with_the_jobs_secret() -> None:
    sent: list[dict[str, str]] = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        sent.append(headers)
        return 200

    made, tasks = deliverer(Ledger([Job("hook", "room")]), post)
    made.look()
    tasks.pop()()
    first = sent[0]
    assert first == hooks.headers(SECRET, "room-1", int(first["webhook-timestamp"]), b"{}")


def test_a_fault_of_ours_lets_the_job_be_tried_again() -> None:
    def post(*_: object) -> int:
        raise RuntimeError

    made, tasks = deliverer(Ledger([Job("hook", "room")]), post)
    made.look()
    tasks.pop()()
    made.look()
    assert len(tasks) == 1
