"""A backup is the school of one moment, whole or not at all; restored, it is that school with nobody in it."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select

from chatapp.contract.errors import Code
from chatapp.db import Base, database, engine_options, reading, transaction
from chatapp.domain import entering, messages, sessions, workers
from chatapp.filestore.folder import Folder, NotThere
from chatapp.filestore.store import FolderStore
from chatapp.models import AuditEntry, SignIn, Worker
from chatapp.operate import archive, backup, dumps
from chatapp.operate.archive import BadArchiveError
from tests.domain.classroom import Classroom, refused

Rows = dict[str, list[tuple[Any, ...]]]


def rows(but: AbstractSet[str] = frozenset()) -> Rows:
    """Everything that is stored."""
    with reading() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in but
        }


PICTURE = "ab" * 20


def store_in(folder: Path) -> FolderStore:
    """Where the school keeps its files."""
    files = Folder(folder / "files")
    files.prepare()
    return FolderStore(files)


def a_lesson(classroom: Classroom, texts: int = 3) -> tuple[str, Any, Any]:
    room_id, host, (student,) = classroom.lesson(1)
    for n in range(texts):
        classroom.say(student, room_id, f"line {n}\twith\\tricks\n\N{SNOWMAN}")
    return room_id, host, student


def test_a_backup_and_its_restore_bring_every_row_back(classroom: Classroom, tmp_path: Path) -> None:
    room_id, _, student = a_lesson(classroom)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / PICTURE).write_bytes(b"\x00\xff" * 1_000_000)
    (tmp_path / "files" / f"{PICTURE}.small").write_bytes(b"")
    (tmp_path / "files" / ".half").write_bytes(b"being written")
    before = rows(but={"rooms", "workers", "audit_entries"})
    written, manifest = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    assert manifest.files == 2 and manifest.rows["messages"] == 5
    assert stat.S_IMODE(written.stat().st_mode) == 0o600

    classroom.say(student, room_id, "said since")
    classroom.student()
    (tmp_path / "files" / PICTURE).unlink()
    told = backup.restore(written, store_in(tmp_path), tmp_path)

    assert (told.made_at, told.rows, told.files) == (manifest.made_at, manifest.rows, 2)
    assert rows(but={"rooms", "workers", "audit_entries"}) == before
    assert (tmp_path / "files" / PICTURE).read_bytes() == b"\x00\xff" * 1_000_000
    assert classroom.log(room_id)[-1].startswith("'line 2")
    with reading() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert last.act == "school_restored" and last.data == {"made_at": manifest.made_at}


def test_after_a_restore_a_client_starts_anew_and_the_order_goes_on(classroom: Classroom, tmp_path: Path) -> None:
    room_id, _, student = a_lesson(classroom)
    before = entering.enter(student, room_id=room_id).answer
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    classroom.say(student, room_id, "said since")
    backup.restore(written, store_in(tmp_path), tmp_path)

    resumed = entering.enter(student, room_id=room_id, after=before["head"], epoch=before["epoch"]).answer
    assert resumed["reset"] and resumed["epoch"] != before["epoch"] and resumed["head"] == before["head"]
    assert classroom.say(student, room_id, "goes on") == before["head"] + 1
    with transaction() as tx:  # numbers of rows go on, too
        tx.session.add(AuditEntry(at=datetime.now(UTC), act="login_failed", data={}))


def test_a_client_id_of_before_the_backup_is_still_one_message(classroom: Classroom, tmp_path: Path) -> None:
    room_id, _, student = a_lesson(classroom)
    seq = classroom.say(student, room_id, "once", client_id="c1")
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    backup.restore(written, store_in(tmp_path), tmp_path)
    again = messages.send(student, room_id=room_id, client_id="c1", body="once")
    assert again.duplicate and again.seq == seq


def test_nobody_is_connected_afterwards_and_a_host_who_was_here_is_away(classroom: Classroom, tmp_path: Path) -> None:
    room_id, host, _ = a_lesson(classroom)
    ahead = classroom.room(classroom.teacher())
    classroom.connect(host, room_id)
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    assert workers.beat(classroom.worker)
    backup.restore(written, store_in(tmp_path), tmp_path)

    assert not workers.beat(classroom.worker), "its lease is gone, so it begins anew"
    assert classroom.row(room_id).host_absence == 1 and classroom.row(room_id).host_absent_since is not None
    assert classroom.row(ahead).host_absent_since is None, "a room prepared ahead stays as it is"
    with reading() as session:
        assert session.scalars(select(Worker)).all() == []


def test_who_signed_out_since_the_backup_stays_out(classroom: Classroom, tmp_path: Path) -> None:
    gone, stays = classroom.student(), classroom.student()
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    newcomer = classroom.student()
    sessions.logout(gone)
    with transaction() as tx:
        tx.session.get_one(SignIn, stays.session_id).refresh_id = "r" * 20
    backup.restore(written, store_in(tmp_path), tmp_path)

    with refused(Code.UNAUTHORIZED):
        sessions.actor_of(gone.session_id)
    with refused(Code.UNAUTHORIZED):
        sessions.actor_of(newcomer.session_id)
    assert sessions.actor_of(stays.session_id) == stays
    with reading() as session:
        assert session.get_one(SignIn, stays.session_id).refresh_id == "r" * 20, "or the next refresh ends the session"


def test_a_restore_that_fails_changes_nothing(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_id, _, student = a_lesson(classroom)
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    classroom.say(student, room_id, "said since")
    before = rows()

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power")

    monkeypatch.setattr("chatapp.domain.restoring.begin_anew", fails)
    with pytest.raises(RuntimeError, match="the power"):
        backup.restore(written, store_in(tmp_path), tmp_path)
    assert rows() == before


def test_a_new_and_empty_database_takes_a_backup(
    classroom: Classroom, engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    room_id, _, student = a_lesson(classroom)
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    before = rows(but={"rooms", "workers", "audit_entries"})
    other = _empty(engine, tmp_path, request)
    database.bind(other)
    try:
        backup.restore(written, store_in(tmp_path), tmp_path)
        assert rows(but={"rooms", "workers", "audit_entries"}) == before
        assert classroom.say(student, room_id, "goes on") == 6
    finally:
        other.dispose()


def _empty(engine: Engine, folder: Path, request: pytest.FixtureRequest) -> Engine:
    if engine.dialect.name == "sqlite":
        url = f"sqlite:///{folder / 'new.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    return create_engine(url, **engine_options(url))


def _without_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _with_another(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """The same archive, one member changed."""

    def spoil(path: Path) -> None:
        other = path.with_suffix(".other")
        with tarfile.open(path) as old, tarfile.open(other, "w:gz") as new:
            for member in old:
                content = old.extractfile(member)
                assert content is not None
                data = content.read()
                data = change(data) if member.name.startswith(name) else data
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
        other.rename(path)

    return spoil


def _as(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda told: json.dumps(json.loads(told) | changes).encode()


SPOILT = {
    "cut": (_without_last_byte, "cannot be read|damaged"),
    "a dump of other bytes": (_with_another("database/", lambda data: data + b"x"), "damaged"),
    "no backup": (lambda path: path.write_bytes(b"hello"), "cannot be read"),
    "another format": (_with_another("manifest", _as(format=9)), "format 9"),
    "a later migration": (_with_another("manifest", _as(revision="9999")), "newer chatapp"),
    "another database": (_with_another("manifest", _as(dialect="oracle")), "oracle"),
    "a file less": (_with_another("manifest", _as(files=7)), "7 files"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_whole_backup_of_this_school_changes_nothing(classroom: Classroom, tmp_path: Path, how: str) -> None:
    a_lesson(classroom)
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    before = rows()
    spoil, said = SPOILT[how]
    spoil(written)
    with pytest.raises(BadArchiveError, match=said):
        backup.restore(written, store_in(tmp_path), tmp_path)
    assert rows() == before


def test_a_file_never_leaves_the_folder_of_uploads(classroom: Classroom, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / PICTURE).write_bytes(b"x")
    written, _ = backup.make(tmp_path / "school.tar.gz", store_in(tmp_path))
    (tmp_path / "files" / PICTURE).unlink()
    with tarfile.open(written) as old, tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            if member.name == f"uploads/{PICTURE}":
                member.name = "uploads/../../escaped"
            new.addfile(member, content)
    with pytest.raises(BadArchiveError):
        backup.restore(tmp_path / "evil.tar.gz", store_in(tmp_path), tmp_path)
    assert not (tmp_path.parent / "escaped").exists()


def test_a_file_that_goes_meanwhile_makes_no_half_backup(classroom: Classroom, tmp_path: Path) -> None:
    class Fleeting(FolderStore):
        def read(self, name: str, start: int, length: int) -> bytes:
            raise NotThere(name)

    store_in(tmp_path)
    (tmp_path / "files" / PICTURE).write_bytes(b"x")
    with pytest.raises(BadArchiveError, match="Back up once more"):
        backup.make(tmp_path / "school.tar.gz", Fleeting(Folder(tmp_path / "files")))
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == []


def test_an_existing_file_is_not_written_over_and_a_folder_gets_a_new_one(classroom: Classroom, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(FileExistsError):
        backup.make(taken, store_in(tmp_path))
    assert taken.read_text() == "mine"
    written, _ = backup.make(tmp_path, store_in(tmp_path))
    assert written.parent == tmp_path and written.name.startswith("chatapp-2")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_is_being_said_is_in_the_backup_or_not_but_never_half(classroom: Classroom, tmp_path: Path) -> None:
    """Every message of the dump is counted by its room: one moment for all tables."""
    room_id, _, student = a_lesson(classroom)
    with transaction() as tx:  # under way while the backup is made
        messages.send_many(tx, [messages.prepare(student, room_id=room_id, client_id="c9", body="under way")])
        written, manifest = _made_while_writing(tmp_path)
    backup.restore(written, store_in(tmp_path), tmp_path)
    assert manifest.rows["messages"] == 5
    assert len(classroom.log(room_id)) == 5


def _made_while_writing(folder: Path) -> tuple[Path, Any]:
    """A backup without its line in the audit log, for which it would wait on SQLite."""
    target = folder / "dump"
    target.mkdir()
    revision, counted = dumps.of(database.engine, target).take(database.engine)
    manifest = archive.Manifest("now", database.engine.dialect.name, revision, dumps.columns(), counted, 0)
    archive.write(folder / "school.tar.gz", manifest, target, store_in(folder), [])
    return folder / "school.tar.gz", manifest


def test_every_column_that_is_stored_is_in_a_backup() -> None:
    kept = {name: set(names) for name, names in dumps.columns().items()}
    assert kept == {name: {each.name for each in table.columns} for name, table in Base.metadata.tables.items()}
