"""Asks a virus scanner about a file, by clamd's INSTREAM (clamd(8)). What follows from the answer is not here."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

SECONDS = 6.0
"""For one file, from connecting to the verdict; less where less patience is left."""

BLOCK = 64 * 1024
LONGEST_ANSWER = 4096

_FOUND = re.compile(r"stream: (.{1,200}) FOUND")


class ScannerDown(Exception):
    """The scanner gave no verdict."""


class Scanner:
    """A clamd at `address`: `host:port`, or the path of a socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    def scan(self, file: IO[bytes], within: float = SECONDS) -> str | None:
        """The name of what was found in `file`, or None. Raises ScannerDown, also after so many seconds."""
        end = time.monotonic() + min(within, SECONDS)
        try:
            with self._connected(end) as connection:
                connection.sendall(b"zINSTREAM\0")
                file.seek(0)
                while block := file.read(BLOCK):
                    _send(connection, struct.pack("!I", len(block)) + block, end)
                _send(connection, struct.pack("!I", 0), end)
                answer = _answer(connection, end)
        except OSError as fault:
            raise ScannerDown(type(fault).__name__) from fault
        if answer == "stream: OK":
            return None
        found = _FOUND.fullmatch(answer)
        if found is None:
            raise ScannerDown("no verdict")
        return found[1]

    @contextmanager
    def _connected(self, end: float) -> Iterator[socket.socket]:
        if self._address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            host, _, port = self._address.rpartition(":")
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=_left(end))
        with connection:
            connection.settimeout(_left(end))
            if self._address.startswith("/"):
                connection.connect(self._address)
            yield connection


def _send(connection: socket.socket, data: bytes, end: float) -> None:
    connection.settimeout(_left(end))
    connection.sendall(data)


def _answer(connection: socket.socket, end: float) -> str:
    said = b""
    while b"\0" not in said and len(said) < LONGEST_ANSWER:
        connection.settimeout(_left(end))
        piece = connection.recv(LONGEST_ANSWER)
        if not piece:
            break
        said += piece
    return said.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _left(end: float) -> float:
    """Seconds until `end`. Raises TimeoutError."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
