"""Engine.IO and Socket.IO over a bare WebSocket, in asyncio: packets in, packets out, no reconnecting.

Quick enough for hundreds of clients in one process. What packets mean to a class is the clients'.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import orjson

from tests.support.rawsocket import CLOSE, EIO_QUERY, PING, PONG, TEXT, build_frame


class RefusedError(ConnectionError):
    """The handshake was answered with something else than 101, or a namespace refused. `code` is why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Wire(asyncio.Protocol):
    """One WebSocket. `on_packet` gets each Engine.IO packet's text, `on_lost` is called once at the end, `on_garbled`
    when something came that is no frame or packet.

    Pings are answered. A server silent for longer than its own ping interval and time-out counts as gone.
    """

    def __init__(self, on_packet: Callable[[str], None], on_lost: Callable[[], None]) -> None:
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._on_garbled: Callable[[str], None] = lambda what: None
        self._buffer = b""
        self._shaken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opened: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._watchdog: asyncio.TimerHandle | None = None
        self._patience = 60.0
        self._heard = 0.0
        self.transport: asyncio.Transport | None = None
        self.lost = False

    @classmethod
    async def open(
        cls,
        port: int,
        on_packet: Callable[[str], None],
        on_lost: Callable[[], None],
        on_garbled: Callable[[str], None] = lambda what: None,
        receive_buffer: int | None = None,
    ) -> Wire:
        """Shake hands and wait for Engine.IO's opening. A small `receive_buffer` makes a pause felt soon.

        Raises RefusedError, OSError, TimeoutError.
        """
        wire = cls(on_packet, on_lost)
        wire._on_garbled = on_garbled
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        async with asyncio.timeout(5):
            try:
                await loop.sock_connect(sock, ("127.0.0.1", port))
                await loop.create_connection(lambda: wire, sock=sock)
            except BaseException:
                sock.close()
                raise
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                key = base64.b64encode(os.urandom(16)).decode()
                wire._write(
                    f"GET {EIO_QUERY}websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                    f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
                )
                await wire._shaken
                opening = await wire._opened
            except BaseException:
                wire.abort()
                raise
        wire._patience = (opening["pingInterval"] + opening["pingTimeout"]) / 1000
        wire._watch()
        return wire

    def send(self, packet: str) -> None:
        """One Engine.IO packet."""
        self._write(build_frame(TEXT, packet.encode()))

    def abort(self) -> None:
        """Cut without a word."""
        if self.transport is not None:
            self.transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more from the kernel."""
        if self.transport is not None:
            self.transport.pause_reading()

    def read_on(self) -> None:
        """Take again."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        self._buffer += data
        if not self._shaken.done() and not self._handshake():
            return
        try:
            self._frames()
        except (ValueError, LookupError, TypeError, asyncio.InvalidStateError) as fault:
            self._on_garbled(repr(fault)[:200])
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        for future in (self._shaken, self._opened):
            if not future.done():
                future.set_exception(RefusedError("cut"))
                future.exception()  # nobody may be waiting any more
        self._on_lost()

    def _handshake(self) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        status = head.split(b" ", 2)[1].decode()
        self._buffer = rest
        if status != "101":
            self._shaken.set_exception(RefusedError(status))
            return False
        self._shaken.set_result(None)
        return True

    def _frames(self) -> None:
        buffer, at, end = self._buffer, 0, len(self._buffer)
        while end - at >= 2:
            length, start = buffer[at + 1] & 127, at + 2
            if length == 126:
                if end < start + 2:
                    break
                length, start = int.from_bytes(buffer[start : start + 2], "big"), start + 2
            elif length == 127:
                if end < start + 8:
                    break
                length, start = struct.unpack_from("!Q", buffer, start)[0], start + 8
            if end < start + length:
                break
            opcode, payload = buffer[at] & 15, buffer[start : start + length]
            at = start + length
            self._frame(opcode, payload)
        self._buffer = self._buffer[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT and not self.lost:
            packet = payload.decode()
            if packet[0] == "2":
                self.send("3" + packet[1:])
            elif packet[0] == "0":
                self._opened.set_result(orjson.loads(packet[1:]))
            else:
                self._on_packet(packet)
        elif opcode == PING:
            self._write(build_frame(PONG, payload))
        elif opcode == CLOSE:
            self.abort()
        elif opcode != PONG:
            raise ValueError(f"a frame with opcode {opcode}")

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        if self.transport is None:
            return
        if loop.time() - self._heard > self._patience:
            self.abort()
            return
        self._watchdog = loop.call_later(0.5, self._watch)

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
