"""Who finds the administrator's pages: administrators. Everybody else finds what stands where there is nothing."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from chatapp.contract.words import Role
from chatapp.domain import accounts
from chatapp.domain.actor import OPERATOR
from tests.support.school import School, Signed, acts
from tests.transports.web.conftest import Visitor

PATHS = {
    "pages.admin.home": ("GET", "/school/"),
    "pages.admin.people.index": ("GET", "/school/users/"),
    "pages.admin.people.show": ("GET", "/school/users/<user>/"),
    "pages.admin.people.change_role": ("POST", "/school/users/<user>/role/"),
    "pages.admin.people.deactivate": ("POST", "/school/users/<user>/deactivate/"),
    "pages.admin.people.reactivate": ("POST", "/school/users/<user>/reactivate/"),
    "pages.admin.people.reset_password": ("POST", "/school/users/<user>/password/"),
    "pages.admin.people.reset_second_step": ("POST", "/school/users/<user>/second-step/"),
    "pages.admin.rooms.index": ("GET", "/school/rooms/"),
    "pages.admin.rooms.show": ("GET", "/school/rooms/<room>/"),
    "pages.admin.rooms.close": ("POST", "/school/rooms/<room>/close/"),
    "pages.admin.rooms.messages": ("GET", "/school/rooms/<room>/messages/"),
    "pages.admin.knocks.index": ("GET", "/school/requests/"),
    "pages.admin.audit.index": ("GET", "/school/audit/"),
    "pages.admin.service.show": ("GET", "/school/service/"),
}
WAYS = sorted(PATHS)


@pytest.fixture
def places(school: School, teacher: Signed) -> dict[str, str]:
    """The ids that paths are filled with: somebody of the school, and a room with something in it."""
    return {"<user>": school.student(username="somebody").id, "<room>": school.room(teacher)["id"]}


def ask(visitor: Visitor, endpoint: str, places: dict[str, str], **options: object) -> TestResponse:
    """Take a way as its own page would."""
    method, path = PATHS[endpoint]
    for name, own_id in places.items():
        path = path.replace(name, own_id)
    fields = {"csrf_token": visitor.token("/"), "role": "teacher"} if method == "POST" else {}
    return visitor.client.open(path, method=method, data=fields, **options)  # type: ignore[arg-type]


def like(answer: TestResponse) -> tuple[int, str]:
    """An answer without what differs from request to request."""
    return answer.status_code, re.sub(r"<code>[0-9a-f]+</code>|nonce=\"[^\"]+\"", "", answer.text)


def test_the_table_has_every_way(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if str(rule.rule).startswith("/school")]
    found = {
        rule.endpoint: ({*(rule.methods or ())} - {"HEAD", "OPTIONS"}, f"{rule.rule.rstrip('/')}/") for rule in rules
    }
    wanted = {
        endpoint: ({method}, path.replace("<user>", "<user_id>").replace("<room>", "<room_id>"))
        for endpoint, (method, path) in PATHS.items()
    }
    assert found == wanted


@pytest.mark.parametrize("endpoint", WAYS)
def test_administrators_find_it(heads: Visitor, places: dict[str, str], endpoint: str) -> None:
    assert ask(heads, endpoint, places).status_code in (200, 303)


@pytest.mark.parametrize("endpoint", WAYS)
@pytest.mark.parametrize("role", [Role.STUDENT, Role.TEACHER])
def test_others_find_what_is_at_a_path_that_does_not_exist(
    app: Flask, school: School, places: dict[str, str], endpoint: str, role: Role
) -> None:
    visitor = Visitor(app.test_client()).sign_in(school.enrol(role))
    before = acts()
    answer = ask(visitor, endpoint, places)
    assert like(answer) == like(visitor.client.get("/school/nowhere/")) == like(visitor.client.get("/nowhere/"))
    assert answer.status_code == 404 and acts() == before


@pytest.mark.parametrize("endpoint", WAYS)
def test_who_is_not_signed_in_is_led_in_and_nothing_is_done(
    visitor: Visitor, places: dict[str, str], endpoint: str
) -> None:
    before = acts()
    answer = ask(visitor, endpoint, places)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/")
    assert ("next=%2Fschool" in answer.headers["Location"] or "next=/school" in answer.headers["Location"]) == (
        PATHS[endpoint][0] == "GET"
    )
    assert acts() == before


@pytest.mark.parametrize(
    "path", ["/school", "/school/users", "/school/users/x/role/", "/school/service/x", "/school/%00"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS"])
def test_no_redirect_and_no_method_tells_what_exists(students: Visitor, path: str, method: str) -> None:
    answer = students.client.open(path, method=method)
    assert answer.status_code == 404 and "Allow" not in answer.headers and "Location" not in answer.headers


def test_a_path_that_only_begins_alike_is_no_school(students: Visitor, visitor: Visitor) -> None:
    for path in ("/schoolyard/", "/school.html"):
        assert students.client.get(path).status_code == visitor.client.get(path).status_code == 404


def test_who_was_an_administrator_finds_nothing_any_more(
    app: Flask, school: School, head: Signed, heads: Visitor
) -> None:
    heads.see("/school/users/")
    accounts.set_role(OPERATOR, user_id=head.id, role=Role.TEACHER)
    assert heads.client.get("/school/users/").status_code == 303  # the role's sessions ended with it
    again = Visitor(app.test_client()).sign_in(school.sign_in("head"))
    assert again.client.get("/school/users/").status_code == 404


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in WAYS if PATHS[endpoint][0] == "POST"])
def test_a_change_needs_the_token_of_our_own_page(heads: Visitor, places: dict[str, str], endpoint: str) -> None:
    path = PATHS[endpoint][1].replace("<user>", places["<user>"]).replace("<room>", places["<room>"])
    before = acts()
    for token in ("", "wrong"):
        assert heads.client.post(path, data={"csrf_token": token, "role": "teacher"}).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert heads.submit(path, headers=foreign, role="teacher").status_code == 403
    assert acts() == before
    assert heads.submit(path, role="teacher").status_code in (200, 303)


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in WAYS if PATHS[endpoint][0] == "GET"])
def test_every_page_forbids_what_it_does_not_need(heads: Visitor, places: dict[str, str], endpoint: str) -> None:
    answer = ask(heads, endpoint, places, follow_redirects=True)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Cookie" in answer.headers["Vary"]
    assert " style=" not in answer.text and not re.search(r"\son\w+=", answer.text)
    assert not re.search(r'(src|href|action)="(?!/|#)', answer.text)


@pytest.mark.settings(LIMIT_HISTORY="3/minute")
def test_nobody_copies_the_school_out_in_a_hurry(heads: Visitor) -> None:
    answers = [heads.client.get("/school/users/").status_code for _ in range(5)]
    assert answers[0] == 200 and answers[-1] == 429


def test_the_way_there_is_shown_to_administrators_alone(heads: Visitor, teachers: Visitor, students: Visitor) -> None:
    assert 'href="/school/"' in heads.see("/").html
    for others in (teachers, students):
        assert "/school/" not in others.see("/").html
