"""Finding people, and changing what they may: by forms alone, on record, and never oneself by accident."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from chatapp.contract.words import Role
from chatapp.db import now
from chatapp.domain import sessions
from tests.support.school import PASSWORD, School, Signed, acts
from tests.transports.web.conftest import Visitor


def listed(visitor: Visitor, path: str) -> list[str]:
    """The usernames on a page of the list."""
    return re.findall(r"@<bdi>([^<]+)</bdi>", visitor.client.get(path).text)


def test_people_are_searched_and_filtered_by_a_form(heads: Visitor, school: School) -> None:
    school.student(username="ada", display_name="Ada Lovelace")
    ms_t = school.teacher(username="ms.t", display_name="Ms Turing 100%")
    heads.submit(f"/school/users/{ms_t.id}/deactivate/")
    assert listed(heads, "/school/users/") == ["ada", "head", "ms.t"]
    assert listed(heads, "/school/users/?search=LOVE&role=&state=") == ["ada"]
    assert listed(heads, "/school/users/?search=100%25") == ["ms.t"]
    assert listed(heads, "/school/users/?search=_") == []
    assert listed(heads, "/school/users/?role=teacher") == ["ms.t"]
    assert listed(heads, "/school/users/?state=deactivated") == ["ms.t"]
    assert listed(heads, "/school/users/?state=active&role=admin") == ["head"]
    page = heads.see("/school/users/?search=Love&role=student")
    values = {attributes.get("value") for tag, attributes in page.elements if tag == "input"}
    chosen = [attributes["value"] for tag, attributes in page.elements if tag == "option" and "selected" in attributes]
    assert "Love" in values and chosen == ["student"]
    assert "Nothing found" in heads.see("/school/users/?search=nobody").text


@pytest.mark.parametrize(
    "query", ["role=king", "state=x", "limit=1000", "cursor=x", "nonsense=1", "search=" + "x" * 201]
)
def test_what_no_form_of_ours_asks_is_refused(heads: Visitor, query: str) -> None:
    assert heads.client.get(f"/school/users/?{query}").status_code == 400


def test_everybody_is_reached_page_by_page_with_the_filter_kept(heads: Visitor, school: School) -> None:
    wanted = [school.student(username=f"pupil{number}").actor.username for number in range(5)]
    found: list[str] = []
    path = "/school/users/?role=student&limit=2"
    for _ in range(3):
        found += listed(heads, path)
        on = re.search(r'href="([^"]+)"[^>]*>Show more|rel="next" href="([^"]+)"', heads.client.get(path).text)
        path = (on[1] or on[2]).replace("&amp;", "&") if on else ""
    assert found == wanted and path == ""


def test_a_role_is_given_and_the_person_has_to_sign_in_again(heads: Visitor, school: School) -> None:
    other = school.student()
    path = f"/school/users/{other.id}/"
    answer = heads.submit(f"{path}role/", on=path, role="teacher")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?done=role")
    assert "The role is changed" in heads.see(answer.headers["Location"]).text
    with pytest.raises(Exception, match="Sign in again"):
        sessions.actor_of(other.actor.session_id)
    assert school.sign_in(other.actor.username).actor.role is Role.TEACHER
    assert heads.submit(f"{path}role/", on=path, role="king").status_code == 400
    assert acts().count("role_changed") == 1


def test_out_and_in_again(app: Flask, heads: Visitor, school: School, student: Signed) -> None:
    students, path = Visitor(app.test_client()).sign_in(student), f"/school/users/{student.id}/"
    heads.submit(f"{path}deactivate/", on=path)
    assert "Deactivated" in heads.see(path).text and "Activate again" in heads.see(path).text
    assert "Sign in" in students.see().text
    assert students.submit("/sign-in/", username=student.actor.username, password=PASSWORD).status_code == 401
    heads.submit(f"{path}reactivate/", on=path)
    assert "Activate again" not in heads.see(path).text
    students.sign_in(student)
    assert [act for act in acts() if act.startswith("user_")][-2:] == ["user_deactivated", "user_reactivated"]


def test_a_new_password_is_shown_once_and_kept_nowhere(heads: Visitor, student: Signed, school: School) -> None:
    path = f"/school/users/{student.id}/"
    answer = heads.submit(f"{path}password/", on=path)
    shown = re.search(r'class="school-password">([^<]+)<', answer.text)
    assert answer.status_code == 200 and shown is not None
    assert answer.headers["Cache-Control"] == "no-store" and "Location" not in answer.headers
    assert shown[1] not in str(answer.headers)
    for elsewhere in (path, "/school/users/", "/school/audit/", "/"):
        assert shown[1] not in heads.see(elsewhere).html
    assert school.sign_in(student.actor.username, shown[1]).id == student.id
    with pytest.raises(Exception, match="Wrong username or password"):
        school.sign_in(student.actor.username, PASSWORD)


def test_who_signs_in_with_a_password_to_begin_with_is_asked_for_their_own(
    heads: Visitor, students: Visitor, student: Signed
) -> None:
    path = f"/school/users/{student.id}/"
    given = re.search(r'class="school-password">([^<]+)<', heads.submit(f"{path}password/", on=path).text)
    assert given is not None
    entered = students.submit("/sign-in/", on="/", username=student.actor.username, password=given[1], next="/rooms/x/")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/me/")
    assert "Choose your own now" in students.see("/me/").text
    changed = students.submit("/me/password/", on="/me/", current_password=given[1], password="one of my own")
    assert changed.status_code == 303
    assert "Choose your own now" not in students.see("/me/").text


def test_a_password_to_begin_with_that_is_over_says_so(heads: Visitor, students: Visitor, student: Signed) -> None:
    path = f"/school/users/{student.id}/"
    given = re.search(r'class="school-password">([^<]+)<', heads.submit(f"{path}password/", on=path).text)
    assert given is not None
    with time_machine.travel(now() + timedelta(days=15)):
        refused = students.submit("/sign-in/", on="/", username=student.actor.username, password=given[1])
        assert refused.status_code == 401 and "Ask for a new one." in refused.text


def test_nobody_changes_oneself_here(heads: Visitor, head: Signed) -> None:
    path = f"/school/users/{head.id}/"
    page = heads.see(path)
    assert "This is you" in page.text
    assert not [1 for tag, attributes in page.elements if tag == "form" and path in str(attributes.get("action"))]
    for change in ("role/", "deactivate/", "password/"):
        assert heads.submit(path + change, role="student").status_code == 409
    heads.see(path)


@pytest.mark.parametrize(
    "user_id", ["1", "-1", "9" * 40, "%00", "a" * 20, "١٢٣", "00000000-0000-0000-0000-000000000000"]
)
def test_somebody_who_is_not_there_is_not_found(heads: Visitor, user_id: str) -> None:
    heads.see(f"/school/users/{user_id}/", 404)
    for change in ("role/", "deactivate/", "reactivate/", "password/"):
        assert heads.submit(f"/school/users/{user_id}/{change}", role="student").status_code == 404
