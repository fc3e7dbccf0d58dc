"""Real server processes with the echo application."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.rawsocket import Address, EngineWebSocket

ROOT = Path(__file__).parents[2]


@dataclass
class EchoServer:
    """A running echo application."""

    process: subprocess.Popen[str]
    address: Address

    def stats(self) -> dict[str, Any]:
        """Its counts, the asking connection among them."""
        with EngineWebSocket.open(self.address) as ws:
            return dict(ws.call("/chat", "stats", {}, ack=1))


@pytest.fixture(scope="session", autouse=True)
def many_files() -> None:
    """A thousand clients are a thousand files here, too."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def launch(program: str = "echo_app", **options: Any) -> subprocess.Popen[str]:
    """Start the echo application, with `open_files` for a limit; nothing is waited for."""
    files = options.pop("open_files", None)
    limit = [] if files is None else ["prlimit", f"--nofile={files}"]
    return subprocess.Popen(
        [*limit, sys.executable, "-m", f"tests.serving.{program}", json.dumps(options)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def launched(program: str = "echo_app", **options: Any) -> EchoServer:
    """Start the echo application and wait until it listens."""
    process = launch(program, **options)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("chatapp listens on"):
            return EchoServer(process, ("127.0.0.1", int(line.rsplit(":", 1)[1])))
    raise AssertionError(process.communicate()[1])


@pytest.fixture
def start_echo() -> Iterator[Callable[..., EchoServer]]:
    """Starts echo servers, and ends them afterwards."""
    running: list[EchoServer] = []

    def start(program: str = "echo_app", **options: Any) -> EchoServer:
        running.append(launched(program, **options))
        return running[-1]

    yield start
    for server in running:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def echo(start_echo: Callable[..., EchoServer]) -> EchoServer:
    """One echo server with the default options."""
    return start_echo()
