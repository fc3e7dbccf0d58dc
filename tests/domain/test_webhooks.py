"""Webhooks: whose they are, what they are told, in which order, how often, and until when."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from chatapp.contract import hooks
from chatapp.contract.errors import Code
from chatapp.contract.words import Act, Role
from chatapp.db import now, transaction
from chatapp.domain import accounts, deliveries, leases, participants, rooms, webhooks
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import Lease, WebhookCursor
from tests.domain.classroom import Classroom, refused, with_limits

URL = "https://hooks.example.org/chat?class=7b"


def deliver(status: int | None = 200, fault: str | None = None) -> list[tuple[str, int]]:
    """Carry everything that is due, as a receiver that answers so; (room, seq) in the order of sending."""
    sent = []
    for job in deliveries.due(each=50):
        for parcel in deliveries.parcels(job):
            sent.append((job.room_id, parcel.seq))
            if not deliveries.note(job, parcel.seq, status=status, fault=fault, ms=3):
                break
    return sent


def tries(actor: Actor, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of each try, oldest first."""
    found: list[dict[str, Any]] = webhooks.deliveries(actor, webhook_id=hook["id"], limit=100)["items"]
    return found[::-1]


def wait_over(hook: dict[str, Any], **since: float) -> None:
    """Let the time until the next try pass; `since` moves the beginning of the failing into the past."""
    with transaction() as tx:
        values: dict[str, Any] = {"next_at": now()}
        if since:
            values["failing_since"] = now() - timedelta(**since)
        tx.session.execute(update(WebhookCursor).where(WebhookCursor.webhook_id == hook["id"]).values(values))


