"""`/api/chat/`: what a room shows to whom, and who may change it."""

import pytest

from tests.support.school import Api, School, Signed

ABSENT = "a" * 20
CARD = {"id", "title", "host", "status", "admission", "my_role"}


def test_a_teacher_opens_a_room_and_a_student_does_not(api: Api, teacher: Signed, student: Signed) -> None:
    wish = {"title": "Physics", "description": "Bring a feather", "admission": "ask", "host_grace_seconds": 0}
    api.as_(student).post("/api/chat/create/", wish).refused("forbidden")
    api.post("/api/chat/create/", wish).refused("unauthorized")
    room = api.as_(teacher).post("/api/chat/create/", wish).ok(201)
    assert room["host"] == teacher.user and room["my_role"] == "host" and room["join_code"]
    assert {name: room[name] for name in wish} == wish


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"title": ""},
        {"title": "x" * 121},
        {"title": 5},
        {"title": None},
        {"title": ["x"]},
        {"title": "x", "admission": "maybe"},
        {"title": "x", "host_grace_seconds": 601},
        {"title": "x", "host_grace_seconds": -1},
        {"title": "x", "host_grace_seconds": "60"},
        {"title": "x", "host_grace_seconds": 1.5},
        {"title": "x", "host_grace_seconds": True},
        {"title": "x", "host": "me"},
        {"title": "x", "__proto__": {"role": "admin"}},
        {"title": "x", "constructor": 1},
        {"title": "x", "_method": "DELETE"},
    ],
)
def test_a_room_that_cannot_be_is_invalid(api: Api, teacher: Signed, wish: dict[str, object]) -> None:
    problem = api.as_(teacher).post("/api/chat/create/", wish).refused("invalid_payload")
    assert problem["errors"]
    api.as_(teacher).post("/api/chat/create/", {"title": "x"}).ok(201)


def test_a_stranger_sees_the_card_and_a_participant_the_room(api: Api, school: School, teacher: Signed) -> None:
    member, stranger = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher, member)['id']}/"
    assert set(api.as_(stranger).get(path).ok()) == CARD
    seen = api.as_(member).get(path).ok()
    assert set(seen) > CARD and seen["my_role"] == "participant" and "pending_count" not in seen
    assert api.as_(teacher).get(path).ok()["my_role"] == "host"
    api.get(path).refused("unauthorized")


def test_active_rooms_are_listed_as_cards_and_mine_are_mine(api: Api, school: School, teacher: Signed) -> None:
    student, other = school.student(), school.teacher()
    mine, theirs = school.room(teacher, student), school.room(other)
    closed = school.room(teacher, student)
    api.as_(teacher).post(f"/api/chat/{closed['id']}/close/").ok()
    as_student = api.as_(student)
    assert {card["id"] for card in as_student.get("/api/chat/").ok()["items"]} == {mine["id"], theirs["id"]}
    listed = as_student.get("/api/chat/?mine=true").ok()["items"]
    assert mine["id"] in {card["id"] for card in listed} and theirs["id"] not in {card["id"] for card in listed}
    assert [card["id"] for card in as_student.get("/api/chat/?status=closed").ok()["items"]] == [closed["id"]]
    assert api.as_(other).get("/api/chat/?status=closed").ok()["items"] == []


def test_rooms_are_listed_page_by_page(api: Api, school: School, teacher: Signed) -> None:
    wanted = [school.room(teacher)["id"] for _ in range(5)]
    seen: list[str] = []
    path = "/api/chat/?limit=2"
    for _ in range(3):
        page = api.as_(teacher).get(path).ok()
        seen += [card["id"] for card in page["items"]]
        path = f"/api/chat/?limit=2&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None and sorted(seen) == sorted(wanted)


def test_a_join_code_leads_to_the_card_until_it_is_renewed(api: Api, school: School, teacher: Signed) -> None:
    student, room = school.student(), school.room(teacher)
    path = f"/api/chat/by-code/{room['join_code']}/"
    assert api.as_(student).get(path).ok()["id"] == room["id"]
    assert api.as_(student).get(path.lower()).ok()["id"] == room["id"]
    api.get(path).refused("unauthorized")
    renewed = api.as_(teacher).post(f"/api/chat/{room['id']}/code/").ok()
    assert renewed["join_code"] != room["join_code"]
    api.as_(student).get(path).refused("not_found")
    api.as_(student).get(f"/api/chat/by-code/{renewed['join_code']}/").ok()


