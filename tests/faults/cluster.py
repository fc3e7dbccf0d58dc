"""A whole deployment for one run: PostgreSQL, Redis and N workers, with a proxy of ours on every way between them.

Workers are started as an operator starts them, `python wsgi.py`, their time-outs shrunk by settings. With SQLite there
is one worker and no Redis. What is done to the parts is the nemesis's; what is said through them, the clients'.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.faults.history import History, ReadBack, RoomState
from tests.faults.proxy import Proxy
from tests.faults.redis_server import RedisServer
from tests.faults.seeded_bugs import NONE
from tests.support.clients.rest import Rest
from tests.support.people import Enrolled, Person, enrol
from tests.support.postgres import Postgres, find_binaries
from tests.support.server import free_port

ROOT = Path(__file__).resolve().parents[2]
ENTRY = Path(__file__).with_name("seeded_entry.py")
START_SECONDS = 60.0

SHRUNK = {
    "LEASE_BEAT_SECONDS": "1",
    "FENCE_SECONDS": "4",
    "LEASE_TIMEOUT_SECONDS": "7",
    "JANITOR_SECONDS": "0.5",
    "HOST_AWAY_SECONDS": "2",
    "PING_INTERVAL_SECONDS": "2",
    "PING_TIMEOUT_SECONDS": "3",
    "HEAD_SECONDS": "5",
    "DRAIN_SECONDS": "6",
    "SLOW_SECONDS": "4",
    "SLOW_BYTES": "262144",
}
"""A class's minutes in seconds. The lease outlives the 5 s after which a worker that stood still knows it by its clock,
which no setting changes."""

PATIENT: dict[str, Any] = {
    "LEASE_BEAT_SECONDS": "3",
    "FENCE_SECONDS": "12",
    "LEASE_TIMEOUT_SECONDS": "15",
    "PING_INTERVAL_SECONDS": "10",
    "PING_TIMEOUT_SECONDS": "10",
}
"""As it ships: for runs that wait for none of these, and must not be cut by a machine that is busy elsewhere."""

RAISED = {
    f"LIMIT_{name}": value
    for name, value in {
        "SENDS": "1000/second",
        "SENDS_BURST": "2000",
        "CONNECTS": "100000/minute",
        "HISTORY": "100000/minute",
        "REQUESTS": "10000/second",
        "REQUESTS_BURST": "10000",
        "KNOCKS": "10000/hour",
        "LOGIN_ADDRESS": "100000/minute",
        "PENDING": "1000",
    }.items()
}


class Worker:
    """One process and its three ways: `front` for clients, `to_redis`, `to_database`."""

    def __init__(self, name: str, folder: Path, env: dict[str, str], history: History) -> None:
        self.name = name
        self.port = free_port()
        self.env = {**env, "PORT": str(self.port)}
        self.log_path = folder / f"{name}.log"
        self.history = history
        self.front = Proxy(("127.0.0.1", self.port))
        self.to_redis: Proxy | None = None
        self.to_database: Proxy | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.entry: tuple[str, ...] = ("wsgi.py",)

    @property
    def url(self) -> str:
        """Past the proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    async def start(self, *, ready: bool = True) -> None:
        """Start the process; with `ready`, wait until it serves."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.entry], cwd=ROOT, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        if ready:
            await self.wait_ready()

    async def wait_ready(self, within: float = START_SECONDS) -> None:
        """Until /readyz says that it serves."""
        await self.wait_for("/readyz", 200, within)
        self.history.note(self.name, "up")

    async def wait_for(self, path: str, status: int, within: float = START_SECONDS) -> None:
        """Until a GET past the proxy is answered with this status."""
        deadline = asyncio.get_running_loop().time() + within
        while await self.status(path) != status:
            assert self.running, f"{self.name} ended:\n{self.log()[-3000:]}"
            assert asyncio.get_running_loop().time() < deadline, f"{self.name} {path}:\n{self.log()[-3000:]}"
            await asyncio.sleep(0.1)

    async def status(self, path: str, within: float = 2.0) -> int:
        """The status of a GET past the proxy; 0 when there is no answer."""
        with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
            async with asyncio.timeout(within):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    line = await reader.readline()
                    await reader.read()
                    return int(line.split()[1])
                finally:
                    writer.close()
        return 0

    def kill(self) -> None:
        """SIGKILL, and be gone."""
        process, self.process = self.process, None
        if process is not None:
            self.history.note(self.name, "down")
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        self.history.note(self.name, "down")
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT; it observes anew from here."""
        self._signal(signal.SIGCONT)
        self.history.note(self.name, "up")

    async def stop(self, within: float = 15.0) -> int:
        """SIGTERM, and wait; its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        self.history.note(self.name, "down")
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(process.wait, within)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise AssertionError(f"{self.name} was still there {within} s after SIGTERM") from None

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def log(self) -> str:
        """All it has said."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def proxies(self) -> list[Proxy]:
        """All its ways."""
        return [proxy for proxy in (self.front, self.to_redis, self.to_database) if proxy is not None]


