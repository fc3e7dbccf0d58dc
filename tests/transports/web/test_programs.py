"""My programs: API tokens and webhooks, by forms alone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest

from chatapp.contract.scopes import Scope
from chatapp.domain import api_tokens, deliveries, rooms, webhooks
from chatapp.transports.web import programs
from tests.support.school import PASSWORD, School, Signed
from tests.transports.web.conftest import Visitor

PAGE = "/me/programs/"
URL = "https://hooks.example.org/chat"


def test_a_token_is_shown_once_and_revoked(teachers: Visitor, teacher: Signed) -> None:
    made = teachers.submit(f"{PAGE}tokens/", on=PAGE, name="timetable", scopes="rooms:read", current_password=PASSWORD)
    token = re.search(r'id="secret">(chatapp_[^<]+)</code>', made.text)
    assert made.status_code == 200 and token is not None
    assert api_tokens.resolve(token[1])[0].actor.user_id == teacher.id
    page = teachers.see(PAGE)
    assert "timetable" in page.text and token[1] not in page.html
    token_id = api_tokens.mine(teacher.actor, limit=1)["items"][0]["id"]
    assert teachers.submit(f"{PAGE}tokens/revoke/", on=PAGE, token_id=token_id).status_code == 303
    assert api_tokens.mine(teacher.actor, limit=1)["items"] == []


def test_a_token_is_good_for_as_long_as_was_chosen(teachers: Visitor, teacher: Signed) -> None:
    for chosen, days in (("7", 7), ("none", 90), ("4000", 90)):
        made = teachers.submit(
            f"{PAGE}tokens/", on=PAGE, name=chosen, scopes="rooms:read", current_password=PASSWORD, days=chosen
        )
        assert made.status_code == 200
        (token,) = (one for one in api_tokens.mine(teacher.actor, limit=9)["items"] if one["name"] == chosen)
        begun, ends = (datetime.fromisoformat(token[moment]) for moment in ("created_at", "expires_at"))
        assert round((ends - begun) / timedelta(days=1)) == days


def test_each_scope_is_said_in_words(teachers: Visitor) -> None:
    assert list(programs.MAY) == list(Scope)
    page = teachers.see(PAGE).text
    for words in programs.MAY.values():
        assert str(words) in page


def test_a_token_without_a_scope_or_a_name_is_refused_on_the_page(teachers: Visitor) -> None:
    refused = teachers.submit(f"{PAGE}tokens/", on=PAGE, name="timetable")
    assert refused.status_code == 400 and "Choose what it may do." in refused.text
    refused = teachers.submit(f"{PAGE}tokens/", on=PAGE, name=" ", scopes="rooms:read", current_password=PASSWORD)
    assert refused.status_code == 400 and "Write something." in refused.text
    refused = teachers.submit(f"{PAGE}tokens/", on=PAGE, name="x", scopes="everything")
    assert refused.status_code == 400
    refused = teachers.submit(f"{PAGE}tokens/", on=PAGE, name="x", scopes="rooms:read", current_password="guess")
    assert refused.status_code == 403 and "Wrong." in refused.text and "chatapp_" not in refused.get_data(as_text=True)


def test_a_webhook_is_registered_watched_and_asked_again(teachers: Visitor, school: School, teacher: Signed) -> None:
    room = school.room(teacher)
    assert teachers.submit(f"{PAGE}webhooks/", on=PAGE, url="http://x/", place=room["id"]).status_code == 400
    made = teachers.submit(f"{PAGE}webhooks/", on=PAGE, url=URL, place=room["id"])
    assert made.status_code == 200 and "whsec_" in made.text
    (hook,) = webhooks.page(teacher.actor, limit=2)["items"]
    own = f"{PAGE}webhooks/{hook['id']}/"
    assert "whsec_" not in teachers.see(PAGE).html and "Nothing yet." in teachers.see(own).text
    rooms.close(teacher.actor, room_id=room["id"])
    (job,) = deliveries.due(each=50)
    for seq, status, fault in ((2, 500, None), (2, None, "no_answer"), (2, 204, None)):
        deliveries.note(job, seq, status=status, fault=fault, ms=12)
    page = teachers.see(own)
    for said in ("Refused with 500", "No answer in time.", "Delivered", "Send again"):
        assert said in page.text
    newest = webhooks.deliveries(teacher.actor, webhook_id=hook["id"], limit=1)["items"][0]["id"]
    assert teachers.submit(f"{own}replay/", on=own, delivery_id=str(newest)).status_code == 303
    assert "Again soon" in teachers.see(own).text
    teachers.submit(f"{own}switch/", on=own, enabled="false")
    assert "Switched off by hand." in teachers.see(own).text
    teachers.submit(f"{own}switch/", on=own, enabled="true")
    assert "Switch off" in teachers.see(own).text
    assert teachers.submit(f"{own}delete/", on=own).status_code == 303
    teachers.see(own, 404)


def test_a_student_has_tokens_and_no_webhooks(
    students: Visitor, teachers: Visitor, teacher: Signed, school: School
) -> None:
    page = students.see(PAGE)
    assert "API tokens" in page.text and "Webhooks" not in page.text
    hook = webhooks.create(teacher.actor, url=URL, room_id=school.room(teacher)["id"])
    students.see(f"{PAGE}webhooks/{hook['id']}/", 404)
    assert students.submit(f"{PAGE}webhooks/{hook['id']}/delete/", on=PAGE).status_code == 404
    assert hook["url"] in teachers.see(PAGE).html


@pytest.mark.settings(LIMIT_WEBHOOKS="120", LIMIT_TOKENS="60")
def test_each_list_goes_on_where_its_page_ends_and_leaves_the_other_where_it_is(
    teachers: Visitor, teacher: Signed, school: School
) -> None:
    room = school.room(teacher)["id"]
    hooks = {webhooks.create(teacher.actor, url=f"{URL}/{number:03}", room_id=room)["url"] for number in range(101)}
    for number in range(51):
        api_tokens.create(teacher.actor, name=f"program {number:02}", scopes=["rooms:read"], current_password=PASSWORD)

    def listed(html: str) -> tuple[set[str], set[str]]:
        return set(re.findall(rf"{URL}/[0-9]+", html)), set(re.findall(r"program [0-9]+", html))

    def further(html: str, name: str) -> str | None:
        links = map(unescape, re.findall(r'rel="next" href="([^"]+)"', html))
        return next((link for link in links if link.endswith(f"#{name}")), None)

    first = teachers.see(PAGE).html
    shown, tokens = listed(first)
    assert (len(shown), len(tokens)) == (50, 50)
    further_tokens = further(first, "tokens")
    assert further_tokens is not None
    page = teachers.see(further_tokens).html
    assert listed(page)[0] == shown and len(listed(page)[1] - tokens) == 1 and further(page, "tokens") is None
    left = listed(page)[1]
    while (link := further(page, "webhooks")) is not None:
        page = teachers.see(link).html
        assert not listed(page)[0] & shown and listed(page)[1] == left
        shown |= listed(page)[0]
    assert shown == hooks
    teachers.see(f"{PAGE}?webhooks=made-up", 400)
