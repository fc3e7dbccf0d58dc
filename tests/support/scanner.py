"""A virus scanner that speaks clamd's INSTREAM as clamd(8) has it, and knows the one virus that everybody knows."""

from __future__ import annotations

import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.samples import EICAR

MOST = 25 * 1024 * 1024


class _Talk(socketserver.StreamRequestHandler):
    """One command, as with `z`: it ends with NUL, and so does the answer."""

    def handle(self) -> None:
        command = b""
        while not command.endswith(b"\0"):
            if not (piece := self.rfile.read(1)):
                return
            command += piece
        answer = self._instream() if command == b"zINSTREAM\0" else b"UNKNOWN COMMAND"
        self.wfile.write(answer + b"\0")

    def _instream(self) -> bytes:
        content = b""
        while length := struct.unpack("!I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            if len(content) > MOST:
                return b"INSTREAM size limit exceeded. ERROR"
        server = self.server
        assert isinstance(server, ScannerServer)
        server.scanned += 1
        while server.is_silent.is_set():
            time.sleep(0.05)
        if server.says is not None:
            return server.says
        return b"stream: Eicar-Signature FOUND" if EICAR in content else b"stream: OK"


class ScannerServer(socketserver.ThreadingTCPServer):
    """On a free port. `says` replaces the verdict; while `is_silent` is set there is none."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.says: bytes | None = None
        self.is_silent = threading.Event()
        self.scanned = 0

    @property
    def address(self) -> str:
        """For the setting SCANNER."""
        return f"127.0.0.1:{self.server_address[1]}"


@contextmanager
def scanning() -> Iterator[ScannerServer]:
    """A scanner that runs."""
    with ScannerServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
