"""Me: my name, my password, and where I am signed in; by forms alone."""

from __future__ import annotations

import pytest
from flask import Flask

from chatapp.domain import sessions
from chatapp.transports.web import devices
from tests.support.school import PASSWORD, School, Signed, acts
from tests.transports.web.conftest import Visitor
from tests.transports.web.test_pages import HOSTILE

NEW = "a new password"
FORMS = ("/me/name/", "/me/look/", "/me/password/", "/me/sessions/end/", "/me/sessions/end-others/")

CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
AGENTS = {
    CHROMIUM: ("Chrome", "Linux"),
    CHROMIUM.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64") + " Edg/140.0": ("Edge", "Windows"),
    CHROMIUM.replace("X11; Linux x86_64", "Linux; Android 14; Pixel 8"): ("Chrome", "Android"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0": ("Firefox", "macOS"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1": (
        "Safari",
        "iPhone",
    ),
    "python-requests/2.32": ("", ""),
    "": ("", ""),
}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_device_is_called_what_its_user_calls_it(agent: str) -> None:
    assert tuple(devices.parts(agent).values()) == AGENTS[agent]


def test_nobody_is_me_without_signing_in(visitor: Visitor, students: Visitor) -> None:
    answer = visitor.client.get("/me/")
    assert answer.status_code == 303 and "next" in answer.headers["Location"]
    for path in FORMS:
        assert visitor.submit(path).status_code == 303
    students.see("/me/")


def test_a_name_is_changed_for_everybody_to_see(students: Visitor, student: Signed) -> None:
    answer = students.submit("/me/name/", on="/me/", display_name="  Ada L. ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/?done=name")
    page = students.see("/me/?done=name")
    assert "Your name is changed." in page.text and 'value="Ada L."' in page.html
    refused = students.submit("/me/name/", on="/me/", display_name="x" * 81)
    assert refused.status_code == 400 and "At most 80 characters." in refused.text and "x" * 81 in refused.text
    assert 'value="Ada L."' in students.see("/me/").html


def test_a_password_is_changed_with_the_current_one_and_ends_the_other_sign_ins(
    app: Flask, students: Visitor, student: Signed, school: School
) -> None:
    other = Visitor(app.test_client()).sign_in(student)
    wrong = students.submit("/me/password/", on="/me/", current_password="guessed", password=NEW)
    assert wrong.status_code == 403 and "Wrong." in wrong.text and NEW not in wrong.text
    short = students.submit("/me/password/", on="/me/", current_password=PASSWORD, password="short")
    assert short.status_code == 400 and "At least 8 characters." in short.text
    assert "Sign out" in other.see().text
    right = students.submit("/me/password/", on="/me/", current_password=PASSWORD, password=NEW)
    assert (right.status_code, right.headers["Location"]) == (303, "/me/?done=password")
    students.see("/me/")
    assert "Sign out" not in other.see().text
    assert school.sign_in(student.actor.username, NEW).id == student.id
    assert acts().count("password_changed") == 1


@pytest.mark.settings(LIMIT_LOGIN="3/minute")
def test_a_stolen_session_cannot_guess_the_password(students: Visitor) -> None:
    answers = [
        students.submit("/me/password/", on="/me/", current_password=f"guess {n}", password=NEW).status_code
        for n in range(4)
    ]
    assert answers == [403, 403, 429, 429]  # signing in was the first try


def test_devices_are_listed_and_one_is_signed_out(app: Flask, students: Visitor, student: Signed) -> None:
    phone = Visitor(app.test_client())
    phone.submit("/sign-in/", username=student.actor.username, password=PASSWORD, headers={"User-Agent": CHROMIUM})
    page = students.see("/me/")
    assert "Chrome on Linux" in page.text and page.text.count("This device") == 1
    with phone.client.session_transaction() as kept:
        phones = str(kept["sid"])
    assert phones in page.html
    answer = students.submit("/me/sessions/end/", on="/me/", session_id=phones)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/?done=ended")
    assert "Sign out" not in phone.see().text and phones not in students.see("/me/").html
    assert students.submit("/me/sessions/end/", on="/me/", session_id=phones).status_code == 404


def test_all_other_devices_are_signed_out_at_once(app: Flask, students: Visitor, student: Signed) -> None:
    others = [Visitor(app.test_client()).sign_in(student) for _ in range(2)]
    assert students.submit("/me/sessions/end-others/", on="/me/").status_code == 303
    assert "Sign out all other devices" not in students.see("/me/").text
    assert ["Sign out" in other.see().text for other in others] == [False, False]


def test_somebody_elses_session_is_not_mine_to_end(students: Visitor, teacher: Signed) -> None:
    for foreign in (teacher.actor.session_id, "", "1", "%"):
        assert students.submit("/me/sessions/end/", on="/me/", session_id=foreign).status_code == 404
    assert sessions.actor_of(teacher.actor.session_id) == teacher.actor


@pytest.mark.parametrize("path", FORMS)
def test_a_change_needs_the_token_of_our_own_page(students: Visitor, path: str) -> None:
    before = acts()
    assert students.client.post(path, data={"csrf_token": "wrong", "display_name": "Forged"}).status_code == 403
    assert students.submit(path, headers={"Origin": "https://evil.example"}, display_name="Forged").status_code == 403
    assert acts() == before and "Forged" not in students.see("/me/").html


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_device_and_name_are_texts(app: Flask, student: Signed, text: str) -> None:
    visitor = Visitor(app.test_client())
    headers = {"User-Agent": text}
    visitor.submit("/sign-in/", headers=headers, username=student.actor.username, password=PASSWORD)
    visitor.submit("/me/name/", on="/me/", display_name=text)
    page = visitor.see("/me/")
    assert text in page.text
    assert [attributes["value"] for tag, attributes in page.elements if attributes.get("id") == "display_name"] == [
        text
    ]
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "script" or "nonce" in attributes
