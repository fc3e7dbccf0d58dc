"""Files over REST: bringing one, having one, and what is refused."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from chatapp.db import now
from chatapp.domain import retention
from chatapp.domain.actor import OPERATOR
from chatapp.filestore.folder import Folder
from chatapp.filestore.patience import Patience
from chatapp.transports import limits
from chatapp.transports.limits import UPLOADS_AT_ONCE
from chatapp.transports.sweeping import sweep
from chatapp.transports.uploads import EXTENSION, Uploads
from config import Settings
from tests.support import samples
from tests.support.scanner import ScannerServer, scanning
from tests.support.school import Answer, Api, School, Signed


@pytest.fixture
def room(school: School, teacher: Signed, student: Signed) -> str:
    return f"/api/chat/{school.room(teacher, student)['id']}"


@pytest.fixture
def uploads(app: Flask) -> Uploads:
    found: Uploads = app.extensions[EXTENSION]
    found.prepare()
    return found


def bring(api: Api, room: str, content: bytes, name: str = "a.txt", query: str = "", headers: Any = None) -> Answer:
    """Upload a file as a browser does."""
    quoted = name.replace('"', "%22")
    asked = form((f'Content-Disposition: form-data; name="file"; filename="{quoted}"', content))
    return api.post(f"{room}/files/{query}", data=asked["data"], headers=asked["headers"] | (headers or {}))


def stored(uploads: Uploads) -> int:
    return len(list(uploads.store.entries()))


def leftovers(uploads: Uploads) -> list[str]:
    return [name for name, _ in uploads.incoming.entries()]


def test_a_file_comes_back_as_it_went_up(api: Api, student: Signed, teacher: Signed, room: str) -> None:
    file = bring(api.as_(student), room, samples.PDF, "Blatt 1 – Brüche.pdf").ok(201)
    assert (file["name"], file["media_type"], file["size"]) == (
        "Blatt 1 – Brüche.pdf",
        "application/pdf",
        len(samples.PDF),
    )
    assert file["sha256"] == hashlib.sha256(samples.PDF).hexdigest()
    assert (file["width"], file["height"], file["thumbnail_url"]) == (None, None, None)
    got = api.as_(teacher).get(file["url"])
    assert got.ok() == samples.PDF
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"Blatt 1  Bruche.pdf\"; filename*=UTF-8''Blatt%201%20%E2%80%93%20Br%C3%BCche.pdf"
    )
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert got.headers["Cache-Control"] == "private, no-cache"
    assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.service
def test_a_picture_is_shown_inline_without_what_the_camera_added(api: Api, student: Signed, room: str) -> None:
    photo = samples.photo((640, 480), orientation=6)
    file = bring(api.as_(student), room, photo, "IMG_1.JPG").ok(201)
    assert (file["width"], file["height"], file["media_type"], file["name"]) == (480, 640, "image/jpeg", "IMG_1.JPG")
    got = api.as_(student).get(file["url"])
    assert hashlib.sha256(got.ok()).hexdigest() == file["sha256"]
    assert b"SpyPhone" not in got.body and not Image.open(io.BytesIO(got.body)).getexif()
    assert got.headers["Content-Disposition"].startswith("inline;")
    small = api.as_(student).get(file["thumbnail_url"])
    assert Image.open(io.BytesIO(small.ok())).size == (360, 480)
    assert small.headers["Content-Type"] == "image/webp" and small.headers["ETag"] != got.headers["ETag"]
    again = api.as_(student).get(file["thumbnail_url"], headers={"If-None-Match": small.headers["ETag"]})
    assert again.status == 304


@pytest.mark.service
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (samples.picture("GIF") + b"/*<script>alert(1)</script>*/", "a.gif"),
        (samples.picture("PNG") + samples.office(), "a.png"),
    ],
)
def test_a_picture_that_is_something_else_as_well_is_only_a_picture(
    api: Api, student: Signed, room: str, content: bytes, name: str
) -> None:
    bring(api.as_(student), room, b"GIF89a/*" + bytes(20) + b"*/=alert(1)").refused("unsupported_media_type")
    got = api.as_(student).get(bring(api.as_(student), room, content, name).ok(201)["url"])
    assert b"alert" not in got.ok() and b"PK" not in got.body
    assert got.headers["Content-Type"] == f"image/{name[2:]}" and "sandbox" in got.headers["Content-Security-Policy"]


@pytest.mark.service
def test_an_office_file_is_looked_into_and_kept_as_it_is(api: Api, student: Signed, room: str) -> None:
    file = bring(api.as_(student), room, samples.office("xl/workbook.xml"), "Noten.docx").ok(201)
    assert file["name"] == "Noten.xlsx" and file["media_type"].endswith("spreadsheetml.sheet")
    bring(api.as_(student), room, samples.office(more={"word/vbaProject.bin": b"x"}), "a.docx").refused(
        "unsupported_media_type"
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!doctype html><script>alert(1)</script>", "a.txt"),
        (b"text", "a.html"),
        (b"text", "a.svg"),
        (b"text", "a.xhtml"),
        (b"text", "a.js"),
        (b"text", "a.php"),
        (b"text", "a.php.txt"),
        (b"text", "a.txt."),
        (b"text", "a.txt "),
        (b"text", "a.txt::$DATA"),
        (b"text", "CON.txt"),
        (b"MZ" + bytes(100), "a.txt"),
        (b"", "a.txt"),
    ],
)
def test_what_a_class_does_not_need_is_not_taken(
    api: Api, student: Signed, room: str, uploads: Uploads, content: bytes, name: str
) -> None:
    before = stored(uploads)
    bring(api.as_(student), room, content, name).refused("unsupported_media_type")
    assert stored(uploads) == before and leftovers(uploads) == []
    bring(api.as_(student), room, b"text").ok(201)


def form(*parts: tuple[str, bytes], boundary: str = "frontier", end: bool = True) -> dict[str, Any]:
    """A body written by hand: `(headers, content)` each."""
    body = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
    body += f"--{boundary}--\r\n".encode() if end else b""
    return {"data": body, "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"}}


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
FIELD = 'Content-Disposition: form-data; name="note"'
BAD_FORMS = {
    "a thousand parts": (form(*[(FIELD, b"x")] * 1000), "invalid_payload"),
    "a long field": (form((FIELD, b"x" * 10_000_000)), "invalid_payload"),
    "a long head": (form((FILE + "\r\nX-Long: " + "x" * 200_000, b"x")), "too_large"),
    "a long preamble": ({**form((FILE, b"x")), "data": b"x" * 300_000 + form((FILE, b"x"))["data"]}, "too_large"),
    "two files": (form((FILE, b"one"), (FILE, b"two")), "invalid_payload"),
    "a field behind": (form((FILE, b"one"), (FIELD, b"two")), "invalid_payload"),
    "no boundary": ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "invalid_payload"),
    "an endless boundary": (form((FILE, b"x"), boundary="b" * 201), "invalid_payload"),
    "another boundary": ({**form((FILE, b"x")), "headers": {"Content-Type": "multipart/form-data; boundary=y"}},
                         "invalid_payload"),
    "no end": (form((FILE, b"x"), end=False), "invalid_payload"),
    "no file": (form((FIELD, b"x")), "invalid_payload"),
    "nothing": (form(), "invalid_payload"),
    "empty": ({"data": b"", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, "invalid_payload"),
    "another name": (form((FILE.replace("file", "datei", 1), b"x")), "invalid_payload"),
    "no name": (form((FILE.replace("a.txt", ""), b"x")), "invalid_payload"),
    "no disposition": (form(("Content-Type: text/plain", b"x")), "invalid_payload"),
    "JSON": ({"json": {"file": "x"}}, "unsupported_media_type"),
    "gzip": ({**form((FILE, b"x")), "headers": {**form()["headers"], "Content-Encoding": "gzip"}},
             "unsupported_media_type"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_FORMS)
def test_a_form_that_is_not_one_file_is_refused(
    api: Api, student: Signed, room: str, uploads: Uploads, bad: str
) -> None:
    request, code = BAD_FORMS[bad]
    api.as_(student).post(f"{room}/files/", **request).refused(code)
    assert leftovers(uploads) == []
    api.as_(student).post(f"{room}/files/", **form((FILE, b"a good one"))).ok(201)


@pytest.mark.settings(LIMIT_FILE_BYTES="100000", LIMIT_USER_BYTES="250000", LIMIT_ROOM_BYTES="400000")
def test_files_have_a_size_and_users_and_rooms_a_quota(
    api: Api, school: School, teacher: Signed, student: Signed, room: str, uploads: Uploads
) -> None:
    before = stored(uploads)
    me, host = api.as_(student), api.as_(teacher)
    bring(me, room, b"x" * 100_001).refused("too_large")
    bring(me, room, b"x" * 300_000).refused("too_large")
    for _ in range(2):
        bring(me, room, b"x" * 100_000).ok(201)
    assert "Your files" in bring(me, room, b"x" * 50_001).refused("too_large")["detail"]
    other = f"/api/chat/{school.room(teacher, student)['id']}"
    bring(me, other, b"x" * 50_001).refused("too_large")
    bring(me, other, b"x" * 50_000).ok(201)
    for _ in range(2):
        bring(host, room, b"x" * 100_000).ok(201)
    assert "files of a room" in bring(host, room, b"x").refused("too_large")["detail"]
    assert stored(uploads) == before + 5 and leftovers(uploads) == []


@pytest.mark.settings(LIMIT_USER_BYTES="150000")
def test_an_upload_whose_answer_was_lost_is_answered_whatever_has_changed_since(
    api: Api, teacher: Signed, student: Signed, room: str
) -> None:
    me, query = api.as_(student), "?send=true&client_id=one"
    first = bring(me, room, b"x" * 100_000, query=query).ok(201)
    assert bring(me, room, b"x" * 100_000, query=query).ok(200) == first  # the quota has no room for another one
    bring(me, room, b"y" * 100_000, query=query).refused("conflict")
    bring(me, room, b"x" * 100_000, query="?send=true&client_id=two").refused("too_large")
    api.as_(teacher).post(f"{room}/close/").ok()
    assert bring(me, room, b"x" * 100_000, query=query).ok(200) == first
    bring(me, room, b"x", query="?send=true&client_id=two").refused("room_closed")


@pytest.mark.settings(LIMIT_UPLOADS="3/10 minutes")
def test_so_many_files_in_so_long(api: Api, school: School, student: Signed, teacher: Signed, room: str) -> None:
    for _ in range(2):
        bring(api.as_(student), room, b"text").ok(201)
    bring(api.as_(student), room, b"text", "a.html").refused("unsupported_media_type")
    answer = bring(api.as_(student), room, b"text")
    assert 1 <= answer.refused("rate_limited")["retry_after"] <= 600
    assert int(answer.headers["Retry-After"]) >= 1
    bring(api.as_(teacher), room, b"text").ok(201)


def test_only_who_is_inside_brings_and_has_files(api: Api, school: School, student: Signed, room: str) -> None:
    stranger, pending, rival = school.student(), school.student(), school.teacher()
    api.as_(pending).post(f"{room}/join/").ok(201)
    url = bring(api.as_(student), room, b"text").ok(201)["url"]
    for outsider in (stranger, pending, rival):
        bring(api.as_(outsider), room, b"text").refused("not_found")
        api.as_(outsider).get(f"{room}/files/").refused("not_found")
        for path in (url, f"{url}thumbnail/"):
            api.as_(outsider).get(path).refused("not_found")
            api.as_(outsider).get(path, headers={"If-None-Match": "*"}).refused("not_found")
    bring(api, room, b"text").refused("unauthorized")
    api.get(url).refused("unauthorized")
    api.get(f"{url}?token={student.tokens['access_token']}").refused("unauthorized")
    api.as_(student).get(f"/api/files/{'a' * 20}/").refused("not_found")
    api.as_(student).get(f"{url}thumbnail/").refused("not_found")
    assert api.as_(student).get(url).ok() == b"text"


def test_a_page_cookie_brings_nothing(app: Flask, student: Signed, room: str) -> None:
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["sid"] = student.actor.session_id
    answer = browser.post(f"{room}/files/", data={"file": (io.BytesIO(b"text"), "a.txt")})
    assert answer.status_code == 401


def test_who_was_removed_has_no_file_any_more(api: Api, teacher: Signed, student: Signed, room: str) -> None:
    url = bring(api.as_(student), room, b"text").ok(201)["url"]
    etag = api.as_(student).get(url).headers["ETag"]
    assert api.as_(student).get(url, headers={"If-None-Match": etag}).status == 304
    api.as_(teacher).post(f"{room}/remove/", {"user_id": student.id}).ok()
    api.as_(student).get(url, headers={"If-None-Match": etag}).refused("not_found")
    assert api.as_(teacher).get(url).ok() == b"text"


def test_a_closed_room_takes_no_files_and_keeps_those_it_has(
    api: Api, teacher: Signed, student: Signed, room: str
) -> None:
    url = bring(api.as_(student), room, b"text").ok(201)["url"]
    api.as_(teacher).post(f"{room}/close/").ok()
    bring(api.as_(student), room, b"text").refused("room_closed")
    assert api.as_(student).get(url).ok() == b"text"


def test_the_same_upload_again_is_the_same_file(
    api: Api, student: Signed, teacher: Signed, room: str, uploads: Uploads
) -> None:
    before = stored(uploads)
    key = {"Idempotency-Key": "abc-1"}
    first = bring(api.as_(student), room, b"text", headers=key).ok(201)
    assert bring(api.as_(student), room, b"text", "other-name.txt", headers=key).ok(200) == first
    bring(api.as_(student), room, b"other", headers=key).refused("conflict")
    assert bring(api.as_(teacher), room, b"text", headers=key).ok(201)["id"] != first["id"]
    for bad in ("", "a b", "x" * 65, "ä"):
        answer = bring(api.as_(student), room, b"text", headers={"Idempotency-Key": bad})
        assert (answer.status == 201) is (bad == "")
    assert stored(uploads) == before + 3


def test_an_upload_can_be_a_message_at_once(api: Api, student: Signed, teacher: Signed, room: str) -> None:
    file = bring(api.as_(student), room, b"text", query="?send=true&client_id=one").ok(201)
    message = file.pop("message")
    assert (message["type"], message["file"], message["client_id"], message["body"]) == ("file", file, "one", None)
    assert api.as_(teacher).get(f"{room}/messages/").ok()["items"][-1] == message
    assert bring(api.as_(student), room, b"text", query="?send=true&client_id=one").ok(200)["message"] == message
    bring(api.as_(student), room, b"other", query="?send=true&client_id=one").refused("conflict")
    for bad in ("?send=true", "?client_id=one", "?send=yes&client_id=a", "?send=true&client_id=a+b", "?x=1"):
        bring(api.as_(student), room, b"text", query=bad).refused("invalid_payload")


def test_the_list_of_files_is_what_was_sent_newest_first(api: Api, student: Signed, teacher: Signed, room: str) -> None:
    sent = [
        bring(api.as_(student), room, b"x" * n, f"{n}.txt", f"?send=true&client_id=c{n}").ok(201) for n in range(1, 6)
    ]
    bring(api.as_(student), room, b"a draft").ok(201)
    api.as_(teacher).post(f"{room}/messages/", {"client_id": "t", "body": "between"}).ok(201)
    api.as_(teacher).post(f"{room}/messages/", {"client_id": "again", "file_id": sent[0]["id"]}).ok(201)
    first = api.as_(teacher).get(f"{room}/files/?limit=4").ok()
    second = api.as_(teacher).get(f"{room}/files/?limit=4&cursor={first['next_cursor']}").ok()
    names = [message["file"]["name"] for page in (first, second) for message in page["items"]]
    assert names == ["1.txt", "5.txt", "4.txt", "3.txt", "2.txt", "1.txt"] and second["next_cursor"] is None
    assert first["items"][0]["sender"] == teacher.user
    for bad in ("cursor=x", "cursor=", "limit=0", "limit=101", "before=1"):
        api.as_(teacher).get(f"{room}/files/?{bad}").refused("invalid_payload")


def test_a_file_of_another_room_cannot_be_sent(
    api: Api, school: School, student: Signed, teacher: Signed, room: str
) -> None:
    other = f"/api/chat/{school.room(teacher, student)['id']}"
    file = bring(api.as_(student), other, b"text").ok(201)
    api.as_(student).post(f"{room}/messages/", {"client_id": "1", "file_id": file["id"]}).refused("not_found")
    sent = api.as_(student).post(f"{other}/messages/", {"client_id": "1", "file_id": file["id"]}).ok(201)
    assert sent["file"] == file


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=90-", 206, slice(90, 100)),
        ("bytes=-5", 206, slice(95, 100)),
        ("bytes=50-999", 206, slice(50, 100)),
        ("bytes=0-99", 206, slice(0, 100)),
        ("bytes=100-", 416, None),
        ("bytes=7-3", 200, slice(0, 100)),
        ("lines=1-2", 200, slice(0, 100)),
        ("nonsense", 200, slice(0, 100)),
        ("bytes=0-1,5-6", 200, slice(0, 100)),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(
    api: Api, student: Signed, room: str, asked: str, status: int, part: slice | None
) -> None:
    content = bytes(range(32, 127)) + b"hello"
    url = bring(api.as_(student), room, content).ok(201)["url"]
    got = api.as_(student).get(url, headers={"Range": asked})
    if part is None:
        assert got.status == 416 and got.headers["Content-Range"] == "bytes */100"
        return
    assert got.status == status
    assert got.body == content[part] and int(got.headers["Content-Length"]) == len(got.body)
    if status == 206:
        first, last = range(100)[part][0], range(100)[part][-1]
        assert got.headers["Content-Range"] == f"bytes {first}-{last}/100"


def test_a_part_of_another_version_is_the_whole(api: Api, student: Signed, room: str) -> None:
    me = api.as_(student)
    url = bring(me, room, b"0123456789").ok(201)["url"]
    etag = me.get(url).headers["ETag"]
    assert me.get(url, headers={"Range": "bytes=0-1", "If-Range": etag}).body == b"01"
    assert me.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).body == b"0123456789"
    head = me.call("HEAD", url)
    assert head.status == 200 and head.headers["Content-Length"] == "10" and head.headers["Accept-Ranges"] == "bytes"


def test_a_large_file_comes_in_blocks(api: Api, student: Signed, room: str) -> None:
    content = b"0123456789abcdef" * 70_000
    url = bring(api.as_(student), room, content).ok(201)["url"]
    assert api.as_(student).get(url).ok() == content
    assert api.as_(student).get(url, headers={"Range": "bytes=262140-524300"}).body == content[262140:524301]


def test_lost_bytes_are_not_found_and_named_by_the_sweep(
    api: Api, student: Signed, room: str, uploads: Uploads
) -> None:
    sweep(uploads, drafts_older_than=86400)
    before = {name for name, _ in uploads.store.entries()}
    url = bring(api.as_(student), room, b"text").ok(201)["url"]
    (key,) = {name for name, _ in uploads.store.entries()} - before
    uploads.store.delete(key)
    api.as_(student).get(url).refused("not_found")
    assert sweep(uploads, drafts_older_than=86400).missing == [key]


@pytest.mark.service
def test_the_sweep_takes_what_is_nobodys_and_leaves_the_rest(
    api: Api, student: Signed, room: str, uploads: Uploads
) -> None:
    sweep(uploads, drafts_older_than=86400, orphans_older_than=0)
    sent = bring(api.as_(student), room, samples.picture(), "a.png", "?send=true&client_id=1").ok(201)
    draft = bring(api.as_(student), room, samples.picture(), "b.png").ok(201)
    for folder in (uploads.incoming, Folder(Path(str(uploads.incoming._path)).parent / "files")):
        _, file = folder.create()
        file.close()
    young = sweep(uploads, drafts_older_than=86400)
    assert (young.drafts, young.orphans, young.missing) == (0, 0, [])
    swept = sweep(uploads, drafts_older_than=-60, orphans_older_than=-60)
    assert (swept.drafts, swept.orphans, swept.missing) == (1, 2, [])
    api.as_(student).get(draft["url"]).refused("not_found")
    api.as_(student).get(sent["url"]).ok()
    api.as_(student).get(sent["thumbnail_url"]).ok()
    assert stored(uploads) == 2 and leftovers(uploads) == []


@pytest.fixture
def scanner(uploads: Uploads, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScannerServer]:
    from chatapp.filestore.scanner import Scanner

    with scanning() as server:
        monkeypatch.setattr(uploads, "_scanner", Scanner(server.address))
        yield server


def test_what_the_scanner_finds_is_refused_and_put_aside(
    api: Api, student: Signed, room: str, uploads: Uploads, scanner: ScannerServer
) -> None:
    before = stored(uploads)
    aside = len(list(uploads.quarantine.entries()))
    bring(api.as_(student), room, samples.EICAR, "harmless.txt").refused("content_rejected")
    assert len(list(uploads.quarantine.entries())) == aside + 1
    assert stored(uploads) == before and leftovers(uploads) == []
    bring(api.as_(student), room, b"text").ok(201)
    assert scanner.scanned == 2


def test_while_the_scanner_gives_no_verdict_nothing_comes_in(
    api: Api, student: Signed, room: str, uploads: Uploads, scanner: ScannerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner.says = b"stream: maybe"
    assert bring(api.as_(student), room, b"text").refused("unavailable")["retry_after"] == 30
    assert leftovers(uploads) == []
    monkeypatch.setattr(uploads, "_scanner_required", False)
    bring(api.as_(student), room, b"text").ok(201)


def test_a_full_disk_is_unavailable_and_leaves_nothing(
    api: Api, student: Signed, room: str, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from chatapp.transports import uploads as module

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = stored(uploads)
    with monkeypatch.context() as patch:
        patch.setattr(module, "write", full)
        bring(api.as_(student), room, b"text").refused("unavailable")
    with monkeypatch.context() as patch:
        patch.setattr(uploads.store, "put", full)
        bring(api.as_(student), room, b"text").refused("unavailable")
    assert stored(uploads) == before and leftovers(uploads) == []
    bring(api.as_(student), room, b"text").ok(201)


@pytest.mark.service
def test_a_busy_examiner_is_answered_in_time_and_the_same_again_makes_one_file(
    api: Api, student: Signed, room: str, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatapp.transports.rest.files.Patience", lambda: Patience(1.2))
    query = "?send=true&client_id=late"
    for _ in range(2):
        assert uploads._examiner._slots.acquire(blocking=False)
    before = stored(uploads)
    begun = time.monotonic()
    refused = bring(api.as_(student), room, samples.picture(), "a.png", query).refused("unavailable")
    assert refused["retry_after"] > 0 and time.monotonic() - begun < 10
    assert stored(uploads) == before and leftovers(uploads) == []
    for _ in range(2):
        uploads._examiner._slots.release()
    monkeypatch.undo()
    bring(api.as_(student), room, samples.picture(), "a.png", query).ok(201)
    bring(api.as_(student), room, samples.picture(), "a.png", query).ok(200)
    assert len(api.as_(student).get(f"{room}/files/").ok()["items"]) == 1


@pytest.mark.settings(LIMIT_USER_BYTES="100000", LIMIT_UPLOADS="100/minute")
def test_a_file_that_was_not_sent_can_be_taken_back_and_counts_no_more(
    api: Api, school: School, teacher: Signed, student: Signed, room: str, uploads: Uploads
) -> None:
    me = api.as_(student)
    before = stored(uploads)
    sent = bring(me, room, b"x" * 40_000, query="?send=true&client_id=1").ok(201)
    draft = bring(me, room, b"y" * 60_000, headers={"Idempotency-Key": "again"}).ok(201)
    bring(me, room, b"x").refused("too_large")
    me.delete(sent["url"]).refused("conflict")
    api.as_(teacher).delete(draft["url"]).refused("forbidden")
    api.as_(school.student()).delete(draft["url"]).refused("not_found")
    api.delete(draft["url"]).refused("unauthorized")
    assert me.get(draft["url"]).ok() == b"y" * 60_000
    me.delete(draft["url"]).ok(204)
    assert stored(uploads) == before + 1
    for call in (me.get, me.delete):
        call(draft["url"]).refused("not_found")
    me.post(f"{room}/messages/", {"client_id": "2", "file_id": draft["id"]}).refused("not_found")
    again = bring(me, room, b"z" * 60_000, headers={"Idempotency-Key": "again"}).ok(201)
    assert again["id"] != draft["id"] and me.get(sent["url"]).ok() == b"x" * 40_000


@pytest.mark.settings(
    LIMIT_USER_BYTES="100000", LIMIT_ROOM_BYTES="150000", LIMIT_UPLOADS="100/minute", RETENTION_FILE_DAYS="1"
)
def test_a_quota_counts_what_is_stored_now(
    api: Api, teacher: Signed, student: Signed, room: str, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, host = api.as_(student), api.as_(teacher)
    for number in range(2):  # one that is a message, and one that never becomes one
        bring(me, room, b"x" * 50_000, query=f"?send=true&client_id={number}" if number else "").ok(201)
    bring(me, room, b"x").refused("too_large")
    sweep(uploads, drafts_older_than=-60)
    bring(me, room, b"x" * 50_001).refused("too_large")
    bring(me, room, b"x" * 50_000, query="?send=true&client_id=2").ok(201)
    assert "files of a room" in bring(host, room, b"x" * 50_001).refused("too_large")["detail"]
    monkeypatch.setattr("chatapp.domain.retention.now", lambda: now() + timedelta(days=2))
    assert retention.apply(OPERATOR)["files"] == 2
    for each in (me, host):
        bring(each, room, b"x" * 70_000).ok(201)


@pytest.mark.service
@pytest.mark.settings(LIMIT_UPLOADS="2/10 minutes")
def test_a_file_that_the_server_had_no_time_for_was_not_brought(
    api: Api, student: Signed, room: str, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatapp.transports.rest.files.Patience", lambda: Patience(1.01))
    for _ in range(2):
        assert uploads._examiner._slots.acquire(blocking=False)
    for _ in range(4):
        bring(api.as_(student), room, samples.picture(), "a.png").refused("unavailable")
    for _ in range(2):
        uploads._examiner._slots.release()
    monkeypatch.undo()
    bring(api.as_(student), room, samples.picture(), "a.png").ok(201)
    bring(api.as_(student), room, b"text", "a.html").refused("unsupported_media_type")
    bring(api.as_(student), room, b"text").refused("rate_limited")


def test_one_user_brings_a_few_files_at_once_and_leaves_the_other_places(
    app: Flask, api: Api, student: Signed, teacher: Signed, room: str
) -> None:
    with app.app_context(), ExitStack() as under_way:
        for _ in range(UPLOADS_AT_ONCE):
            under_way.enter_context(limits.current().uploading(student.id))
        assert bring(api.as_(student), room, b"text").refused("rate_limited")["retry_after"] == 1
        bring(api.as_(teacher), room, b"text").ok(201)
    bring(api.as_(student), room, b"text").ok(201)
