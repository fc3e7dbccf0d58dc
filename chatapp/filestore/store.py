"""Where kept files lie: a folder, or something that speaks S3. Both pass one suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

from chatapp.filestore.folder import Folder, NotThere

__all__ = ["FolderStore", "NotThere", "Store"]


class Store(Protocol):
    """Bytes by name. Each call may block, and is made off the loop."""

    def put(self, incoming: Folder, name: str, new_name: str) -> None:
        """Keep a finished file out of `incoming`, durably, whole or not at all. It is gone from there afterwards."""

    def read(self, name: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`. Raises NotThere."""

    def size(self, name: str) -> int:
        """How many bytes it has. Raises NotThere."""

    def delete(self, name: str) -> None:
        """Take it away, if it is there."""

    def entries(self) -> Iterator[tuple[str, float]]:
        """The name of each, with its age in seconds."""


class FolderStore:
    """A folder on the disk of `incoming`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def put(self, incoming: Folder, name: str, new_name: str) -> None:
        self._folder.take(incoming, name, new_name)

    def read(self, name: str, start: int, length: int) -> bytes:
        with self._folder.open(name) as file:
            return os.pread(file.fileno(), length, start)

    def size(self, name: str) -> int:
        with self._folder.open(name) as file:
            return os.fstat(file.fileno()).st_size

    def delete(self, name: str) -> None:
        self._folder.remove(name)

    def entries(self) -> Iterator[tuple[str, float]]:
        return self._folder.entries()
