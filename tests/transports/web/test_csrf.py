"""Changes are made by our own pages only."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.transports.web.conftest import Visitor

OURS = "http://localhost"  # where Flask's test client says it is
FROM_US = [
    {},
    {"Origin": OURS},
    {"Origin": "http://127.0.0.1:5000"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # what browsers send for a form under no-referrer
    {"Origin": OURS, "Sec-Fetch-Site": "same-origin"},
]
FROM_OTHERS = [
    {"Origin": "https://evil.example"},
    {"Origin": f"{OURS}.evil.example"},
    {"Origin": "https://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "null"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.mark.parametrize("headers", FROM_US)
def test_our_own_pages_may(teachers: Visitor, headers: dict[str, str]) -> None:
    assert teachers.submit("/rooms/", title="Ours", headers=headers).status_code == 303
    token = teachers.token()
    assert teachers.client.post("/session/token/", headers={"X-CSRF-Token": token, **headers}).status_code == 200


@pytest.mark.parametrize("headers", FROM_OTHERS)
def test_other_pages_may_not_even_with_the_token(teachers: Visitor, headers: dict[str, str]) -> None:
    answer = teachers.submit("/rooms/", title="Theirs", headers=headers)
    assert answer.status_code == 403
    assert "another website" in answer.text
    token = teachers.token()
    assert teachers.client.post("/session/token/", headers={"X-CSRF-Token": token, **headers}).status_code == 403
    assert "Theirs" not in teachers.see().text


@pytest.mark.parametrize("token", ["", "wrong", "ü", None])
def test_without_the_right_token_nothing_happens(teachers: Visitor, token: str | None) -> None:
    fields = {"title": "Forged"} | ({} if token is None else {"csrf_token": token})
    assert teachers.client.post("/rooms/", data=fields).status_code == 403
    assert teachers.client.post("/session/token/", data=fields).status_code == 403
    assert "Forged" not in teachers.see().text
    assert teachers.submit("/rooms/", title="Forged").status_code == 303


def test_the_token_of_one_browser_is_no_good_in_another(teachers: Visitor, students: Visitor) -> None:
    answer = students.client.post("/sign-out/", data={"csrf_token": teachers.token()})
    assert answer.status_code == 403
    assert students.submit("/sign-out/").status_code == 303


def test_every_form_that_changes_something_asks_for_the_token(app: Flask, teachers: Visitor) -> None:
    changing = [
        str(rule.rule).replace("<room_id>", "a" * 20)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("pages.", "page_token.")) and "POST" in (rule.methods or ())
        if not rule.endpoint.startswith("pages.admin.")  # there is nothing for a teacher; they have a test of their own
    ]
    assert len(changing) >= 9
    assert {path: teachers.client.post(path).status_code for path in changing} == dict.fromkeys(changing, 403)


def test_a_browser_without_cookies_is_told_so(visitor: Visitor, app: Flask) -> None:
    token = visitor.token()
    answer = app.test_client(use_cookies=False).post("/sign-in/", data={"csrf_token": token, "username": "x"})
    assert answer.status_code == 403
    assert "Allow cookies" in answer.text


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-out/", "/rooms/", "/session/token/"])
def test_other_methods_are_refused(visitor: Visitor, path: str) -> None:
    for method in ("TRACE", "PUT", "DELETE", "PATCH"):
        answer = visitor.client.open(path, method=method)
        assert answer.status_code == 405
    assert visitor.client.post("/?_method=DELETE", data={"_method": "DELETE"}).status_code == 405
