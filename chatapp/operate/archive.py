"""The file that a backup is: a gzipped tar of a manifest, the database's own dump, and the uploaded files.

Nothing here knows what a dump looks like, or where files lie. A backup that is cut short is not taken for one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from chatapp.filestore.folder import NAME, Folder, NotThere
from chatapp.filestore.store import Store

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database/"
UPLOADS = "uploads/"
PART = re.compile(r"\w+(\.\w+)*", re.ASCII)
CHUNK = 1024 * 1024


class BadArchiveError(Exception):
    """This is no backup, or not a whole one. One line for the operator."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `dialect` is the database's, `revision` its newest migration, `columns` and `rows`
    what each table had, `sha256` the digest of each part of the dump."""

    made_at: str
    dialect: str
    revision: str
    columns: dict[str, list[str]]
    rows: dict[str, int]
    files: int
    sha256: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


def write(path: Path, manifest: Manifest, dump: Path, store: Store, names: list[str]) -> None:
    """Put it all into `path`, which appears whole or not at all, readable by its owner alone. Of the store's files
    those of these names. Raises BadArchiveError when one goes meanwhile."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    parts = sorted(part for part in dump.iterdir() if part.is_file())
    told = asdict(manifest) | {"sha256": {part.name: digest(part) for part in parts}}
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=3) as tar:
                (dump / MANIFEST).write_text(json.dumps(told, indent=1))
                tar.add(dump / MANIFEST, MANIFEST)
                for part in parts:
                    tar.add(part, DATABASE + part.name)
                for name in names:
                    _add_upload(tar, store, name)
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.rename(path)
        _remember(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """The manifest and the rest of a backup. Raises BadArchiveError."""
    with ExitStack() as stack:
        with _readable(path):
            tar = stack.enter_context(tarfile.open(path, mode="r:gz"))
            first = tar.next()
            content = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
            if content is None:
                raise BadArchiveError(f"{path} is no backup of chatapp.")
            manifest = _manifest(path, json.loads(content.read()))
        yield manifest, tar


def unpack(tar: tarfile.TarFile, manifest: Manifest, dump: Path, store: Store, incoming: Folder) -> None:
    """Read the archive to its end: the dump into a folder, the uploaded files by way of `incoming` into the store.

    Files that are there already stay, for a stored file never changes; those of a backup that turns out to be bad
    belong to nobody. Raises BadArchiveError for a part that is missing or not what it was.
    """
    count = 0
    with _readable(Path(str(tar.name))):
        for member in tar:
            if member.name.startswith(DATABASE):
                with (dump / _name(member, DATABASE, PART)).open("xb") as file:
                    _copy_out(tar, member, file)
            elif member.name.startswith(UPLOADS):
                count += 1
                _unpack_upload(tar, member, store, incoming)
            elif member.name != MANIFEST:
                raise BadArchiveError(f"The backup holds {member.name!r}, which is no part of one.")
    for name, wanted in manifest.sha256.items():
        part = dump / name
        if not part.is_file() or digest(part) != wanted:
            raise BadArchiveError(f"The backup's {name} is missing or damaged.")
    if count != manifest.files:
        raise BadArchiveError(f"The backup says that it has {manifest.files} files, and has {count}.")


def _add_upload(tar: tarfile.TarFile, store: Store, name: str) -> None:
    member = tarfile.TarInfo(UPLOADS + name)
    member.mode = 0o600
    try:
        member.size = store.size(name)
        tar.addfile(member, io.BufferedReader(_Content(store, name, member.size), CHUNK))
    except NotThere as fault:
        raise BadArchiveError("A file was taken away while it was copied. Back up once more.") from fault


class _Content(io.RawIOBase):
    """The bytes of a kept file."""

    def __init__(self, store: Store, name: str, size: int) -> None:
        self._store, self._name, self._size = store, name, size
        self._position = 0

    def readable(self) -> bool:
        """It is nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next ones; 0 at the end."""
        length = min(len(buffer), self._size - self._position)
        piece = self._store.read(self._name, self._position, length) if length else b""
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _unpack_upload(tar: tarfile.TarFile, member: tarfile.TarInfo, store: Store, incoming: Folder) -> None:
    kept_as = _name(member, UPLOADS, NAME)
    with suppress(NotThere):
        store.size(kept_as)
        return
    name, file = incoming.create()
    with file:
        _copy_out(tar, member, file)
        file.flush()
        os.fsync(file.fileno())
    store.put(incoming, name, kept_as)


def _copy_out(tar: tarfile.TarFile, member: tarfile.TarInfo, file: IO[bytes]) -> None:
    content = tar.extractfile(member)
    if content is not None:
        shutil.copyfileobj(content, file, CHUNK)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError) as fault:
        raise BadArchiveError(f"{path} cannot be read as a backup: {fault}") from fault


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(path: Path, told: dict[str, Any]) -> Manifest:
    if told.get("format") != FORMAT:
        raise BadArchiveError(f"{path} is of format {told.get('format')!r}; this version reads format {FORMAT}.")
    return Manifest(**told)


def _name(member: tarfile.TarInfo, prefix: str, pattern: re.Pattern[str]) -> str:
    """The name of a part. What is extracted by it stays in its folder: tarfile's own filters are not in each 3.11."""
    name = member.name.removeprefix(prefix)
    if not member.isfile() or not pattern.fullmatch(name):
        raise BadArchiveError(f"The backup holds {member.name!r}, which is no part of one.")
    return name


def _remember(folder: Path) -> None:
    """A rename outlives a power cut once its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
