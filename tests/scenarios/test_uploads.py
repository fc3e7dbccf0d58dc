"""Uploads that do not end well, on a real server: whatever breaks, nothing half-made is seen or stays behind."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine

from tests.support import samples
from tests.support.people import Person
from tests.support.scanner import scanning
from tests.support.server import ServerProcess, StartServer
from tests.support.small_disk import small_disk
from tests.support.wait import eventually

pytestmark = pytest.mark.service
SERVER_ENV = {"LIMIT_UPLOADS": "1000/minute"}
CONTENT = b"A text of some length. " * 90_000
PATIENCE = 60.0
"""Seconds: on a busy machine a picture waits its turn."""


def send_file(who: Person, room_id: str, content: bytes, name: str = "a.txt", key: str = "") -> Any:
    """Upload, and send as a message."""
    query = f"?send=true&client_id={key}" if key else ""
    files = {"file": (name, content)}
    return who.rest.call("POST", f"/api/chat/{room_id}/files/{query}", files=files)


def sha256_of(who: Person, file: dict[str, Any]) -> str:
    """Of what comes back."""
    return hashlib.sha256(who.rest.get(file["url"]).ok(200)).hexdigest()


def lying(server: ServerProcess, folder: str) -> list[Path]:
    """What lies in one of the folders of files."""
    where = server.folder / "uploads" / folder
    return sorted(where.iterdir()) if where.is_dir() else []


def files_in(who: Person, room_id: str) -> list[dict[str, Any]]:
    return [message["file"] for message in who.rest.get(f"/api/chat/{room_id}/files/").ok(200)["items"]]


@pytest.mark.parametrize("percent", [0, 50, 99])
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_an_upload_that_is_cut_leaves_nothing_and_can_be_made_again(
    server: ServerProcess, percent: int, how: str
) -> None:
    host = server.teacher()
    room_id = host.rest.create_room()["id"]
    boundary = b"frontier"
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' % boundary
    body = head + CONTENT + b"\r\n--%s--\r\n" % boundary
    request = (
        f"POST /api/chat/{room_id}/files/?send=true&client_id=cut HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Authorization: Bearer {host.token}\r\nContent-Type: multipart/form-data; boundary={boundary.decode()}\r\n\r\n"
    ).encode()
    kept = lying(server, "files")
    with socket.create_connection(server.address) as connection:
        connection.sendall(request + body[: len(body) * percent // 100])
        if percent:
            eventually(lambda: lying(server, "incoming"), within=PATIENCE)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: lying(server, "incoming") == [], within=PATIENCE)
    assert lying(server, "files") == kept and files_in(host, room_id) == []
    file = send_file(host, room_id, CONTENT, key="cut").ok(201)
    assert sha256_of(host, file) == file["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert len(files_in(host, room_id)) == 1


def test_a_worker_killed_between_file_and_row_leaves_only_what_the_sweep_takes(start_server: StartServer) -> None:
    server = start_server()
    host = server.teacher()
    room_id = host.rest.create_room()["id"]
    kept = send_file(host, room_id, b"kept", key="kept").ok(201)
    with locked_out(server.env["DATABASE_URL"]):  # the row has to wait; its bytes do not
        upload = threading.Thread(target=lambda: _whatever_comes(host, room_id))
        upload.start()
        eventually(lambda: len(lying(server, "files")) == 2, within=PATIENCE)
        server.kill()
        upload.join()
    assert len(lying(server, "files")) == 2
    swept = server.flask("files", "sweep", "--older-than", "0")
    assert swept.returncode == 0 and "1 ownerless" in swept.stdout, swept.stdout + swept.stderr
    assert len(lying(server, "files")) == 1 and lying(server, "incoming") == []
    server.start()
    assert [file["id"] for file in files_in(host, room_id)] == [kept["id"]]
    again = send_file(host, room_id, CONTENT, key="torn").ok(201)
    for file in (kept, again):
        assert sha256_of(host, file) == file["sha256"]


def _whatever_comes(host: Person, room_id: str) -> None:
    with suppress(OSError):  # the server was killed meanwhile
        send_file(host, room_id, CONTENT, key="torn")


@contextmanager
def locked_out(url: str) -> Iterator[None]:
    """Hold what every write of a room needs first."""
    engine = create_engine(url)
    with engine.connect() as outsider:
        if engine.dialect.name == "sqlite":
            outsider.exec_driver_sql("PRAGMA busy_timeout = 30000")
        outsider.exec_driver_sql(
            "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "SELECT id FROM rooms ORDER BY id FOR UPDATE"
        )
        yield
        outsider.rollback()
    engine.dispose()


def test_on_a_full_disk_files_are_refused_and_the_class_goes_on(start_server: StartServer, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, 3):
        server = start_server(UPLOAD_DIR=str(disk / "uploads"), LIMIT_UPLOADS="1000/minute")
        host = server.teacher()
        room_id = host.rest.create_room()["id"]
        first = send_file(host, room_id, CONTENT, key="fits").ok(201)
        for number in range(3):
            refused = send_file(host, room_id, CONTENT, key=f"full{number}")
            assert (refused.status, refused.code, refused.body["retry_after"]) == (503, "unavailable", 60)
        host.rest.send(room_id, "text", "The class goes on").ok(201)
        assert [path.name for path in (disk / "uploads" / "incoming").iterdir()] == []
        assert sha256_of(host, first) == first["sha256"]
        file = send_file(host, room_id, b"a small one", key="small").ok(201)
        assert sha256_of(host, file) == file["sha256"] and len(files_in(host, room_id)) == 2
        server.stop()


def brought(who: Person, room_id: str, content: bytes, name: str, key: str) -> dict[str, Any]:
    """The same, tried again until there is an answer, as a client does: it makes one file."""
    while True:
        with suppress(requests.Timeout):
            answer = send_file(who, room_id, content, name, key)
            if answer.status != 503:
                return dict(answer.ok(200, 201))


def test_pictures_are_looked_at_beside_a_server_that_goes_on_talking(start_server: StartServer) -> None:
    server = start_server(LIMIT_UPLOADS="1000/minute", LIMIT_SENDS="1000/second", LIMIT_SENDS_BURST="1000")
    host = server.teacher()
    room_id = host.rest.create_room()["id"]
    noise = samples.picture("PNG", (3000, 2000))
    done: list[dict[str, Any]] = []
    uploads = [
        threading.Thread(target=lambda n=n: done.append(brought(host, room_id, noise, f"{n}.png", f"p{n}")))
        for n in range(3)
    ]
    for upload in uploads:
        upload.start()
    host.rest.say(room_id, *["Still here"] * 20)
    for upload in uploads:
        upload.join()
    assert {(file["width"], file["height"]) for file in done} == {(3000, 2000)}
    assert len(files_in(host, room_id)) == 3 and lying(server, "incoming") == []
    assert host.rest.get(done[0]["thumbnail_url"]).ok(200)[:4] == b"RIFF"


def test_while_the_scanner_is_silent_uploads_are_answered_in_time(
    start_server: StartServer,
) -> None:
    with scanning() as scanner:
        server = start_server(SCANNER=scanner.address)
        host = server.teacher()
        room_id = host.rest.create_room()["id"]
        scanner.is_silent.set()
        begun = time.monotonic()
        refused = send_file(host, room_id, CONTENT, key="late")
        assert (refused.status, refused.code) == (503, "unavailable") and time.monotonic() - begun < 10
        assert lying(server, "incoming") == lying(server, "files") == [] and files_in(host, room_id) == []
        host.rest.send(room_id, "text", "The class goes on").ok(201)
        scanner.is_silent.clear()
        file = send_file(host, room_id, CONTENT, key="late").ok(201)
        assert send_file(host, room_id, CONTENT, key="late").ok(200)["id"] == file["id"]
        assert sha256_of(host, file) == file["sha256"] and len(files_in(host, room_id)) == 1


def test_a_log_of_uploads_names_no_file(server: ServerProcess) -> None:
    host = server.teacher()
    room_id = host.rest.create_room()["id"]
    send_file(host, room_id, b"text", "my-secret-name.txt", "one").ok(201)
    assert send_file(host, room_id, b"<html>", "my-secret-name.txt", "two").status == 415
    assert "my-secret-name" not in server.log()
