"""Files as the pages' elements ask for them: by the page's cookie, and by the same rules as by token."""

from __future__ import annotations

import io

from flask import Flask

from tests.support.school import Api, School, Signed
from tests.transports.web.conftest import Visitor


def bring(api: Api, room_id: str) -> str:
    """A file in a room: its address for pages."""
    files = f"/api/chat/{room_id}/files/"
    file = api.post(files, data={"file": (io.BytesIO(b"text"), "a.txt")}).ok(201)
    return f"/files/{file['id']}/"


def test_the_page_cookie_opens_the_files_of_ones_rooms(
    app: Flask, school: School, teacher: Signed, student: Signed
) -> None:
    room = school.room(teacher, student)
    path = bring(school.api.as_(student), room["id"])
    inside, stranger, nobody = (Visitor(app.test_client()) for _ in range(3))
    inside.sign_in(student)
    stranger.sign_in(school.student())
    got = inside.client.get(path)
    assert got.data == b"text" and got.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in got.headers["Content-Security-Policy"] and got.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cookie" in got.headers["Vary"] and got.headers["Cache-Control"] == "private, no-cache"
    assert inside.client.get(path, headers={"Range": "bytes=1-2"}).data == b"ex"
    assert inside.client.get(path, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
    assert inside.client.get(f"{path}thumbnail/").status_code == 404
    assert stranger.client.get(path).status_code == 404
    for headers in ({}, student.bearer):  # to the sign-in: a token is no cookie
        assert nobody.client.get(path, headers=headers).status_code == 303
    for strange in ("/files/x/", "/files/../etc/passwd", f"/files/{'a' * 20}/", f"/files/{'a' * 400}/"):
        assert inside.client.get(strange).status_code == 404
    school.api.as_(teacher).post(f"/api/chat/{room['id']}/remove/", {"user_id": student.id}).ok()
    assert inside.client.get(path, headers={"If-None-Match": got.headers["ETag"]}).status_code == 404


def test_a_room_page_knows_what_it_may_take(app: Flask, school: School, teacher: Signed) -> None:
    room = school.room(teacher)
    page = Visitor(app.test_client()).sign_in(teacher).see(f"/rooms/{room['id']}/")
    chooser = next(attrs for tag, attrs in page.elements if attrs.get("id") == "chosen-files")
    accepted = str(chooser["accept"]).split(",")
    assert {"image/jpeg", ".pdf", ".docx", ".mp4"} <= set(accepted) and not {".svg", ".html", ".zip"} & set(accepted)
    assert next(attrs for _, attrs in page.elements if attrs.get("id") == "composer")["data-max-bytes"] == "26214400"
