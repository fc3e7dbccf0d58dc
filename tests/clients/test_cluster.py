"""Our client libraries on two workers, with PostgreSQL and a Redis that dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.driver import KINDS, members
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.support.clients.rest import Rest
from tests.support.wait import eventually

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


Do = Callable[[Coroutine[Any, Any, object]], object]


@pytest.fixture
def do() -> Iterator[Do]:
    """Carries coroutines out on a loop in a thread of its own: the cluster's proxies live on it all the while."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(timeout=120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_dead_redis_costs_nobody_a_message(tmp_path: Path, do: Do) -> None:
    history = History(tmp_path / "history.jsonl")
    cluster = Cluster(tmp_path, history, workers=2)
    do(cluster.start())
    try:
        _talk(cluster, tmp_path)
    finally:
        do(cluster.stop())
        history.close()


def _talk(cluster: Cluster, folder: Path) -> None:
    (teacher,) = cluster.enrol("teacher", [1])
    people = dict(zip(KINDS, cluster.enrol("student", [1, 2, 3]), strict=True))
    host = Rest(f"http://127.0.0.1:{cluster.workers[0].port}", lambda: teacher.token)
    room = eventually(lambda: _created(host), within=30)  # a busy machine's first transactions may time out
    for person in people.values():
        Rest(host.url).call("POST", f"/api/chat/{room}/join/", {}, token=person.token).ok(201)
    urls = {kind: f"http://127.0.0.1:{cluster.workers[at % 2].port}" for at, kind in enumerate(KINDS)}
    with members(people, urls, room, folder / "js") as students:
        for student in students:
            student.wait("inside")
        assert cluster.redis is not None
        cluster.redis.stop()
        for student in students:
            student.send(*(f"{student.kind} {number}" for number in range(5)))
        for student in students:
            student.wait_stood(*(f"{student.kind} {number}" for number in range(5)))
        truth = [(each["seq"], each["body"]) for each in host.room_log(room)]
        assert len([body for _, body in truth if body]) == 15
        for student in students:
            student.wait_log(lambda: truth)
            assert student.count("state", state="offline") == 0


def _created(host: Rest) -> str:
    """A room's id; nothing when the database had no time."""
    answer = host.post("/api/chat/create/", {"title": "Class", "admission": "open"})
    return "" if answer.code == "unavailable" else str(answer.ok(201)["id"])
