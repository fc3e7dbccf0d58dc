"""Where files lie: a folder and a bucket pass the same suite, and the folder follows no link."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import pytest

from chatapp.contract.errors import Refused
from chatapp.filestore.folder import Folder, NotThere
from chatapp.filestore.s3 import Bucket, BucketStore
from chatapp.filestore.store import FolderStore, Store
from tests.support.s3 import new_bucket, s3
from tests.support.server import free_port

__all__ = ["s3"]


@pytest.fixture
def incoming(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "incoming")
    folder.prepare()
    return folder


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.service)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        return BucketStore(new_bucket(request.getfixturevalue("s3")))
    folder = Folder(tmp_path / "files")
    folder.prepare()
    return FolderStore(folder)


def key() -> str:
    return secrets.token_hex(20)


def put(store: Store, incoming: Folder, content: bytes, name: str | None = None) -> str:
    name = name or key()
    made, file = incoming.create()
    with file:
        file.write(content)
    store.put(incoming, made, name)
    return name


def test_what_was_put_comes_back_in_parts(store: Store, incoming: Folder) -> None:
    content = os.urandom(100_000)
    name = put(store, incoming, content)
    assert store.read(name, 0, 100_000) == content
    assert store.read(name, 99_990, 10) == content[-10:]
    assert store.read(name, 5, 7) == content[5:12]
    assert store.size(name) == 100_000
    assert list(incoming.entries()) == []


def test_a_file_of_many_megabytes_is_kept_whole(store: Store, incoming: Folder) -> None:
    content = os.urandom(1024 * 1024) * 12
    name = put(store, incoming, content)
    assert store.read(name, 11 * 1024 * 1024, 1024 * 1024) == content[: 1024 * 1024]


def test_what_is_not_there_is_not_there(store: Store, incoming: Folder) -> None:
    name = key()
    with pytest.raises(NotThere):
        store.read(name, 0, 1)
    with pytest.raises(NotThere):
        store.size(name)
    store.delete(name)
    put(store, incoming, b"x", name)
    assert store.read(name, 0, 1) == b"x"
    store.delete(name)
    with pytest.raises(NotThere):
        store.read(name, 0, 1)


def test_everything_that_is_kept_is_told_with_its_age(store: Store, incoming: Folder) -> None:
    names = {put(store, incoming, b"x"), put(store, incoming, b"y", f"{key()}.small")}
    told = dict(store.entries())
    assert set(told) == names and all(-5 < age < 60 for age in told.values())


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    Folder(tmp_path / "a" / "files").prepare()
    (tmp_path / "a" / "files").chmod(0o755)
    Folder(tmp_path / "a" / "files").prepare()
    assert stat.S_IMODE((tmp_path / "a" / "files").stat().st_mode) == 0o700
    name, file = Folder(tmp_path / "a" / "files").create()
    file.close()
    assert stat.S_IMODE((tmp_path / "a" / "files" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_was_planted_in_the_folder_is_not_read(tmp_path: Path, kind: str) -> None:
    folder = Folder(tmp_path / "files")
    folder.prepare()
    name = key()
    planted = tmp_path / "files" / name
    secret = tmp_path / "secret"
    secret.write_text("secret")
    {"link": lambda: planted.symlink_to(secret), "folder": planted.mkdir, "pipe": lambda: os.mkfifo(planted)}[kind]()
    with pytest.raises(NotThere):
        FolderStore(folder).read(name, 0, 10)


def test_a_link_in_the_folders_own_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "files").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Folder(tmp_path / "files").prepare()


@pytest.mark.parametrize(
    "name", ["", "..", "../secret", "/etc/passwd", "x" * 40, "a" * 39, "a" * 40 + ".large", "a" * 40 + "\n"]
)
def test_names_that_are_not_ours_are_nowhere(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path / "files")
    folder.prepare()
    with pytest.raises(NotThere):
        folder.open(name)
    with pytest.raises(NotThere):
        folder.remove(name)


@pytest.mark.service
def test_a_bucket_that_does_not_answer_is_unavailable(incoming: Folder) -> None:
    where = Bucket(
        name="nobody",
        prefix="x",
        endpoint=f"http://127.0.0.1:{free_port()}",
        region="us-east-1",
        key_id="k",
        secret="s",
    )
    store = BucketStore(where)
    with pytest.raises(Refused) as refused:
        store.read(key(), 0, 1)
    assert refused.value.code == "unavailable"
    assert "s" not in repr(where).split("secret")[1:]
