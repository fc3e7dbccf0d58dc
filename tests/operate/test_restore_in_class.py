"""A backup is put back while a lesson goes on: clients drop what was said since, start anew by themselves, and every
promise holds from there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.classroom import admit, assert_all_heard, leaving, room_with
from tests.support.clients.member import Member
from tests.support.clients.plain import plain_member
from tests.support.clients.sio import sio_member
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = pytest.mark.service

FASTER: dict[str, Any] = {
    "LEASE_BEAT_SECONDS": "0.5",
    "POLL_SECONDS": "0.3",
    "LIMIT_SENDS": "100/second",
    "LIMIT_SENDS_BURST": "100",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def school(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    """A running server on each database."""
    url = f"sqlite:///{tmp_path / 'chatapp.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database()
    server = ServerProcess(tmp_path / "server", url, **FASTER)
    server.found()
    with server:
        yield server


def flask(server: ServerProcess, *arguments: Any) -> str:
    done = server.flask(*map(str, arguments))
    assert done.returncode == 0, done.stderr
    return done.stdout


class Talk(threading.Thread):
    """Somebody who does not stop writing. `acked` are the acks."""

    def __init__(self, member: Member, room_id: str) -> None:
        super().__init__(daemon=True)
        self.member, self.room_id = member, room_id
        self.acked: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                self.acked.append(self.member.send(self.room_id, f"word {len(self.acked)}", timeout=40)["message"])
                time.sleep(0.02)  # a pace, not a wait
        except Exception as fault:  # noqa: BLE001 — told by `stop`
            self.fault = fault

    def stop(self) -> None:
        self.over.set()
        self.join(60)
        assert self.fault is None and not self.is_alive(), self.fault


def _wait_for_new_start(member: Member, room_id: str) -> None:
    member.wait(lambda: member.rooms[room_id].resets == 1 and member.rooms[room_id].entered, 40, "a new start")


def test_a_lesson_goes_on_from_the_backup(school: ServerProcess, tmp_path: Path) -> None:
    host, early, late = school.teacher(), school.student(), school.student()
    room_id = room_with(host, [early])
    members = [sio_member(host), sio_member(early, "polling"), plain_member(early)]
    talk = Talk(members[0], room_id)
    with leaving([*members, newcomer := sio_member(late)]):
        for member in members:
            member.connect().enter(room_id)
        before = host.rest.room(room_id)
        talk.start()
        eventually(lambda: len(talk.acked) >= 20)
        made = flask(school, "backup", tmp_path / "school.tar.gz")
        assert "1 rooms" in made and "MB" in made
        at_backup = len(talk.acked)
        eventually(lambda: len(talk.acked) >= at_backup + 20)
        admit(host, room_id, [late])
        newcomer.connect().enter(room_id)
        restored_at = time.monotonic()
        assert "Restored" in flask(school, "restore", tmp_path / "school.tar.gz", "--yes")

        for member in members:
            _wait_for_new_start(member, room_id)
        told_within = time.monotonic() - restored_at
        after = host.rest.room(room_id)
        assert after["epoch"] != before["epoch"]
        seen = len(talk.acked)
        eventually(lambda: len(talk.acked) >= seen + 20, within=30)
        talk.stop()

        log = host.rest.room_log(room_id)
        assert [message["seq"] for message in log] == list(range(1, len(log) + 1))
        assert_all_heard(members, room_id, log, first=members[0].rooms[room_id].messages[0]["seq"])
        assert all(member.rooms[room_id].epoch == after["epoch"] for member in members)
        said = [message["body"] for message in log if message["type"] == "text"]
        assert len(said) == len(set(said)), "no send became two messages"
        assert {message["body"] for message in talk.acked[-10:]} <= set(said)
        assert late.rest.get(f"/api/chat/{room_id}/").ok()["my_role"] == "none", "came after the backup"
        newcomer.wait(lambda: room_id in newcomer.room_errors, 30, "being told")
        assert newcomer.room_errors[room_id]["code"] == "not_found"
        assert told_within < 30
