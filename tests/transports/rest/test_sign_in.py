"""`/api/auth/` and `/api/users/`: in, out, and the tokens between."""

import pytest

from tests.support.school import PASSWORD, Api, School, Signed, acts


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_registering_signs_in(api: Api) -> None:
    made = api.post("/api/auth/register/", {"username": "ada", "password": PASSWORD, "display_name": "Ada"}).ok(201)
    assert made["user"]["role"] == "student" and made["expires_in"] == 3600
    assert api.get("/api/users/me/", headers=bearer(made["access_token"])).ok() == made["user"]


def test_a_taken_name_is_a_conflict_and_another_is_not(api: Api, student: Signed) -> None:
    taken = api.post("/api/auth/register/", {"username": student.actor.username.upper(), "password": PASSWORD})
    assert taken.refused("conflict")["errors"]["username"]
    api.post("/api/auth/register/", {"username": "another", "password": PASSWORD}).ok(201)


@pytest.mark.settings(REGISTRATION="closed")
def test_a_school_that_is_closed_registers_nobody_but_signs_in_its_own(api: Api, student: Signed) -> None:
    api.post("/api/auth/register/", {"username": "ada", "password": PASSWORD}).refused("forbidden")
    api.post("/api/auth/login/", {"username": student.actor.username, "password": PASSWORD}).ok()


def test_a_role_cannot_be_asked_for(api: Api) -> None:
    wish = {"username": "ada", "password": PASSWORD, "role": "teacher"}
    assert api.post("/api/auth/register/", wish).refused("invalid_payload")["errors"] == {"role": ["Unknown field."]}
    assert api.post("/api/auth/register/", {**wish, "role": None}).status == 400
    del wish["role"]
    assert api.post("/api/auth/register/", wish).ok(201)["user"]["role"] == "student"


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(api: Api, student: Signed) -> None:
    wrong = api.post("/api/auth/login/", {"username": student.actor.username, "password": "wrong password"})
    unknown = api.post("/api/auth/login/", {"username": "nobody", "password": "wrong password"})
    same = [
        {k: v for k, v in answer.refused("unauthorized").items() if k != "request_id"} for answer in (wrong, unknown)
    ]
    assert same[0] == same[1]
    right = api.post("/api/auth/login/", {"username": student.actor.username, "password": PASSWORD})
    assert right.ok()["user"] == student.user
    assert acts().count("login_failed") == 2


@pytest.mark.settings(LIMIT_LOGIN="3/minute")
def test_guessing_a_password_is_slowed_down_whoever_it_is(api: Api, school: School) -> None:
    student, other = school.student(), school.student()
    for name in (student.actor.username, "nobody"):
        for _ in range(3):
            api.post("/api/auth/login/", {"username": name, "password": "wrong password"}).refused("unauthorized")
        refused = api.post("/api/auth/login/", {"username": name, "password": PASSWORD})
        problem = refused.refused("rate_limited")
        assert 1 <= problem["retry_after"] <= 60 and 1 <= int(refused.headers["Retry-After"]) <= 60
    api.post("/api/auth/login/", {"username": student.actor.username.upper(), "password": PASSWORD}).refused(
        "rate_limited"
    )
    api.post("/api/auth/login/", {"username": other.actor.username, "password": PASSWORD}).ok()


@pytest.mark.settings(LIMIT_LOGIN_ADDRESS="3/minute")
def test_an_address_that_tries_many_names_is_slowed_down(api: Api) -> None:
    for number in range(3):
        api.post("/api/auth/login/", {"username": f"user{number}", "password": "wrong"}).refused("unauthorized")
    api.post("/api/auth/login/", {"username": "user3", "password": "wrong"}).refused("rate_limited")


def test_a_class_registers_at_once_behind_the_one_address_of_its_school(api: Api) -> None:
    for number in range(35):
        api.post("/api/auth/register/", {"username": f"user{number}", "password": PASSWORD}).ok(201)


@pytest.mark.settings(LIMIT_REGISTER="2/minute")
def test_an_address_that_makes_many_accounts_is_slowed_down(api: Api) -> None:
    for number in range(2):
        api.post("/api/auth/register/", {"username": f"user{number}", "password": PASSWORD}).ok(201)
    api.post("/api/auth/register/", {"username": "user2", "password": PASSWORD}).refused("rate_limited")


def test_an_address_behind_no_proxy_cannot_say_that_it_is_another(api: Api, student: Signed) -> None:
    wrong = {"username": student.actor.username, "password": "wrong password"}
    codes = {
        api.post("/api/auth/login/", wrong, headers={"X-Forwarded-For": f"198.51.100.{n}"}).body["code"]
        for n in range(11)
    }
    assert codes == {"unauthorized", "rate_limited"}


