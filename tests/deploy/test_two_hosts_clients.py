"""The same things done on two workers at once: the room's row decides."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.deploy.deployment import Deployment
from tests.deploy.student import Student
from tests.scenarios.classroom import at_once, leaving, room_with
from tests.support import ledger
from tests.support.clients.member import Member
from tests.support.clients.sio import sio_member
from tests.support.people import Person

pytestmark = pytest.mark.service

KNOCKS = 300
KNOCKING = 6
IN_FLIGHT = 50
"""Decisions of one client that are under way at once."""

REMOVALS = int(os.environ.get("REMOVALS", "200"))

COMING_OR_GOING = ("participant_removed", "participant_joined")


def decide(host: Member, command: str, room_id: str, request_ids: list[str]) -> list[dict[str, Any]]:
    """Decide each request by a command of its own, some at a time; the acks, in that order."""
    answers: list[dict[str, Any]] = []

    def answered(answer: dict[str, Any]) -> None:
        with host.changed:
            answers.append(answer)
            host.changed.notify_all()

    def has(count: int) -> Callable[[], bool]:
        return lambda: len(answers) >= count

    for end in range(IN_FLIGHT, len(request_ids) + 1, IN_FLIGHT):
        some = request_ids[end - IN_FLIGHT : end]
        host.burst(command, [{"room_id": room_id, "request_id": one} for one in some], answered)
        host.wait(has(end), 30, "the acks")
    return answers


class TestTwoClientsOfTheHost:
    """On two workers, with the same knocks before them, in the same moment."""

    @pytest.fixture
    def lobby(self, deployment: Deployment) -> Iterator[tuple[str, tuple[Member, Member], list[str]]]:
        """A room, its host twice, the knocks."""
        teacher, students = deployment.teacher(), deployment.students(KNOCKS)
        room_id = str(teacher.rest.create_room()["id"])
        knock_all(room_id, students)
        hosts = (sio_member(deployment.at("w1", teacher)), sio_member(deployment.at("w2", teacher)))
        with leaving(hosts):
            at_once(Member.connect, hosts)
            at_once(lambda host: host.enter(room_id), hosts)
            knocks = [request["id"] for request in teacher.rest.requests(room_id, status="pending")]
            assert len(knocks) == KNOCKS
            yield room_id, hosts, knocks

    @pytest.mark.parametrize("how", ["one by one", "all"])
    def test_let_each_student_in_once(
        self, deployment: Deployment, lobby: tuple[str, tuple[Member, Member], list[str]], how: str
    ) -> None:
        room_id, hosts, knocks = lobby
        if how == "all":
            answers = at_once(lambda host: [host.do("join_request_approve", {"room_id": room_id, "all": True})], hosts)
            outcomes = [row["outcome"] for (answer,) in answers for row in answer["results"]]
            assert outcomes == ["approved"] * KNOCKS, "what one has decided is not pending for the other"
        else:
            for acks in at_once(lambda host: decide(host, "join_request_approve", room_id, knocks), hosts):
                outcomes = [row["outcome"] for ack in acks for row in ack["results"]]
                assert outcomes == ["approved"] * KNOCKS, "the second answer says what stands"
        assert_decided_once(deployment, hosts[0].person, room_id, Counter(approved=KNOCKS))

    def test_decide_each_knock_once_when_they_disagree(
        self, deployment: Deployment, lobby: tuple[str, tuple[Member, Member], list[str]]
    ) -> None:
        room_id, hosts, knocks = lobby
        commands = ("join_request_approve", "join_request_deny")
        approvals, denials = at_once(
            lambda each: decide(each[0], each[1], room_id, knocks), list(zip(hosts, commands, strict=True))
        )
        for approval, denial in zip(approvals, denials, strict=True):
            assert approval["ok"] != denial["ok"], "one of the two has decided"
            refused = denial if approval["ok"] else approval
            assert refused["error"]["code"] == "not_pending"
        decided = Counter(approved=sum(each["ok"] for each in approvals), denied=sum(each["ok"] for each in denials))
        assert_decided_once(deployment, hosts[0].person, room_id, decided)


def knock_all(room_id: str, students: list[Person]) -> None:
    """All of them knock, a few at a time: they queue for one room's row."""
    with ThreadPoolExecutor(KNOCKING) as pool:
        for answer in pool.map(lambda student: student.rest.knock(room_id), students):
            answer.ok(201)


