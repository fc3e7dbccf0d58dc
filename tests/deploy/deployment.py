"""A deployment for a test module: PostgreSQL, Redis, nginx with deploy/nginx.conf, four workers kept by supervisor.

It is what `make serve-cluster` shows, without the demo class. People come in through nginx, or are put on a worker by
its port; what is true is read from the database.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from scripts.serve_cluster import Cluster, answers
from tests.support.people import Enrolled, Person, enrol
from tests.support.wait import eventually

WORKERS = 4

RAISED = {
    f"LIMIT_{name}": value
    for name, value in {
        "SENDS": "10000/second",
        "SENDS_BURST": "10000",
        "PACKETS": "10000/second",
        "PACKETS_BURST": "10000",
        "CONNECTS": "100000/minute",
        "HISTORY": "100000/minute",
        "REQUESTS": "10000/second",
        "REQUESTS_BURST": "10000",
        "KNOCKS": "10000/hour",
        "LOGIN_ADDRESS": "100000/minute",
        "PENDING": "1000",
        "PARTICIPANTS": "1000",
    }.items()
}
"""One machine is a whole school here; what is left out stays as it ships."""


class Deployment:
    """Running from `start` to `stop`. Keywords are environment variables of the workers."""

    def __init__(self, **env: str) -> None:
        folder = Path(
            tempfile.mkdtemp(prefix="chatapp-deploy-")
        )  # PostgreSQL's account must get in, as not in tmp_path
        self.cluster = Cluster(WORKERS, folder, RAISED | env)
        own = [
            self.url_of(name) for name in self.names
        ]  # the Python clients say an Origin, on a worker's port that one
        self.cluster.environment["CORS_ORIGINS"] = ",".join([self.cluster.environment["CORS_ORIGINS"], *own])
        self.handed_out = {"teacher": 0, "student": 0}
        self.killed = False

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        self.cluster.start(demo=False)

    def stop(self) -> None:
        """End everything."""
        self.cluster.stop()

    @property
    def url(self) -> str:
        """nginx."""
        return self.cluster.address

    @property
    def names(self) -> list[str]:
        """The workers."""
        return list(self.cluster.workers)

    def url_of(self, name: str) -> str:
        """One worker, past nginx."""
        return f"http://127.0.0.1:{self.cluster.workers[name]}"

    def address_of(self, name: str) -> tuple[str, int]:
        """The same for bare sockets."""
        return ("127.0.0.1", self.cluster.workers[name])

    # People

    def people(self, role: str, count: int) -> list[Person]:
        """Newcomers, who come in through nginx."""
        first = self.handed_out[role] + 1
        self.handed_out[role] += count
        newcomers = [Enrolled(role, number) for number in range(first, first + count)]
        enrol(self.cluster.environment["DATABASE_URL"], newcomers)
        return [self._person(who) for who in newcomers]

    def teacher(self) -> Person:
        """A teacher whom nobody knows yet."""
        return self.people("teacher", 1)[0]

    def students(self, count: int) -> list[Person]:
        """`count` students whom nobody knows yet."""
        return self.people("student", count)

    def _person(self, who: Enrolled) -> Person:
        return Person.enrolled(self.url, who, self.cluster.environment["JWT_SECRET_KEY"])

    def at(self, name: str, person: Person) -> Person:
        """The same person with the same session, on that worker."""
        return Person(self.url_of(name), person.user, person.token)

    # Workers

    def is_ready(self, name: str) -> bool:
        """Whether a worker serves."""
        return answers(f"{self.url_of(name)}/readyz")

    def restart(self, name: str) -> None:
        """As an operator does it: SIGTERM, wait until it has gone, start, wait until it serves."""
        self.cluster.control("restart", name)
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Until a worker serves."""
        eventually(lambda: self.is_ready(name), within=40, message=lambda: f"{name} is not ready:\n{self.log(name)}")

    def kill(self, name: str) -> None:
        """SIGKILL; supervisor starts it again."""
        self.killed = True
        os.kill(int(self.cluster.control("pid", name)), signal.SIGKILL)

    def log(self, name: str) -> str:
        """What a worker has said, all its lives together."""
        return (self.cluster.folder / f"{name}.log").read_text(errors="replace")

    def assert_quiet(self) -> None:
        """Nothing went wrong that only the logs tell."""
        for name in self.names:
            log = self.log(name)
            at = log.find("Traceback (most recent call last)")
            assert at < 0, f"a traceback in the log of {name}:\n{log[max(0, at - 1500) : at + 4000]}"

    # What is true

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of one's own; each statement is a transaction unless one is begun."""
        with psycopg.connect(self.cluster.environment["DATABASE_URL"], autocommit=True) as connection:
            yield connection

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        with self.database() as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def places(self, people: Iterable[Person]) -> dict[str, str]:
        """User to worker, of who is connected. A lease's name is what its Socket.IO connections' ids begin with."""
        rows = self.rows("SELECT user_id, worker_id, connection_id FROM presence WHERE room_id IS NULL")
        names = {
            worker: connection.partition(".")[0]
            for _, worker, connection in rows
            if connection.partition(".")[0] in self.names
        }
        wanted = {person.id for person in people}
        return {user: names[worker] for user, worker, _ in rows if user in wanted}
