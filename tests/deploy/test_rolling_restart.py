"""An operator restarts the workers one after another in the middle of a class, and the class does not notice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.deploy.deployment import Deployment
from tests.scenarios.classroom import assert_all_heard, at_once, leaving, room_with
from tests.support.clients.js import Node, js_member
from tests.support.clients.member import Member
from tests.support.clients.sio import sio_member
from tests.support.speaker import Speaker
from tests.support.wait import eventually

pytestmark = pytest.mark.service

PAUSE = 0.1
"""Seconds between two sends of one member: a lively class, no benchmark."""

DEPLOYMENT_ENV = {
    # A client comes back within RETRY_MS, five seconds; the lease of the worker that went must outlive that.
    "LEASE_BEAT_SECONDS": "1",
    "FENCE_SECONDS": "6",
    "LEASE_TIMEOUT_SECONDS": "9",
    "HOST_AWAY_SECONDS": "0.5",
}


@pytest.mark.timeout(240)
def test_a_rolling_restart_loses_no_send_and_no_host(
    deployment: Deployment, node: Node, record_property: Callable[[str, object], None]
) -> None:
    teacher, students = deployment.teacher(), deployment.students(11)
    room_id = room_with(teacher, students, host_grace_seconds=60)
    members = [
        sio_member(teacher),
        *(sio_member(student, "websocket") for student in students[:3]),
        *(sio_member(student, "polling") for student in students[3:5]),
        sio_member(students[5], "upgrade"),
        *(js_member(student, node) for student in students[6:]),
    ]
    with leaving(members):
        at_once(Member.connect, members)
        at_once(lambda member: member.enter(room_id), members)
        first_leases = [lease for (lease,) in deployment.rows("SELECT id FROM workers WHERE NOT dead")]
        assert len(first_leases) == len(deployment.names)
        speakers = [Speaker(member, room_id, pause=PAUSE) for member in members]
        for name in deployment.names:
            deployment.restart(name)
            at_once(in_the_room, members)
        for speaker in speakers:
            speaker.stop()
        # Nor is the host away once the leases of those who went end, and the visits that were left to them.
        eventually(
            lambda: deployment.rows("SELECT count(*) FROM workers WHERE dead AND id = ANY(%s)", first_leases) == [(4,)],
            within=30,
            message="the leases did not end",
        )
        log = teacher.rest.room_log(room_id)
        assert {message["code"] for message in log if message["type"] == "system"} == {
            "room_created",
            "participant_joined",
        }
        assert teacher.rest.room(room_id)["status"] == "open"
        for speaker in speakers:
            speaker.assert_stands(log)
        assert_all_heard(members, room_id, log)
        assert all(member.rooms[room_id].resets == 0 for member in members)
        assert all(member.connections >= 2 for member in members), "each was on a worker that went"
        # A client is asked to come back within five seconds; two of them in a row may find a worker that is going.
        record_property("sends", len(log))
        record_property("slowest_ack_seconds", slowest := max(speaker.slowest for speaker in speakers))
        assert slowest < 15


def in_the_room(member: Member) -> None:
    """It is connected, and in all its rooms."""
    member.wait(lambda: member.connected and all(log.entered for log in member.rooms.values()), 40, "being back")
