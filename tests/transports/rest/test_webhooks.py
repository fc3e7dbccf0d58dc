"""Webhooks over REST: registered, changed, looked at, deleted. What is delivered is the domain's tests' to say."""

from tests.support.school import Api, School, Signed

URL = "https://hooks.example.org/chat"


def test_a_teacher_registers_changes_and_deletes_one(api: Api, school: School, teacher: Signed) -> None:
    room = school.room(teacher)["id"]
    mine = api.as_(teacher)
    hook = mine.post("/api/webhooks/", {"url": URL, "room_id": room}).ok(201)
    path = f"/api/webhooks/{hook['id']}/"
    shown = mine.get(path).ok()
    assert shown == {key: value for key, value in hook.items() if key != "secret"}
    assert mine.get("/api/webhooks/").ok()["items"] == [shown]
    assert mine.patch(path, {"enabled": False}).ok()["ended_why"] == "owner"
    assert mine.patch(path, {"url": f"{URL}/2", "enabled": True}).ok()["url"] == f"{URL}/2"
    assert mine.post(f"{path}secret/").ok()["secret"] != hook["secret"]
    assert mine.get(f"{path}deliveries/").ok() == {"items": [], "next_cursor": None}
    assert mine.post(f"{path}replay/", {"room_id": room, "after": 0}).ok() == {"count": 1}
    mine.post(f"{path}replay/", {"room_id": room}).refused("invalid_payload")
    mine.post(f"{path}replay/", {"delivery_id": 1, "room_id": room, "after": 0}).refused("invalid_payload")
    assert mine.delete(path).status == 204
    mine.get(path).refused("not_found")


def test_nobody_elses_webhooks_exist(api: Api, school: School, teacher: Signed, student: Signed) -> None:
    room = school.room(teacher, student)["id"]
    hook = api.as_(teacher).post("/api/webhooks/", {"url": URL, "room_id": room}).ok(201)
    api.as_(student).post("/api/webhooks/", {"url": URL, "room_id": room}).refused("forbidden")
    api.as_(teacher).post("/api/webhooks/", {"url": URL}).refused("forbidden")
    api.as_(school.teacher()).get(f"/api/webhooks/{hook['id']}/").refused("not_found")
    assert api.as_(school.admin()).get("/api/webhooks/").ok()["items"][0]["id"] == hook["id"]
    api.get("/api/webhooks/").refused("unauthorized")