@pytest.mark.settings(LIMIT_CODE_LOOKUPS="3/minute")
def test_guessing_join_codes_is_slowed_down(api: Api, school: School, teacher: Signed) -> None:
    student, other, room = school.student(), school.student(), school.room(teacher)
    for code in ("AAAAAA", "not a code", "%00"):
        api.as_(student).get(f"/api/chat/by-code/{code}/").refused("not_found")
    refused = api.as_(student).get(f"/api/chat/by-code/{room['join_code']}/")
    refused.refused("rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    api.as_(other).get(f"/api/chat/by-code/{room['join_code']}/").ok()


@pytest.mark.settings(LIMIT_HISTORY="3/minute")
def test_scraping_lists_is_slowed_down(api: Api, school: School, teacher: Signed, student: Signed) -> None:
    room = school.room(teacher)
    for path in ("/api/chat/", f"/api/chat/{room['id']}/messages/", "/api/notifications/"):
        api.as_(teacher).get(path).ok()
    api.as_(teacher).get("/api/chat/").refused("rate_limited")
    api.as_(student).get("/api/chat/").ok()


def test_the_host_changes_a_room_and_nobody_else_does(api: Api, school: School, teacher: Signed) -> None:
    member, stranger, other = school.student(), school.student(), school.teacher()
    path = f"/api/chat/{school.room(teacher, member)['id']}/"
    change = {
        "title": "<img src=x onerror=alert(1)>",
        "description": "",
        "admission": "open",
        "host_grace_seconds": 600,
    }
    api.as_(member).patch(path, change).refused("forbidden")
    for outsider in (stranger, other):
        api.as_(outsider).patch(path, change).refused("not_found")
    changed = api.as_(teacher).patch(path, change).ok()
    assert {name: changed[name] for name in change} == change
    api.as_(teacher).patch(path, {"status": "closed"}).refused("invalid_payload")


@pytest.mark.parametrize("act", ["close", "code", "reopen"])
def test_the_hosts_acts_are_the_hosts(api: Api, school: School, teacher: Signed, act: str) -> None:
    member, stranger, other = school.student(), school.student(), school.teacher()
    path = f"/api/chat/{school.room(teacher, member)['id']}/{act}/"
    api.as_(member).post(path).refused("forbidden")
    for outsider in (stranger, other):
        api.as_(outsider).post(path).refused("not_found")
    api.post(path).refused("unauthorized")
    api.as_(teacher).post(path).ok()


def test_a_closed_room_takes_nothing_and_still_shows_its_log(api: Api, school: School, teacher: Signed) -> None:
    member, stranger = school.student(), school.student()
    room = school.room(teacher, member)
    path = f"/api/chat/{room['id']}"
    assert api.as_(teacher).post(f"{path}/close/").ok()["status"] == "closed"
    api.as_(member).post(f"{path}/messages/", {"client_id": "1", "body": "late"}).refused("room_closed")
    api.as_(stranger).post(f"{path}/join/").refused("room_closed")
    assert api.as_(member).get(f"{path}/messages/").ok()["items"][-1]["code"] == "room_closed"
    api.as_(stranger).get(f"{path}/messages/").refused("not_found")
    assert api.as_(teacher).post(f"{path}/reopen/").ok()["status"] == "open"
    api.as_(member).post(f"{path}/messages/", {"client_id": "1", "body": "late"}).ok(201)


def test_a_participant_leaves_and_the_host_leaving_ends_the_class(api: Api, school: School, teacher: Signed) -> None:
    member, stranger = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher, member)['id']}"
    api.as_(stranger).post(f"{path}/leave/").refused("not_found")
    assert set(api.as_(member).post(f"{path}/leave/").ok()) == CARD
    api.as_(member).get(f"{path}/messages/").refused("not_found")
    left = api.as_(teacher).post(f"{path}/leave/").ok()
    assert (left["status"], left["close_reason"]) == ("closed", "host_left")


INSIDE = [
    ("GET", ""),
    ("PATCH", ""),
    ("GET", "join/"),
    ("POST", "join/"),
    ("DELETE", "join/"),
    ("GET", "requests/"),
    ("POST", "close/"),
    ("POST", "leave/"),
    ("GET", "messages/"),
    ("GET", "participants/"),
    ("GET", "bans/"),
]


@pytest.mark.parametrize(
    "room_id",
    ["1", "-1", "0", "99999999999999999999999", "1.5", "١٢٣", "null", "undefined", "A" * 20, "a" * 19, "a" * 21,
     "00000000-0000-0000-0000-000000000000", "a" * 5000, "%00", "..", "a%2f..%2fb", "aaaaaaaaaaaaaaaaaaa%0a", ABSENT],
)  # fmt: skip
def test_an_id_that_is_none_does_not_exist(api: Api, teacher: Signed, room_id: str) -> None:
    for method, tail in INSIDE:
        answer = api.as_(teacher).call(method, f"/api/chat/{room_id}/{tail}")
        assert answer.status in (404, 405), (method, tail)
        if answer.status == 404:
            assert answer.body["detail"] == "This does not exist, or is not yours to see."
