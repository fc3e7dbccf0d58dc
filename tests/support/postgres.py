"""A PostgreSQL of our own: on a free port, in a temporary folder, as user postgres where root runs the tests.

`postgres` is its fixture; a suite's conftest imports it. fsync is off: what is proved with it is order, not durability.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.lacking import lacking
from tests.support.wait import eventually

START_SECONDS = 30.0


class Postgres:
    """One cluster. `start` and `stop` may be called again; the data stays until `remove`."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="chatapp-postgres-"))
        self.data = self.folder / "data"
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        subprocess.run(self._command("initdb", f"--pgdata={self.data}", *options), check=True, capture_output=True)

    def start(self, **settings: str) -> None:
        """Start the server with these settings besides ours, and wait until it answers."""
        ours = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
        }
        arguments = [word for name, value in (ours | settings).items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", str(self.data), "-p", str(self.port), *arguments),
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, within=START_SECONDS, message=lambda: (self.folder / "log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: fast by default, SIGQUIT for at once, SIGTERM for when everybody has gone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def remove(self) -> None:
        """Stop, and forget everything."""
        self.stop()
        shutil.rmtree(self.folder)

    def database(self, template: str = "template1") -> str:
        """A new database, empty or as its template is, to which nobody is connected; its URL as DATABASE_URL has it."""
        name = f"chatapp{next(self._names)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}".encode())
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=3", autocommit=True
        )

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _command(self, program: str, *arguments: str) -> list[str]:
        """PostgreSQL refuses to run as root."""
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() != 0:
            return command
        user = pwd.getpwnam("postgres")
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with running() as server:
        yield server


@contextmanager
def running() -> Iterator[Postgres]:
    """A PostgreSQL for so long. Where there is none to start: see lacking."""
    binaries = find_binaries()
    if binaries is None:
        lacking("PostgreSQL is not installed: on Debian `apt-get install postgresql`")
    server = Postgres(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def find_binaries() -> Path | None:
    """Where initdb is; Debian keeps it out of the path. The newest version wins."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), key=lambda path: float(path.parent.name), default=None)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
