"""`DELETE /api/users/<id>/`, for administrators, and what everybody else is told. The rest is `domain/test_erasure`."""

from __future__ import annotations

from chatapp.contract import ids
from chatapp.domain import messages
from tests.support.school import School, acts


def test_an_administrator_erases_a_person(school: School) -> None:
    host, student, admin = school.teacher(), school.student(), school.admin()
    room = school.room(host, student)
    messages.send(student.actor, room_id=room["id"], client_id=ids.new_id(), body="hello")
    path = f"/api/users/{student.id}/"
    for somebody in (host, student):
        school.api.as_(somebody).delete(path).refused("forbidden")
    told = school.api.as_(admin).delete(path).ok()
    assert (told["messages"], told["rooms"], told["user"]["display_name"]) == (1, 1, "Former member")
    school.api.as_(student).get("/api/users/me/").refused("unauthorized")
    history = school.api.as_(host).get(f"/api/chat/{room['id']}/messages/").ok()
    assert [each["body"] for each in history["items"] if each["type"] == "text"] == [None]
    assert "user_erased" in acts()


def test_nobody_erases_themselves_or_somebody_who_is_not_there(school: School) -> None:
    admin = school.admin()
    school.api.as_(admin).delete(f"/api/users/{admin.id}/").refused("conflict")
    school.api.as_(admin).delete(f"/api/users/{'a' * 20}/").refused("not_found")
    school.api.delete(f"/api/users/{admin.id}/").refused("unauthorized")
