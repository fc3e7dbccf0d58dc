"""A folder of ours on disk: private, flat, and reached by its own descriptor, so that no link leads out of it."""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from chatapp.contract.errors import Code, Refused

NAME = re.compile(r"[0-9a-f]{40}(\.small)?", re.ASCII)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class NotThere(Exception):
    """No file of that name lies here."""


class Folder:
    """Files with random names. Nothing else in it is read, shown or followed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the folder, and let nobody else into it. Raises OSError."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.opened() as folder:
            os.fchmod(folder, 0o700)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """The folder's descriptor. A link in its place is an error."""
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)

    def create(self) -> tuple[str, IO[bytes]]:
        """A new file of a random name, open for writing and reading."""
        name = secrets.token_hex(20)
        with self.opened() as folder:
            number = os.open(
                name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
            )
        return name, io.BufferedRandom(io.FileIO(number, "r+"))  # os.fdopen would make a pipe of it where eventlet is

    def open(self, name: str) -> IO[bytes]:
        """A file, for reading. Raises NotThere, also for what is no plain file."""
        _must_be_ours(name)
        with self.opened() as folder:
            try:
                number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except OSError as fault:
                raise NotThere(name) from fault
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise NotThere(name)
        return io.BufferedReader(io.FileIO(number))

    def take(self, other: Folder, name: str, new_name: str) -> None:
        """Move a finished file of `other` here, durably: whole or not at all."""
        _must_be_ours(new_name)
        with other.opened() as source, self.opened() as target:
            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
            os.fsync(target)

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        _must_be_ours(name)
        with self.opened() as folder, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)

    def entries(self) -> Iterator[tuple[str, float]]:
        """The files, each with its age in seconds."""
        moment = time.time()
        with self.opened() as folder, os.scandir(folder) as found:
            for entry in found:
                if NAME.fullmatch(entry.name):
                    with suppress(FileNotFoundError):
                        yield entry.name, moment - entry.stat(follow_symlinks=False).st_mtime


def _must_be_ours(name: str) -> None:
    if not NAME.fullmatch(name):
        raise NotThere(name)


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Say `unavailable` when the disk is full, instead of failing."""
    try:
        yield
    except OSError as fault:
        if fault.errno not in FULL:
            raise
        raise Refused(Code.UNAVAILABLE, "The server has no room for files at the moment.", retry_after=60) from fault
