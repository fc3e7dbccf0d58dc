"""The log's level at run time: a signal turns details on, and off again."""

from __future__ import annotations

import signal

import pytest

from chatapp.serving.signals import LevelSignal
from tests.support.server import ServerProcess, StartServer
from tests.support.wait import eventually


def test_each_signal_changes_the_level_once() -> None:
    used: list[str] = []
    levels = LevelSignal("WARNING", used.append)
    assert levels.obey() is None
    levels._receive(signal.SIGUSR1, None)
    assert (levels.obey(), levels.obey()) == ("DEBUG", None)
    levels._receive(signal.SIGUSR1, None)
    assert levels.obey() == "WARNING"
    levels._receive(signal.SIGUSR1, None)
    levels._receive(signal.SIGUSR1, None)
    assert levels.obey() == "WARNING", "twice in a moment is as before"
    assert used == ["DEBUG", "WARNING", "WARNING"]


def told(server: ServerProcess, level: str) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGUSR1)
    eventually(lambda: f'"new_level": "{level}"' in server.log(), message=server.log)


@pytest.mark.service
def test_a_running_worker_is_asked_for_details_and_goes_on(start_server: StartServer) -> None:
    server = start_server(LOG_LEVEL="ERROR")
    told(server, "DEBUG")
    room = server.teacher().rest.create_room()
    assert room["status"] == "open"
    told(server, "ERROR")
    assert server.log().count("log_level") == 2