def assert_decided_once(deployment: Deployment, host: Person, room_id: str, wanted: Counter[str]) -> None:
    """Each knock has one decision with its one audit entry and one notification, each approved one is in once."""
    statuses = Counter(request["status"] for request in host.rest.requests(room_id))
    assert statuses == wanted
    joined = [
        message["params"]["user"]["id"]
        for message in host.rest.room_log(room_id)
        if message["code"] == "participant_joined"
    ]
    assert len(joined) == len(set(joined)) == wanted["approved"]
    roster = [each["user"]["id"] for each in host.rest.participants(room_id)]
    assert sorted(roster) == sorted([host.id, *joined])
    notified = deployment.rows(
        "SELECT user_id FROM notifications WHERE room_id = %s AND kind IN (%s, %s)",
        room_id,
        "join_request_approved",
        "join_request_denied",
    )
    assert len(notified) == len(set(notified)) == KNOCKS
    acts = deployment.rows(
        "SELECT subject_id FROM audit_entries WHERE room_id = %s AND act IN (%s, %s)",
        room_id,
        "request_approved",
        "request_denied",
    )
    assert len(acts) == len(set(acts)) == KNOCKS


@pytest.mark.timeout(600)
def test_nothing_a_student_had_queued_comes_in_after_the_removal_on_another_worker(
    deployment: Deployment, record_property: Callable[[str, object], None]
) -> None:
    """The student sends without waiting until the removal is known, again and again, while somebody else talks on: none
    has a seq above it, the student hears nothing above it, and what was acknowledged stands below it."""
    chance = random.Random(7)
    teacher, pupil, talker = deployment.teacher(), *deployment.students(2)
    room_id = room_with(teacher, [pupil, talker])
    host, chatter = sio_member(deployment.at("w1", teacher)), sio_member(deployment.at("w3", talker))
    student = Student(deployment, "w2", pupil, room_id)
    met = Counter[str]()
    with leaving([host, chatter]):
        at_once(Member.connect, [host, chatter])
        at_once(lambda member: member.enter(room_id), [host, chatter])
        for _ in range(REMOVALS):
            student.enter(after=host.rooms[room_id].last)
            student.send(chance.randrange(10))
            removal: list[dict[str, Any]] = []
            host.wire.command("participant_remove", {"room_id": room_id, "user_id": pupil.id}, removal.append)
            while not removal:
                student.send(1)
                student.pause(chance.uniform(0, 0.002))
            student.send(chance.randrange(10))
            chatter.send(room_id, "behind it")
            acks, events = student.read_to_the_end()
            removed_at = removal[0]["seq"]
            accepted = [ack["message"]["seq"] for ack in acks if ack["ok"]]
            refused = [ack["error"]["code"] for ack in acks if not ack["ok"]]
            heard = [packet.data[1]["seq"] for packet in events if packet.data[0] == "message"]
            assert all(seq < removed_at for seq in accepted), (accepted, removed_at)
            assert all(seq <= removed_at for seq in heard), (heard, removed_at)
            assert set(refused) <= {"not_found"}
            met["sends"] += len(acks)
            met["cut in the middle"] += bool(accepted and refused)
            host.do("join_request_approve", {"room_id": room_id, "user_id": pupil.id})
        log = teacher.rest.room_log(room_id)
        assert ledger.holes(log, first=1) == []
        here = True
        for message in log:
            is_own = message["sender"] is not None and message["sender"]["id"] == pupil.id
            assert here or not is_own, f"{message} was written by somebody who had been removed"
            if message["code"] in COMING_OR_GOING and message["params"]["user"]["id"] == pupil.id:
                here = message["code"] == "participant_joined"
        chatter.wait_seq(room_id, len(log))
        chatter.assert_faultless()
    student.socket.close()
    record_property("removals", dict(met))
    assert met["cut in the middle"] >= REMOVALS / 20, f"the removal hardly ever met the sends: {met}"
