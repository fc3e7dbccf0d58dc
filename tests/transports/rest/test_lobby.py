"""Knocking and answering over REST, and what those outside may not even know."""

import pytest

from tests.support.school import Api, School, Signed


def test_a_knock_is_new_then_stands_then_is_approved(api: Api, school: School, teacher: Signed) -> None:
    student, room_id = school.student(), school.room(teacher)["id"]
    path = f"/api/chat/{room_id}"
    asking, host = api.as_(student), api.as_(teacher)
    knock = asking.post(f"{path}/join/", {"note": "<b>please</b>"}).ok(201)
    assert (knock["status"], knock["note"], knock["user"]) == ("pending", "<b>please</b>", student.user)
    assert asking.post(f"{path}/join/").ok(200)["id"] == knock["id"]
    assert asking.get(f"{path}/join/").ok()["id"] == knock["id"]
    assert asking.get(f"{path}/").ok()["my_role"] == "pending"
    asking.get(f"{path}/messages/").refused("not_found")
    assert [row["id"] for row in host.get(f"{path}/requests/?status=pending").ok()["items"]] == [knock["id"]]
    decided = host.post(f"{path}/approve/", {"request_id": knock["id"]}).ok()["results"]
    assert decided == [{"request_id": knock["id"], "user_id": student.id, "outcome": "approved"}]
    assert host.post(f"{path}/approve/", {"request_id": knock["id"]}).ok()["results"] == decided
    assert host.get(f"{path}/requests/?status=pending").ok()["items"] == []
    assert asking.post(f"{path}/join/").ok(200) == {"status": "approved", "room_id": room_id, "id": None}
    codes = [message["code"] for message in asking.get(f"{path}/messages/").ok()["items"]]
    assert codes == ["room_created", "participant_joined"]


def test_a_request_is_withdrawn_by_its_requester(api: Api, school: School, teacher: Signed) -> None:
    student, stranger = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher)['id']}"
    api.as_(student).post(f"{path}/join/").ok(201)
    api.as_(stranger).delete(f"{path}/join/").refused("not_found")
    assert api.as_(student).delete(f"{path}/join/").ok()["status"] == "withdrawn"
    assert api.as_(student).get(f"{path}/join/").ok()["status"] == "withdrawn"
    assert api.as_(student).post(f"{path}/join/").ok(201)["status"] == "pending"


def test_a_denial_tells_its_reason_and_a_second_decision_who_made_the_first(
    api: Api, school: School, teacher: Signed
) -> None:
    student, path = school.student(), f"/api/chat/{school.room(teacher)['id']}"
    knock = api.as_(student).post(f"{path}/join/").ok(201)
    api.as_(teacher).post(f"{path}/deny/", {"request_id": knock["id"], "reason": "Wrong class"}).ok()
    assert api.as_(student).get(f"{path}/join/").ok()["reason"] == "Wrong class"
    problem = api.as_(teacher).post(f"{path}/approve/", {"request_id": knock["id"]}).refused("not_pending")
    assert problem["decided_by"] == teacher.user and problem["status"] == 409


def test_several_are_decided_at_once(api: Api, school: School, teacher: Signed) -> None:
    students = [school.student() for _ in range(4)]
    path = f"/api/chat/{school.room(teacher)['id']}"
    ids = [api.as_(student).post(f"{path}/join/").ok(201)["id"] for student in students]
    host = api.as_(teacher)
    some = host.post(f"{path}/approve/", {"request_ids": [ids[0], ids[1], "a" * 20]}).ok()["results"]
    assert [row["outcome"] for row in some] == ["approved", "approved", "not_found"]
    assert [row["outcome"] for row in host.post(f"{path}/deny/", {"all": True}).ok()["results"]] == ["denied", "denied"]
    assert host.post(f"{path}/approve/", {"all": True}).ok()["results"] == []


