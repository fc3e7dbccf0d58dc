"""Bytes on their way into the store: written as they come, and what is known of them when all are there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, Any

BLOCK = 256 * 1024


@dataclass(slots=True)
class Incoming:
    """A file on its way, in the folder of incoming ones."""

    name: str
    file: IO[bytes]


@dataclass(frozen=True, slots=True)
class Received:
    """What came, whole."""

    incoming: Incoming
    size: int
    sha256: str


def write(incoming: Incoming, digest: Any, block: bytes) -> None:
    """Put a block behind the others, and into the digest."""
    digest.update(block)
    incoming.file.write(block)


def measured(made: Incoming) -> Received:
    """What was written otherwise, read from its beginning."""
    digest = hashlib.sha256()
    size = 0
    made.file.seek(0)
    while block := made.file.read(BLOCK):
        digest.update(block)
        size += len(block)
    return Received(made, size, digest.hexdigest())
