"""Backing up a school, and putting one back, while its classes go on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from chatapp import schema
from chatapp.contract.words import Act
from chatapp.db import database, transaction
from chatapp.domain import audit, restoring
from chatapp.filestore.folder import Folder
from chatapp.filestore.store import Store
from chatapp.operate import archive, dumps
from chatapp.operate.archive import BadArchiveError, Manifest


def make(path: Path, store: Store) -> tuple[Path, Manifest]:
    """Back up the bound database and the uploaded files, wherever they lie: where the backup is, what is in it.

    A folder as `path` gets a file named after the moment. Raises BadArchiveError, FileExistsError, OSError."""
    moment = datetime.now(UTC)
    if path.is_dir():
        path /= f"chatapp-{moment:%Y%m%dT%H%M%SZ}.tar.gz"
    if path.exists():
        raise FileExistsError(f"{path} is there already.")
    engine = database.engine
    if dumps.revision_of(engine) is None or not schema.is_current(engine):
        raise BadArchiveError("The database is not of this version: back it up with its own, or upgrade it first.")
    with _aside(path.parent) as folder:
        revision, rows = dumps.of(engine, folder).take(engine)
        # The database first: a file that comes meanwhile is in the backup without a row, never the other way round.
        files = sorted(name for name, _ in store.entries())
        made_at = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        manifest = Manifest(made_at, engine.dialect.name, revision, dumps.columns(), rows, len(files))
        archive.write(path, manifest, folder, store, files)
    with transaction() as tx:
        audit.record(tx, None, Act.BACKUP_MADE, rows=sum(rows.values()), files=len(files))
    return path, manifest


def look(path: Path) -> Manifest:
    """What a backup says of itself. Raises BadArchiveError."""
    with archive.opened(path) as (manifest, _):
        return manifest


def restore(path: Path, store: Store, aside: Path) -> Manifest:
    """Replace the school by a backup of one, in one transaction: what was in it. Whoever is connected starts anew.

    Files come back into the store; the folder `aside`, on the disk of a store that is a folder, holds what is unpacked.
    Raises BadArchiveError before anything is changed.
    """
    engine = database.engine
    with _aside(aside) as folder, archive.opened(path) as (manifest, tar):
        if manifest.dialect != engine.dialect.name:
            raise BadArchiveError(f"The backup is of {manifest.dialect}, the database is {engine.dialect.name}.")
        if manifest.revision not in _known_migrations():
            raise BadArchiveError(f"The backup is of migration {manifest.revision}, made by a newer chatapp.")
        was_empty = dumps.revision_of(engine) is None
        if not was_empty and not schema.is_current(engine):
            raise BadArchiveError("The database is not current. First: flask --app wsgi db upgrade")
        incoming = Folder(folder / "incoming")
        incoming.prepare()
        archive.unpack(tar, manifest, folder, store, incoming)
        dump = dumps.of(engine, folder)
        dump.fit(engine, manifest)
        if was_empty and engine.dialect.name == "sqlite":
            command.upgrade(schema.migrations(engine), "head")
        _replace(dump, manifest, whole=not was_empty)
        if was_empty:
            command.upgrade(schema.migrations(engine), "head")
            with transaction() as tx:
                restoring.begin_anew(tx, [], made_at=manifest.made_at)
        return manifest


def _replace(dump: dumps.Dump, manifest: Manifest, *, whole: bool) -> None:
    """The rows, and in the same transaction (`whole`) what makes a school of them: nobody sees an old epoch."""
    with database.engine.connect() as connection:
        dump.attach(connection)
        with database.turn(), database.writing(connection) as tx:
            before = restoring.sessions_now(tx) if whole else []
            tx.session.expunge_all()
            dump.replace(tx, manifest)
            if whole:
                restoring.begin_anew(tx, before, made_at=manifest.made_at)


def _known_migrations() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()}


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder for what is unfinished, beside what it will be; nobody else can read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".chatapp-", dir=folder) as name:
        yield Path(name)
