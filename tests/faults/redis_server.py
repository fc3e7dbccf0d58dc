"""A redis-server of a run's own: it keeps nothing on disk, and may be stopped, frozen, killed and started empty."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.support.lacking import program
from tests.support.server import free_port
from tests.support.wait import eventually


class RedisServer:
    """One process on a free loopback port; the port stays its own over every start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> RedisServer:
        """Start, empty, and wait until it answers."""
        ours = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder)}
        words = [word for name, value in (ours | settings).items() for word in (f"--{name.replace('_', '-')}", value)]
        with (self.folder / "redis.log").open("ab") as log:
            command = [redis_program(), *words]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        eventually(lambda: self.call("PING"), within=10, message="redis-server does not answer")
        return self

    def call(self, *words: str | bytes) -> bytes:
        """One command, its answer as it came; b"" when nobody answers."""
        parts = [word if isinstance(word, bytes) else word.encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=3) as sock:
                sock.sendall(request)
                return sock.recv(65536)
        except OSError:
            return b""

    def freeze(self) -> None:
        """SIGSTOP: it stands, and says nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGKILL; nothing is lost that it had promised to keep."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


def redis_program() -> str:
    """Where redis-server is."""
    return program("redis-server", package="redis-server")
