"""Who is in a room over REST, and removal with and without a way back."""

from tests.support.school import Api, School, Signed


def test_participants_see_each_other_and_strangers_see_nobody(api: Api, school: School, teacher: Signed) -> None:
    member, stranger = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher, member)['id']}/participants/"
    for insider in (teacher, member):
        seen = api.as_(insider).get(path).ok()
        assert [row["user"]["id"] for row in seen["items"]] == [teacher.id, member.id]
        assert [row["role"] for row in seen["items"]] == ["host", "participant"]
    api.as_(stranger).get(path).refused("not_found")
    api.get(path).refused("unauthorized")
    first = api.as_(member).get(f"{path}?limit=1").ok()
    second = api.as_(member).get(f"{path}?limit=1&cursor={first['next_cursor']}").ok()
    assert second["items"][0]["user"] == member.user and second["next_cursor"] is None


def test_a_removed_participant_is_outside_at_once_and_may_knock_again(
    api: Api, school: School, teacher: Signed
) -> None:
    member = school.student()
    path = f"/api/chat/{school.room(teacher, member)['id']}"
    removal = api.as_(teacher).post(f"{path}/remove/", {"user_id": member.id, "reason": "Noise"}).ok()
    assert (removal["user_id"], removal["banned"]) == (member.id, False)
    for inside in ("messages/", "participants/"):
        api.as_(member).get(f"{path}/{inside}").refused("not_found")
    api.as_(member).post(f"{path}/messages/", {"client_id": "1", "body": "still here?"}).refused("not_found")
    api.as_(member).post(f"{path}/join/").ok(201)


def test_a_banned_user_may_not_knock_until_the_host_says_so(api: Api, school: School, teacher: Signed) -> None:
    member, other = school.student(), school.student()
    path = f"/api/chat/{school.room(teacher, member, other)['id']}"
    host = api.as_(teacher)
    assert host.post(f"{path}/remove/", {"user_id": member.id, "ban": True}).ok()["banned"] is True
    api.as_(member).post(f"{path}/join/").refused("forbidden")
    assert [row["user"] for row in host.get(f"{path}/bans/").ok()["items"]] == [member.user]
    api.as_(other).get(f"{path}/bans/").refused("forbidden")
    api.as_(member).get(f"{path}/bans/").refused("not_found")
    api.as_(other).post(f"{path}/unban/", {"user_id": member.id}).refused("forbidden")
    assert host.post(f"{path}/unban/", {"user_id": member.id}).ok() == {"user_id": member.id}
    host.post(f"{path}/unban/", {"user_id": member.id}).refused("not_found")
    api.as_(member).post(f"{path}/join/").ok(201)


def test_only_the_host_removes_and_never_the_host(api: Api, school: School, teacher: Signed) -> None:
    member, other, stranger, rival = school.student(), school.student(), school.student(), school.teacher()
    path = f"/api/chat/{school.room(teacher, member, other)['id']}/remove/"
    api.as_(member).post(path, {"user_id": other.id}).refused("forbidden")
    for outsider in (stranger, rival):
        api.as_(outsider).post(path, {"user_id": other.id}).refused("not_found")
    api.as_(teacher).post(path, {"user_id": teacher.id}).refused("conflict")
    for nobody in (stranger.id, "1", "", "a" * 20):
        api.as_(teacher).post(path, {"user_id": nobody}).refused("not_found")
    for unsure in ("yes", "true", 1, None):
        api.as_(teacher).post(path, {"user_id": other.id, "ban": unsure}).refused("invalid_payload")
    api.as_(teacher).post(path, {"user_id": other.id}).ok()


def test_a_removal_is_taken_back_within_ten_minutes(api: Api, school: School, teacher: Signed) -> None:
    member = school.student()
    path = f"/api/chat/{school.room(teacher, member)['id']}"
    api.as_(teacher).post(f"{path}/remove/", {"user_id": member.id}).ok()
    (restored,) = api.as_(teacher).post(f"{path}/approve/", {"user_id": member.id}).ok()["results"]
    assert (restored["user_id"], restored["outcome"]) == (member.id, "approved")
    api.as_(member).get(f"{path}/messages/").ok()


def test_the_banned_come_in_pages(api: Api, school: School, teacher: Signed) -> None:
    members = [school.student() for _ in range(3)]
    path = f"/api/chat/{school.room(teacher, *members)['id']}"
    host = api.as_(teacher)
    for member in members:
        host.post(f"{path}/remove/", {"user_id": member.id, "ban": True}).ok()
    first = host.get(f"{path}/bans/?limit=2").ok()
    second = host.get(f"{path}/bans/?limit=2&cursor={first['next_cursor']}").ok()
    assert [row["user"] for row in first["items"] + second["items"]] == [member.user for member in members]
    assert second["next_cursor"] is None
    host.get(f"{path}/bans/?limit=0").refused("invalid_payload")
