"""The audit log and the service's state as pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine

from chatapp.contract.words import Act, CloseReason, RequestStatus, Role, RoomStatus, SystemCode
from chatapp.db import now
from chatapp.domain import lobby, rooms, workers
from chatapp.transports.admin import words
from tests.support.school import School, Signed
from tests.transports.web.conftest import Visitor


def entries(visitor: Visitor, query: str = "") -> list[str]:
    """What was done, by the page, newest first."""
    return re.findall(r'<p class="school-what">([^<]+)</p>', visitor.client.get(f"/school/audit/?{query}").text)


def test_the_log_is_filtered_by_act_person_room_and_period(
    heads: Visitor, school: School, teacher: Signed, student: Signed
) -> None:
    with time_machine.travel(now() - timedelta(days=3)):
        old = rooms.create(teacher.actor, title="Old")
        lobby.knock(student.actor, room_id=old["id"])
        lobby.approve(teacher.actor, room_id=old["id"], selector={"all": True})
    new = school.room(teacher, title="New")
    day = (now() - timedelta(days=3)).date()
    assert entries(heads, "act=room_created") == ["Room opened", "Room opened"]
    assert entries(heads, f"room_id={old['id']}") == ["Let in", "Room opened"]
    assert entries(heads, f"by={teacher.actor.username}&room_id={new['id']}") == ["Room opened"]
    assert entries(heads, f"by={teacher.actor.username}&since={day}&until={day}") == ["Let in", "Room opened"]
    assert entries(heads, f"since={day}&until={day}&act=user_created") == []
    assert entries(heads, "act=room_created&by=nobody") == []
    assert "Nothing found" in heads.see("/school/audit/?by=nobody").text


def test_the_log_is_read_to_its_beginning(heads: Visitor, school: School) -> None:
    for _ in range(7):
        school.student()
    found, path = 0, "/school/audit/?act=user_created&limit=3"
    while path:
        html = heads.see(path).html
        found += html.count('<p class="school-what">Account made</p>')
        on = re.search(r'rel="next" href="([^"]+)"', html)
        path = on[1].replace("&amp;", "&") if on else ""
    assert found == 8


@pytest.mark.parametrize("query", ["act=nonsense", "since=yesterday", "until=2026-13-01", "cursor=x", "since=2026-1-1"])
def test_a_filter_that_cannot_be_is_refused(heads: Visitor, query: str) -> None:
    assert heads.client.get(f"/school/audit/?{query}").status_code == 400


def test_a_failed_sign_in_is_nobodys_and_says_whose_account(heads: Visitor, student: Signed) -> None:
    heads.client.get("/")
    Visitor(heads.client.application.test_client()).submit(
        "/sign-in/", username=student.actor.username, password="wrong password"
    )
    text = heads.see("/school/audit/?act=login_failed").text
    assert "Nobody signed in" in text and student.actor.display_name in text and "127.0.0.1" in text


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        (Act, words.acts),
        (Role, words.roles),
        (RoomStatus, words.room_statuses),
        (CloseReason, words.close_reasons),
        (RequestStatus, words.request_statuses),
        (SystemCode, words.system_codes),
    ],
)
def test_every_word_of_the_contract_is_said(heads: Visitor, vocabulary: type, said: object) -> None:
    with heads.client.application.test_request_context():
        told = said()  # type: ignore[operator]
    assert set(told) == set(vocabulary) and all(told.values())  # type: ignore[call-overload]


def test_the_service_tells_its_state_its_figures_and_its_workers(heads: Visitor) -> None:
    assert "No worker has begun yet." in heads.see("/school/service/").text
    first, second = workers.begin(), workers.begin()
    for _ in range(3):
        workers.beat(first)
    workers.bury(second)
    page = heads.see("/school/service/").text
    assert "Ready" in page and "Live connections" in page
    assert first[:8] in page and second[:8] in page
    assert page.count("Serving") == page.count("Gone") == 1
