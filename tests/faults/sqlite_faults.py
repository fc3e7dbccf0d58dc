"""What can happen to an SQLite file and to the disk under it. PostgreSQL's faults are the nemesis's."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.lab import Lab


def _file(lab: Lab) -> Path:
    return Path(lab.cluster.database_url.removeprefix("sqlite:///"))


async def lock_from_outside(lab: Lab, seconds: float) -> None:
    """Another process' `BEGIN EXCLUSIVE`, as a careless backup does it."""
    async with lab.fault(
        f"BEGIN EXCLUSIVE from outside {seconds:.0f} s", "database", how="another process holds the file"
    ):
        with closing(sqlite3.connect(_file(lab), isolation_level=None, timeout=5)) as outsider:
            outsider.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(seconds)
            outsider.execute("ROLLBACK")


async def kill_and_reopen_a_copy(lab: Lab) -> None:
    """kill -9, copy the file with its WAL as it lies there, check the copy, serve it."""
    (worker,) = lab.workers
    async with lab.fault(
        "killed, reopened from a copy", "worker", worker.name, how="SIGKILL, file and WAL copied as they lie there"
    ):
        worker.kill()
        path = _file(lab)
        copies = {path.with_name(path.name + suffix) for suffix in ("", "-wal")}
        for each in copies:
            if each.exists():
                shutil.copyfile(each, each.with_name(f"copy-{each.name}"))
                each.unlink()
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        for each in copies:
            copy = each.with_name(f"copy-{each.name}")
            if copy.exists():
                copy.rename(each)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        await worker.start()


async def fill_disk(lab: Lab, seconds: float) -> None:
    """Take every byte that is left beside the database, and give them back."""
    ballast = _file(lab).with_name("ballast")
    async with lab.fault(f"disk full {seconds:.0f} s", "database", how="every byte of a small tmpfs is taken"):
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        await asyncio.sleep(seconds)
        ballast.unlink()
