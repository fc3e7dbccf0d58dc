"""Taking a room or a person's data away over REST: who may, and that what comes is the archive of the command line."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from chatapp.contract import ids
from chatapp.domain import messages
from tests.support.school import Answer, Api, School, Signed, acts


def archive(answer: Answer) -> zipfile.ZipFile:
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    return zipfile.ZipFile(io.BytesIO(answer.ok()))


def test_a_room_is_taken_away_by_its_host_and_the_school(school: School) -> None:
    host, student, admin = school.teacher(), school.student(), school.admin()
    room = school.room(host, student)
    messages.send(student.actor, room_id=room["id"], client_id=ids.new_id(), body="hello")
    path = f"/api/chat/{room['id']}/export/"
    school.api.as_(student).get(path).refused("forbidden")
    school.api.as_(school.teacher()).get(path).refused("not_found")
    for somebody in (host, admin):
        with archive(school.api.as_(somebody).get(path)) as taken:
            assert json.loads(taken.read("room.json"))["messages"][-1]["body"] == "hello"
            assert taken.namelist() == ["room.json", "messages.csv", "room.html"]
    assert acts().count("room_exported") == 2


def test_a_persons_data_are_taken_away_by_that_person_and_the_school(school: School) -> None:
    student, other, admin = school.student(), school.student(), school.admin()
    with archive(school.api.as_(student).get("/api/users/me/export/")) as taken:
        assert json.loads(taken.read("person.json"))["user"]["id"] == student.id
    path = f"/api/users/{student.id}/export/"
    school.api.as_(other).get(path).refused("forbidden")
    with archive(school.api.as_(admin).get(path)) as taken:
        assert json.loads(taken.read("person.json"))["user"]["id"] == student.id
    assert acts().count("user_exported") == 2


@pytest.mark.settings(LIMIT_EXPORTS="2/hour")
def test_taking_an_archive_again_and_again_is_slowed_down(
    api: Api, school: School, teacher: Signed, student: Signed
) -> None:
    room = school.room(teacher, student)["id"]
    api.as_(teacher).get(f"/api/chat/{room}/export/").ok()
    api.as_(teacher).get("/api/users/me/export/").ok()
    for path in (f"/api/chat/{room}/export/", "/api/users/me/export/"):
        assert api.as_(teacher).get(path).refused("rate_limited")["retry_after"] > 60
    api.as_(teacher).get(f"/api/chat/{room}/messages/").ok()
    api.as_(student).get("/api/users/me/export/").ok()
