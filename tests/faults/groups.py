"""Scenarios that a class goes through one after the other, in one deployment, and is judged once for.

A group is what a test asks for and what a line of the report comes from; what happens in it is `scenarios_inside` and
`scenarios_outside`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import report
from tests.faults import scenarios_inside as inside
from tests.faults import scenarios_outside as outside
from tests.faults.checker import Verdict
from tests.faults.cluster import Services
from tests.faults.lab import Classroom, Lab
from tests.faults.nemesis import Breaker
from tests.faults.run_facts import Bounds
from tests.support.small_disk import small_disk

SEED = 7

Scenario = Callable[[Lab, Breaker, Classroom], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _as_it_is(lab: Lab) -> AsyncIterator[None]:
    yield


@dataclass(frozen=True)
class Group:
    """`around` is what is true from before the class begins; with `disk_megabytes` the database's disk is so small.
    `long` ones take minutes, and meet nothing that the mixed run does not, only more of it."""

    scenarios: tuple[Scenario, ...]
    workers: int = 2
    members: int = 10
    waiting: int = 0
    hosts: int = 1
    sqlite: bool = False
    disk_megabytes: int = 0
    around: Callable[[Lab], AbstractAsyncContextManager[None]] = _as_it_is
    long: bool = False


GROUPS: dict[str, Group] = {
    "workers": Group(
        (
            inside.killed_again_and_again,
            inside.killed_on_either_side_of_commit,
            inside.frozen,
            inside.rolled_under_load,
            inside.all_killed_and_back,
            inside.wrong_clocks,
        ),
        workers=3,
        long=True,
    ),
    "redis": Group(
        (
            inside.subscribers_killed,
            inside.redis_stopped,
            inside.redis_restarted_empty,
            inside.redis_vanished,
            inside.redis_polluted,
            inside.redis_full_and_locked,
        ),
        long=True,
    ),
    "redis gone": Group(
        (inside.a_removal_and_a_knock, inside.nothing_more), members=8, waiting=2, hosts=2, around=inside.redis_gone
    ),
    "postgresql": Group(
        (
            inside.database_restarted,
            inside.database_stopped,
            inside.backends_terminated,
            inside.table_locked,
            inside.connections_exhausted,
            inside.one_worker_cut_off_with_the_host_on_it,
        ),
        long=True,
    ),
    "sqlite": Group((inside.an_outsider_locks_the_file, inside.killed_and_reopened_from_a_copy), sqlite=True),
    "full disk": Group((inside.disk_full,), sqlite=True, disk_megabytes=16, long=True),
    "open files": Group((inside.open_file_limit,), long=True),
    "network": Group(
        (outside.cut_both_ways, outside.cut_one_way, outside.slow_lossy_and_split, outside.readers_who_stop), long=True
    ),
    "crowds": Group(
        (
            outside.a_flood_from_one,
            outside.half_open_requests,
            outside.dropped_at_once,
            outside.the_same_send_by_two_ways,
        ),
        long=True,
    ),
    "hosts": Group(
        (
            outside.tab_reloaded,
            outside.two_tabs_one_closed,
            outside.flapping,
            outside.the_device_dies,
            outside.left_explicitly,
        )
    ),
}


async def survive(
    folder: Path,
    name: str,
    *,
    seed: int = SEED,
    bounds: Bounds | None = None,
    services: Services | None = None,
    per_second: float = 20,
) -> tuple[Verdict, dict[str, object]]:
    """A class talks while a group's scenarios happen to it; then all is judged. The verdict, and the report's part."""
    group = GROUPS[name]
    with _disk(folder, group.disk_megabytes) as disk:
        options: dict[str, Any] = {"sqlite": True} if group.sqlite else {"workers": group.workers, "services": services}
        if disk is not None:
            options["database_folder"] = disk
        async with Lab(folder, bounds=bounds, seed=seed, **options) as lab, group.around(lab):
            room = await lab.classroom(members=group.members, waiting=group.waiting, hosts=group.hosts, grace=30)
            breaker = Breaker(lab, seed)
            async with lab.talking(room, per_second=per_second):
                for scenario in group.scenarios:
                    await lab.spread(room)
                    await scenario(lab, breaker, room)
                    await lab.everybody_in(room)
            verdict = await lab.judge()
            summary = report.summary(lab.facts, verdict, run=name, seed=seed)
            report.save(folder, [summary])
            return verdict, summary


@contextmanager
def _disk(folder: Path, megabytes: int) -> Iterator[Path | None]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(small_disk(folder / "small", megabytes)) if megabytes else None