def test_a_room_is_told_from_now_on_in_order_and_once(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    before = classroom.row(room_id).last_seq
    hook = webhooks.create(host, url=URL, room_id=room_id)
    assert hooks.WebhookSecretSchema().validate(hook) == {} and hook["secret"].startswith("whsec_")
    assert deliver() == []
    for number in range(3):
        classroom.say(ada, room_id, f"line {number}")
    assert deliver() == [(room_id, before + 1), (room_id, before + 2), (room_id, before + 3)]
    assert deliver() == []
    assert [each["ok"] for each in tries(host, hook)] == [True] * 3
    assert hooks.DeliverySchema(many=True).validate(tries(host, hook)) == {}


def test_what_is_delivered_is_the_message_as_everybody_sees_it(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    webhooks.create(host, url=URL, room_id=room_id)
    seq = classroom.say(ada, room_id, "hello")
    (job,) = deliveries.due(each=50)
    (parcel,) = deliveries.parcels(job)
    body = json.loads(parcel.body)
    assert (parcel.message_id, body["type"]) == (f"{room_id}-{seq}", "message.text")
    assert (body["data"]["seq"], body["data"]["body"]) == (seq, "hello")


def test_a_receiver_that_does_not_answer_does_not_crowd_out_the_others(classroom: Classroom) -> None:
    teacher, admin = classroom.teacher(), classroom.person(Role.ADMIN)
    webhooks.create(admin, url=URL, room_id=None)
    lessons = [rooms.create(teacher, title=f"Lesson {number}")["id"] for number in range(6)]
    assert len({job.room_id for job in deliveries.due(each=4)}) == 4
    for job in deliveries.due(each=50):
        deliveries.note(job, job.seq + 1, status=503, fault=None, ms=3)
    with transaction() as tx:
        tx.session.execute(update(WebhookCursor).values(next_at=now() - timedelta(minutes=5)))
    mine = webhooks.create(teacher, url=URL, room_id=lessons[5])
    rooms.close(teacher, room_id=lessons[5])
    first, *others = deliveries.due(each=2, limit=4)
    assert (first.webhook_id, first.room_id) == (mine["id"], lessons[5])
    assert len(others) == 2


def test_a_failure_holds_up_its_own_room_alone_and_is_tried_again_later(classroom: Classroom) -> None:
    with_limits(webhook_retry_seconds=5.0)
    room_id, host, (ada,) = classroom.lesson()
    other = classroom.room(host)
    hook = webhooks.create(host, url=URL, room_id=room_id)
    second = webhooks.create(host, url=URL, room_id=other)
    first = classroom.say(ada, room_id)
    classroom.say(ada, room_id)
    assert deliver(None, "no_connection") == [(room_id, first)]
    assert deliver() == []  # not yet
    classroom.say(host, other)
    assert [sent[0] for sent in deliver()] == [other]
    wait_over(hook)
    assert deliver(500) == [(room_id, first)]
    wait_over(hook)
    assert deliver(302) == [(room_id, first)]  # nothing is followed
    wait_over(hook)
    assert deliver() == [(room_id, first), (room_id, first + 1)]
    seen = [(each["seq"], each["status"], each["fault"]) for each in tries(host, hook)]
    assert seen == [
        (first, None, "no_connection"),
        (first, 500, None),
        (first, 302, None),
        (first, 200, None),
        (first + 1, 200, None),
    ]
    assert webhooks.show(host, webhook_id=second["id"])["failing_since"] is None


def test_the_wait_doubles_up_to_four_hours(classroom: Classroom) -> None:
    with_limits(webhook_retry_seconds=5.0)
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    classroom.say(ada, room_id)
    waits = []
    for _ in range(16):
        wait_over(hook)
        deliver(500)
        waits.append(round((_cursor(hook, room_id).next_at - now()).total_seconds()))  # type: ignore[operator]
    assert [abs(wait - 5 * 2**at) <= 1 for at, wait in enumerate(waits[:4])] == [True] * 4
    assert abs(waits[-1] - 4 * 3600) <= 1


def test_a_webhook_that_fails_for_days_is_switched_off_and_goes_on_where_it_stopped(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    seq = classroom.say(ada, room_id)
    deliver(500)
    wait_over(hook, days=2)
    deliver(500)
    assert webhooks.show(host, webhook_id=hook["id"])["enabled"] is True
    wait_over(hook, days=4)
    deliver(500)
    shown = webhooks.show(host, webhook_id=hook["id"])
    assert (shown["enabled"], shown["ended_why"]) == (False, "failing")
    assert (Act.WEBHOOK_ENDED, None, hook["id"]) in classroom.acts(room_id)
    wait_over(hook)
    assert deliver() == []
    webhooks.update(host, webhook_id=hook["id"], enabled=True)
    assert deliver() == [(room_id, seq)]
    assert webhooks.show(host, webhook_id=hook["id"])["failing_since"] is None


def test_gone_switches_it_off_at_once(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    classroom.say(ada, room_id)
    deliver(410)
    shown = webhooks.show(host, webhook_id=hook["id"])
    assert (shown["enabled"], shown["ended_why"]) == (False, "gone")


def test_the_school_is_told_of_every_room_also_of_those_that_come_later(classroom: Classroom) -> None:
    admin = classroom.person(Role.ADMIN)
    room_id, _, (ada,) = classroom.lesson()
    webhooks.create(admin, url=URL)
    seq = classroom.say(ada, room_id)
    later = classroom.room(classroom.teacher())
    assert sorted(deliver()) == sorted([(room_id, seq), (later, 1)])


def test_only_the_host_and_the_school_may_listen(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    stranger, admin = classroom.teacher(), classroom.person(Role.ADMIN)
    with refused(Code.FORBIDDEN):
        webhooks.create(ada, url=URL, room_id=room_id)
    with refused(Code.FORBIDDEN):
        webhooks.create(host, url=URL)
    with refused(Code.NOT_FOUND):
        webhooks.create(stranger, url=URL, room_id=room_id)
    hook = webhooks.create(host, url=URL, room_id=room_id)
    for act in (
        lambda: webhooks.show(stranger, webhook_id=hook["id"]),
        lambda: webhooks.update(stranger, webhook_id=hook["id"], enabled=False),
        lambda: webhooks.deliveries(stranger, webhook_id=hook["id"], limit=1),
        lambda: webhooks.replay(stranger, webhook_id=hook["id"], room_id=room_id, after=0),
        lambda: webhooks.renew_secret(stranger, webhook_id=hook["id"]),
        lambda: webhooks.delete(stranger, webhook_id=hook["id"]),
    ):
        with refused(Code.NOT_FOUND):
            act()
    assert webhooks.page(stranger, limit=10)["items"] == []
    assert [each["id"] for each in webhooks.page(host, limit=10)["items"]] == [hook["id"]]
    assert webhooks.show(admin, webhook_id=hook["id"])["id"] == hook["id"]
    assert "secret" not in webhooks.show(host, webhook_id=hook["id"])


def test_who_lost_the_right_is_told_nothing_more(classroom: Classroom) -> None:
    admin = classroom.person(Role.ADMIN)
    room_id, host, (ada,) = classroom.lesson()
    webhooks.create(admin, url=URL)
    webhooks.create(host, url=URL, room_id=room_id)
    classroom.say(ada, room_id)
    accounts.set_role(OPERATOR, user_id=admin.user_id, role=Role.TEACHER)
    accounts.deactivate(OPERATOR, user_id=host.user_id)
    assert deliver() == []


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.org/", "ftp://hooks.example.org/", "https://", "https://ada:secret@hooks.example.org/",
     "https://hooks.example.org/#x", "https://hooks.example.org/ x", "https://hooks.example.org:0/", "hooks", "https://[::1/",
     "https://hööks.example.org/"],
)  # fmt: skip
def test_an_address_that_nothing_will_be_sent_to_is_refused(classroom: Classroom, url: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    with refused(Code.INVALID_PAYLOAD):
        webhooks.create(host, url=url, room_id=room_id)
    hook = webhooks.create(host, url=URL, room_id=room_id)
    with refused(Code.INVALID_PAYLOAD):
        webhooks.update(host, webhook_id=hook["id"], url=url)


def test_one_delivery_and_a_whole_log_can_be_sent_again(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    first = classroom.say(ada, room_id)
    classroom.say(ada, room_id)
    deliver()
    delivery = tries(host, hook)[0]
    assert webhooks.replay(host, webhook_id=hook["id"], delivery_id=delivery["id"]) == {"count": 1}
    assert tries(host, hook)[0]["again"] is True
    assert deliver() == [(room_id, first)]
    assert deliver() == []
    assert webhooks.replay(host, webhook_id=hook["id"], room_id=room_id, after=0) == {"count": first + 1}
    assert deliver() == [(room_id, seq) for seq in range(1, first + 2)]
    with refused(Code.NOT_FOUND):
        webhooks.replay(host, webhook_id=hook["id"], delivery_id=delivery["id"] + 10_000)
    with refused(Code.NOT_FOUND):
        webhooks.replay(host, webhook_id=hook["id"], room_id="nowhere", after=0)


def test_a_deleted_webhook_leaves_nothing(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    classroom.say(ada, room_id)
    (job,) = deliveries.due(each=50)
    webhooks.delete(host, webhook_id=hook["id"])
    assert deliveries.note(job, job.seq + 1, status=200, fault=None, ms=1) is False
    assert deliver() == []
    assert (Act.WEBHOOK_DELETED, host.user_id, hook["id"]) in classroom.acts(room_id)


def test_a_late_word_of_another_worker_moves_nothing(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    seq = classroom.say(ada, room_id)
    (job,) = deliveries.due(each=50)
    deliver()
    assert deliveries.note(job, seq, status=500, fault=None, ms=1) is False
    assert _cursor(hook, room_id).seq == seq and _cursor(hook, room_id).failing_since is None


def test_tries_are_kept_for_a_page_and_no_longer(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "KEPT", 3)
    room_id, host, (ada,) = classroom.lesson()
    hook = webhooks.create(host, url=URL, room_id=room_id)
    for _ in range(5):
        classroom.say(ada, room_id)
    deliver()
    assert len(tries(host, hook)) == 3
    page = webhooks.deliveries(host, webhook_id=hook["id"], limit=2)
    assert len(page["items"]) == 2 and page["next_cursor"]
    rest = webhooks.deliveries(host, webhook_id=hook["id"], limit=2, cursor=page["next_cursor"])
    assert len(rest["items"]) == 1 and rest["next_cursor"] is None


def test_a_user_has_so_many_and_no_more(classroom: Classroom) -> None:
    with_limits(webhooks=1)
    room_id, host, _ = classroom.lesson(0)
    webhooks.create(host, url=URL, room_id=room_id)
    with refused(Code.LIMIT_REACHED):
        webhooks.create(host, url=URL, room_id=room_id)


def test_a_removed_student_is_told_of_like_everything_else(classroom: Classroom) -> None:
    room_id, host, (ada,) = classroom.lesson()
    webhooks.create(host, url=URL, room_id=room_id)
    participants.remove(host, room_id=room_id, user_id=ada.user_id)
    rooms.close(host, room_id=room_id)
    assert [seq for _, seq in deliver()] == list(range(3, 5))


def test_one_worker_delivers_until_its_lease_has_run_out(classroom: Classroom) -> None:
    assert leases.hold(name="webhooks", worker_id="a" * 20) is True
    assert leases.hold(name="webhooks", worker_id="a" * 20) is True
    assert leases.hold(name="webhooks", worker_id="b" * 20) is False
    assert leases.hold(name="something", worker_id="b" * 20) is True
    with transaction() as tx:
        tx.session.execute(update(Lease).where(Lease.name == "webhooks").values(until=now() - timedelta(seconds=1)))
    assert leases.hold(name="webhooks", worker_id="b" * 20) is True
    assert leases.hold(name="webhooks", worker_id="a" * 20) is False


def _cursor(hook: dict[str, Any], room_id: str) -> WebhookCursor:
    with transaction() as tx:
        return tx.session.get_one(WebhookCursor, (hook["id"], room_id))