class Services:
    """A PostgreSQL and a Redis, which several clusters may use one after the other."""

    def __init__(self, folder: Path) -> None:
        binaries = find_binaries()
        assert binaries is not None, "PostgreSQL is not installed: on Debian `apt-get install postgresql`"
        self.redis = RedisServer(folder).start()
        self.postgres = Postgres(binaries)
        self.postgres.start()
        self._template = ""

    def database(self, env: dict[str, str]) -> str:
        """A migrated database with nobody in it; its URL."""
        if not self._template:
            self._template = self.postgres.database()
            migrate({**env, "DATABASE_URL": self._template})
        return self.postgres.database(self._template)

    def stop(self) -> None:
        """Both, and their data."""
        self.redis.stop()
        self.postgres.remove()


class Cluster:
    """Everything a run needs, in `folder`. `bug` seeds one of the known mistakes; upper-case keywords are settings.
    `services` are somebody else's to stop."""

    def __init__(
        self,
        folder: Path,
        history: History,
        *,
        workers: int = 2,
        sqlite: bool = False,
        bug: str = "",
        services: Services | None = None,
        database_folder: Path | None = None,
        **env: str,
    ) -> None:
        self.folder = folder
        self.history = history
        self.sqlite = sqlite
        self.bug = bug
        self.count = 1 if sqlite else workers
        self.services = services
        self._own_services = services is None and not sqlite
        self.workers: list[Worker] = []
        self.database_url = f"sqlite:///{(database_folder or folder) / 'chatapp.db'}"
        self.env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "HOST": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
            "UPLOAD_DIR": str(folder / "uploads"),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "QUEUE_CHANNEL": f"faults-{secrets.token_hex(4)}",
            **SHRUNK,
            **RAISED,
            **env,
        }
        self._enrolled: set[Enrolled] = set()

    async def start(self) -> Cluster:
        """Start everything, the workers together."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._own_services:
            self.services = await asyncio.to_thread(Services, self.folder)
        if self.services is not None:
            self.database_url = await asyncio.to_thread(self.services.database, self.env)
        else:
            await asyncio.to_thread(migrate, {**self.env, "DATABASE_URL": self.database_url})
        for number in range(self.count):
            self.workers.append(await self._worker(number))
        await asyncio.gather(*(worker.start() for worker in self.workers))
        return self

    async def stop(self) -> None:
        """Stop everything by its own process id, and forget it."""
        for worker in self.workers:
            worker.kill()
            for proxy in worker.proxies:
                await proxy.stop()
        if self._own_services and self.services is not None:
            await asyncio.to_thread(self.services.stop)
        await asyncio.sleep(0.05)

    @property
    def postgres(self) -> Postgres | None:
        """None on SQLite."""
        return self.services.postgres if self.services is not None else None

    @property
    def redis(self) -> RedisServer | None:
        """None on SQLite."""
        return self.services.redis if self.services is not None else None

    def person(self, role: str, number: int) -> Person:
        """Somebody of the school. Ask `enrol` first."""
        return Person.enrolled(self.workers[0].url, Enrolled(role, number), self.env["JWT_SECRET_KEY"])

    def enrol(self, role: str, numbers: Iterable[int]) -> list[Person]:
        """Put people into the database, once each."""
        people = [Enrolled(role, number) for number in numbers]
        enrol(self.database_url, [one for one in people if one not in self._enrolled])
        self._enrolled.update(people)
        return [self.person(one.role, one.number) for one in people]

    async def read_back(self, rooms: dict[str, Person], grace: float) -> ReadBack:
        """Each room as its host reads it over REST, from a worker that serves, past all proxies."""
        worker = self.workers[0]
        return {
            room: await asyncio.to_thread(_read_room, worker.url, host, room, grace) for room, host in rooms.items()
        }

    async def _worker(self, number: int) -> Worker:
        worker = Worker(f"w{number}", self.folder, self.env, self.history)
        await worker.front.start()
        worker.env["DATABASE_URL"] = self.database_url
        if self.postgres is not None and self.redis is not None:
            worker.to_database = await Proxy(("127.0.0.1", self.postgres.port)).start()
            worker.to_redis = await Proxy(("127.0.0.1", self.redis.port)).start()
            database = urlsplit(self.database_url).path
            worker.env["DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{worker.to_database.port}{database}"
            worker.env["REDIS_URL"] = f"redis://127.0.0.1:{worker.to_redis.port}/0"
        worker.entry = self.entry()
        return worker

    def entry(self, *, condition: str = "", clock: float = 0.0) -> tuple[str, ...]:
        """What python runs: wsgi.py, or the seeded entry for a bug, a condition, a clock wrong by so many seconds."""
        names = "+".join(filter(None, (self.bug, condition)))
        if not names and not clock:
            return ("wsgi.py",)
        return (str(ENTRY), names or NONE, str(clock))


def migrate(env: dict[str, str]) -> None:
    """Bring a database to the newest migration."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr


def _read_room(url: str, host: Person, room: str, grace: float) -> RoomState:
    rest = Rest(url, lambda: host.token)
    try:
        shown = rest.room(room)
        members = [each["user"]["id"] for each in rest.participants(room)]
        return RoomState(rest.room_log(room), members, shown["status"], shown["head"], shown["host"]["id"], grace)
    finally:
        rest.session.close()
