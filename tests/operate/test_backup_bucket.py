"""A school that keeps its files in object storage has them in its backups, and gets them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatapp.filestore.s3 import BucketStore
from tests.support.s3 import new_bucket, s3
from tests.support.server import StartServer

__all__ = ["s3"]

pytestmark = pytest.mark.service


@pytest.mark.usefixtures("s3")
def test_what_lies_in_a_bucket_is_backed_up_and_put_back(
    start_server: StartServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bucket = new_bucket(request.getfixturevalue("s3"))
    server = start_server(
        S3_BUCKET=bucket.name,
        S3_PREFIX=bucket.prefix,
        S3_ENDPOINT=bucket.endpoint,
        S3_ACCESS_KEY_ID=bucket.key_id,
        S3_SECRET_ACCESS_KEY=bucket.secret,
    )
    host = server.teacher()
    room_id = host.rest.create_room()["id"]
    content = b"A page of homework. " * 200_000

    def sent(name: str, key: str) -> dict[str, Any]:
        query = f"?send=true&client_id={key}"
        path = f"/api/chat/{room_id}/files/{query}"
        return dict(host.rest.call("POST", path, files={"file": (name, content + key.encode())}).ok(201))

    kept = sent("kept.txt", "kept")
    backup = tmp_path / "school.tar.gz"
    done = server.flask("backup", str(backup))
    assert done.returncode == 0 and "1 files" in done.stdout, done.stdout + done.stderr
    sent("since.txt", "since")

    store = BucketStore(bucket)
    for name, _ in list(store.entries()):
        store.delete(name)
    assert host.rest.get(kept["url"]).status == 404
    done = server.flask("restore", str(backup), "--yes")
    assert done.returncode == 0, done.stderr
    assert host.rest.get(kept["url"]).ok(200) == content + b"kept"
    assert len(list(store.entries())) == 1
