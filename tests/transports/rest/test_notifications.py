"""My notifications over REST: mine, in my order, read once."""

from tests.support.school import Api, School, Signed


def test_an_approval_notifies_and_is_read(api: Api, school: School, teacher: Signed) -> None:
    student = school.student()
    room = school.room(teacher, student)
    mine = api.as_(student)
    page = mine.get("/api/notifications/").ok()
    assert [(row["kind"], row["room_id"], row["read"]) for row in page["items"]] == [
        ("join_request_approved", room["id"], False)
    ]
    assert (page["unread"], page["head"]) == (1, 1)
    assert mine.post("/api/notifications/read/", {"up_to_seq": 1}).ok()["unread"] == 0
    assert mine.get("/api/notifications/").ok()["items"][0]["read"] is True


def test_anothers_notifications_do_not_exist(api: Api, school: School, teacher: Signed) -> None:
    student, stranger = school.student(), school.student()
    school.room(teacher, student)
    (row,) = api.as_(student).get("/api/notifications/").ok()["items"]
    assert api.as_(stranger).get("/api/notifications/").ok()["items"] == []
    api.as_(stranger).post("/api/notifications/read/", {"ids": [row["id"]]}).refused("not_found")
    assert api.as_(student).get("/api/notifications/").ok()["unread"] == 1
    assert api.as_(student).post("/api/notifications/read/", {"ids": [row["id"]]}).ok()["unread"] == 0
    api.get("/api/notifications/").refused("unauthorized")


def test_notifications_are_listed_newest_first_page_by_page(api: Api, school: School, teacher: Signed) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}/join/"
    for _ in range(3):
        api.as_(school.student()).post(path).ok(201)
    first = api.as_(teacher).get("/api/notifications/?limit=2").ok()
    second = api.as_(teacher).get(f"/api/notifications/?limit=2&cursor={first['next_cursor']}").ok()
    assert [row["seq"] for row in first["items"] + second["items"]] == [3, 2, 1] and second["next_cursor"] is None


def test_reading_names_what_was_read(api: Api, student: Signed) -> None:
    wishes: tuple[dict[str, object], ...] = (
        {},
        {"ids": []},
        {"ids": ["x"], "up_to_seq": 1},
        {"up_to_seq": -1},
        {"up_to_seq": "1"},
        {"up_to_seq": 2**63},
        {"up_to_seq": 1.5},
        {"up_to_seq": True},
        {"ids": [1]},
        {"all": True},
    )
    for wish in wishes:
        api.as_(student).post("/api/notifications/read/", wish).refused("invalid_payload")
    api.as_(student).post("/api/notifications/read/", {"up_to_seq": 0}).ok()