@pytest.mark.parametrize(
    "selector",
    [{}, {"all": False}, {"all": "yes"}, {"all": 1}, {"request_ids": []}, {"request_ids": "x"}, {"request_id": 1},
     {"user_id": None}, {"all": True, "request_id": "x"}, {"request_ids": [1]}, {"request_ids": ["x"] * 501},
     {"everybody": True}],
)  # fmt: skip
def test_a_decision_names_whom_it_is_about(
    api: Api, school: School, teacher: Signed, selector: dict[str, object]
) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}"
    for act in ("approve", "deny"):
        api.as_(teacher).post(f"{path}/{act}/", selector).refused("invalid_payload")
        api.as_(teacher).post(f"{path}/{act}/", {"all": True}).ok()


def test_nobody_but_the_host_decides(api: Api, school: School, teacher: Signed) -> None:
    member, stranger, other = school.student(), school.student(), school.teacher()
    path = f"/api/chat/{school.room(teacher, member)['id']}"
    school.room(other)
    knock = api.as_(stranger).post(f"{path}/join/").ok(201)
    for act in ("approve", "deny"):
        api.as_(member).post(f"{path}/{act}/", {"request_id": knock["id"]}).refused("forbidden")
        api.as_(stranger).post(f"{path}/{act}/", {"request_id": knock["id"]}).refused("not_found")
        api.as_(other).post(f"{path}/{act}/", {"request_id": knock["id"]}).refused("not_found")
    api.as_(member).get(f"{path}/requests/").refused("forbidden")
    api.as_(stranger).get(f"{path}/requests/").refused("not_found")
    api.as_(other).get(f"{path}/requests/").refused("not_found")
    api.as_(teacher).post(f"{path}/approve/", {"request_id": knock["id"]}).ok()


def test_a_request_of_another_room_is_not_found_in_this_one(api: Api, school: School, teacher: Signed) -> None:
    other, student = school.teacher(), school.student()
    ours, theirs = school.room(teacher)["id"], school.room(other)["id"]
    knock = api.as_(student).post(f"/api/chat/{theirs}/join/").ok(201)
    results = api.as_(teacher).post(f"/api/chat/{ours}/approve/", {"request_id": knock["id"]})
    results.refused("not_found")
    assert api.as_(student).get(f"/api/chat/{theirs}/join/").ok()["status"] == "pending"
    api.as_(other).post(f"/api/chat/{theirs}/approve/", {"request_id": knock["id"]}).ok()


def test_an_open_door_needs_no_answer_and_a_closed_one_gives_none(api: Api, school: School, teacher: Signed) -> None:
    student = school.student()
    open_door, closed_door = (school.room(teacher, admission=admission)["id"] for admission in ("open", "closed"))
    assert api.as_(student).post(f"/api/chat/{open_door}/join/").ok(201)["status"] == "approved"
    api.as_(student).get(f"/api/chat/{open_door}/messages/").ok()
    api.as_(student).post(f"/api/chat/{closed_door}/join/").refused("forbidden")


@pytest.mark.settings(LIMIT_KNOCKS="2/hour")
def test_knocking_again_and_again_is_slowed_down(api: Api, school: School, teacher: Signed) -> None:
    student, other = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher)['id']}/join/"
    for _ in range(2):
        api.as_(student).post(path).ok(201)
        api.as_(student).delete(path).ok()
    refused = api.as_(student).post(path)
    refused.refused("rate_limited")
    assert int(refused.headers["Retry-After"]) > 60
    api.as_(other).post(path).ok(201)


def test_the_lobby_is_listed_page_by_page(api: Api, school: School, teacher: Signed) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}"
    wanted = [api.as_(school.student()).post(f"{path}/join/").ok(201)["id"] for _ in range(3)]
    first = api.as_(teacher).get(f"{path}/requests/?limit=2").ok()
    second = api.as_(teacher).get(f"{path}/requests/?limit=2&cursor={first['next_cursor']}").ok()
    assert [row["id"] for row in first["items"] + second["items"]] == wanted and second["next_cursor"] is None
    api.as_(teacher).get(f"{path}/requests/?status=maybe").refused("invalid_payload")