def test_a_refresh_token_is_good_once_and_its_theft_ends_the_session(api: Api, student: Signed) -> None:
    first = student.tokens["refresh_token"]
    second = api.post("/api/auth/refresh/", {"refresh_token": first}).ok()
    api.get("/api/users/me/", headers=bearer(second["access_token"])).ok()
    third = api.post("/api/auth/refresh/", headers=bearer(second["refresh_token"])).ok()
    api.post("/api/auth/refresh/", {"refresh_token": first}).refused("unauthorized")
    api.post("/api/auth/refresh/", {"refresh_token": third["refresh_token"]}).refused("unauthorized")
    api.get("/api/users/me/", headers=bearer(third["access_token"])).refused("unauthorized")


def test_an_access_token_refreshes_nothing(api: Api, student: Signed) -> None:
    api.post("/api/auth/refresh/", {"refresh_token": student.tokens["access_token"]}).refused("unauthorized")
    api.post("/api/auth/refresh/").refused("unauthorized")
    api.post("/api/auth/refresh/", {"refresh_token": student.tokens["refresh_token"]}).ok()


def test_logging_out_ends_the_session_but_not_another(api: Api, student: Signed, school: School) -> None:
    other = school.sign_in(student.actor.username)
    api.as_(student).post("/api/auth/logout/").ok(204)
    api.as_(student).get("/api/users/me/").refused("unauthorized")
    api.as_(student).post("/api/auth/logout/").refused("unauthorized")
    api.post("/api/auth/refresh/", {"refresh_token": student.tokens["refresh_token"]}).refused("unauthorized")
    api.as_(other).get("/api/users/me/").ok()


def test_my_sessions_are_listed_and_one_can_be_ended(api: Api, student: Signed, school: School) -> None:
    phone, stranger = school.sign_in(student.actor.username), school.student()
    me = api.as_(student)
    listed = me.get("/api/auth/sessions/").ok()["items"]
    assert {row["id"] for row in listed} == {student.actor.session_id, phone.actor.session_id}
    assert [row["id"] for row in listed if row["current"]] == [student.actor.session_id]
    page = me.get("/api/auth/sessions/?limit=1").ok()
    rest = me.get(f"/api/auth/sessions/?limit=1&cursor={page['next_cursor']}").ok()
    assert [*page["items"], *rest["items"]] == listed and rest["next_cursor"] is None
    me.delete(f"/api/auth/sessions/{stranger.actor.session_id}/").refused("not_found")
    api.as_(stranger).get("/api/users/me/").ok()
    me.delete(f"/api/auth/sessions/{phone.actor.session_id}/").ok(204)
    api.as_(phone).get("/api/users/me/").refused("unauthorized")
    me.delete(f"/api/auth/sessions/{phone.actor.session_id}/").refused("not_found")


def test_a_ticket_is_given_to_who_is_signed_in(api: Api, student: Signed) -> None:
    assert api.as_(student).post("/api/auth/ticket/").ok()["expires_in"] == 60
    api.post("/api/auth/ticket/").refused("unauthorized")


def test_a_profile_changes_its_display_name(api: Api, student: Signed) -> None:
    me = api.as_(student)
    assert me.patch("/api/users/me/", {"display_name": "<b>Ada</b>"}).ok()["display_name"] == "<b>Ada</b>"
    assert me.get("/api/users/me/").ok()["display_name"] == "<b>Ada</b>"
    assert me.patch("/api/users/me/", {}).ok()["display_name"] == "<b>Ada</b>"
    assert me.patch("/api/users/me/", {"display_name": " "}).refused("invalid_payload")["errors"]["display_name"]
    me.patch("/api/users/me/", {"role": "admin"}).refused("invalid_payload")
    me.patch("/api/users/me/", {"username": "other"}).refused("invalid_payload")


def test_a_password_changes_with_the_current_one(api: Api, student: Signed) -> None:
    me = api.as_(student)
    change = {"password": "another password"}
    me.patch("/api/users/me/", change).refused("invalid_payload")
    me.patch("/api/users/me/", {**change, "current_password": "wrong"}).refused("forbidden")
    me.patch("/api/users/me/", {**change, "current_password": PASSWORD}).ok()
    login = {"username": student.actor.username}
    api.post("/api/auth/login/", {**login, "password": PASSWORD}).refused("unauthorized")
    api.post("/api/auth/login/", {**login, **change}).ok()
    me.get("/api/users/me/").ok()


@pytest.mark.settings(LIMIT_LOGIN="2/minute")
def test_a_stolen_access_token_cannot_guess_the_password_either(api: Api, student: Signed) -> None:
    for _ in range(2):
        api.as_(student).patch("/api/users/me/", {"password": "another password", "current_password": "guess"}).refused(
            "forbidden"
        )
    api.as_(student).patch("/api/users/me/", {"password": "another password", "current_password": PASSWORD}).refused(
        "rate_limited"
    )
