"""A chatapp server as an operator runs it: its own process, database file, secrets, port. Tests reach it from outside.

with ServerProcess(tmp_path, LIMIT_SENDS="1000/second") as server:
    teacher, student = server.teacher(), server.student()
    room = teacher.rest.create_room("Class 7b")
    server.kill(); server.start()                 # the same database and port
# leaving the block stops it with SIGTERM and asserts that it went in order
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.support.backend import Backend
from tests.support.people import Enrolled, Person, enrol
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parents[2]
TEACHERS, STUDENTS = 60, 200

START_SECONDS = 40.0
STOP_SECONDS = 15.0

GENEROUS = {
    # One machine is a whole school here; what a single user may do stays as it ships.
    "LIMIT_CONNECTS": "100000/minute",
    "LIMIT_LOGIN_ADDRESS": "100000/minute",
    "LIMIT_REGISTER": "100000/minute",
}


CHOSEN_PORTS = range(10_000, 32_000)
"""Below those that Linux gives to clients (net.ipv4.ip_local_port_range)."""


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on. Not one that the kernel would choose: until a server
    has started, some client's own end may have taken it."""
    while True:
        port = CHOSEN_PORTS.start + secrets.randbelow(len(CHOSEN_PORTS))
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


class ServerProcess:
    """One worker with its log in `folder`, on a school that has its people already. Upper-case keywords are environment
    variables of the process."""

    def __init__(self, folder: Path, database_url: str, **env: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.log_path = folder / "server.log"
        self.env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "UPLOAD_DIR": str(folder / "uploads"),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            **GENEROUS,
            **env,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._enrolled = {"teacher": TEACHERS, "student": STUDENTS}
        self._handed_out = {"teacher": 0, "student": 0}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, for bare sockets."""
        return ("127.0.0.1", self.port)

    # People

    def teacher(self) -> Person:
        """A teacher whom no other test on this server knows."""
        return self._person("teacher")

    def student(self) -> Person:
        """A student whom no other test on this server knows."""
        return self._person("student")

    def students(self, count: int) -> list[Person]:
        """`count` such students."""
        return [self.student() for _ in range(count)]

    def _person(self, role: str) -> Person:
        self._handed_out[role] += 1
        number = self._handed_out[role]
        if number > self._enrolled[role]:
            self._enrolled[role] += 50
            self._enrol(role, range(number, number + 50))
        return Person.enrolled(self.url, Enrolled(role, number), self.env["JWT_SECRET_KEY"])

    def _enrol(self, role: str, numbers: Iterable[int]) -> None:
        enrol(self.env["DATABASE_URL"], [Enrolled(role, number) for number in numbers])

    # The process

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `flask --app wsgi …` beside the server, with its environment."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def found(self) -> None:
        """Make the school of an empty database: its tables, and people to be handed out."""
        done = self.flask("db", "upgrade")
        assert done.returncode == 0, done.stderr
        self._enrol("teacher", range(1, TEACHERS + 1))
        self._enrol("student", range(1, STUDENTS + 1))

    def start(self) -> Self:
        """Start the process and wait until it is ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "wsgi.py"], cwd=ROOT, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        eventually(self._ready, within=START_SECONDS, message=lambda: f"not ready; its log:\n{self.log()}")
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"exited with {self.process.returncode}:\n{self.log()}"
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        return False

    def stop(self) -> None:
        """SIGTERM; the process drains, ends in time and says that all went well."""
        process, self.process = self.process, None
        assert process is not None, "not running"
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still there {STOP_SECONDS} s after SIGTERM:\n{self.log()}") from None
        assert status == 0, f"exit status {status}:\n{self.log()}"

    def kill(self) -> None:
        """SIGKILL: no word, no clean-up."""
        process, self.process = self.process, None
        assert process is not None, "not running"
        process.kill()
        process.wait()

    def restart(self) -> None:
        """In order: stop, then start."""
        self.stop()
        self.start()

    def log(self) -> str:
        """What the process has said so far, all its lives together."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def assert_quiet(self) -> None:
        """Nothing went wrong that only the log tells."""
        log = self.log()
        at = log.find("Traceback (most recent call last)")
        assert at < 0, f"a traceback in the server's log:\n{log[max(0, at - 1500) : at + 4000]}"

    def __enter__(self) -> Self:
        return self.start() if self.process is None else self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.process is None:
            return
        if kind is not None:
            self.kill()
            return
        self.stop()
        self.assert_quiet()


def a_school(folder: Path, **env: str) -> ServerProcess:
    """A server on a new SQLite file in `folder`, for what is no test."""
    school = ServerProcess(folder, f"sqlite:///{folder / 'chatapp.db'}", **env)
    school.found()
    return school


@pytest.fixture(scope="session")
def founded_school(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database with people in it, made once and copied for each server."""
    return backend.make(lambda url: ServerProcess(tmp_path_factory.mktemp("founding"), url).found())


StartServer = Callable[..., ServerProcess]


@pytest.fixture
def start_server(backend: Backend, founded_school: str, tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers of a test's own: `start_server(HOST_GRACE_SECONDS="5")`. They are stopped at its end."""
    started: list[ServerProcess] = []

    def start(**env: str) -> ServerProcess:
        server = ServerProcess(tmp_path / f"server{len(started)}", backend.copy(founded_school), **env)
        started.append(server)
        return server.start()

    yield start
    _end(started)


def _end(servers: list[ServerProcess]) -> None:
    for server in servers:
        if server.process is not None:
            server.stop()
            server.assert_quiet()


@pytest.fixture(scope="module")
def server(
    backend: Backend,
    founded_school: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[ServerProcess]:
    """The module's server, its environment the module's `SERVER_ENV`. Each test takes people of its own."""
    env: dict[str, str] = getattr(request.module, "SERVER_ENV", {})
    running = ServerProcess(tmp_path_factory.mktemp("server"), backend.copy(founded_school), **env)
    running.start()
    yield running
    _end([running])
