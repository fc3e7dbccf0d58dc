"""Reads a client's WebSocket frames (RFC 6455 section 5) within bounds. Answering them is the WebSocket's.

eventlet's own reader unmasks byte by byte (0.4 s of CPU a MB), bounds a frame but not a fragmented message, and answers
invalid UTF-8 with 1011. This one needs neither eventlet nor a socket, only something to receive from.
"""

from __future__ import annotations

from collections.abc import Callable

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
CONTROL = 0x8
"""The bit that control opcodes have."""

MAX_FRAGMENTS = 64
RECEIVE_BYTES = 4096


class FrameError(Exception):
    """The client broke the protocol or a bound: the close code that it gets."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class FrameReader:
    """Whole messages from `receive(count)`, which returns at most `count` bytes and b"" at the end.

    A message is never more than `max_bytes`, in one frame or in at most `max_fragments`.
    """

    def __init__(self, receive: Callable[[int], bytes], *, max_bytes: int, max_fragments: int = MAX_FRAGMENTS) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._max_fragments = max_fragments
        self._buffer = bytearray()
        self._opcode = CONTINUATION
        """Of the message under way; CONTINUATION when there is none."""
        self._message = bytearray()
        self._fragments = 0

    def read(self) -> tuple[int, bytes | str]:
        """The next control frame, or the next whole message: its opcode, and text as str.

        Raises FrameError, EOFError at the end, and whatever `receive` raises.
        """
        while True:
            opcode, final, payload = self._frame()
            if opcode & CONTROL:
                return opcode, payload
            if opcode != CONTINUATION:
                self._opcode = opcode
            self._fragments += 1
            if not final:
                if self._fragments >= self._max_fragments:
                    raise FrameError(1009, "too many fragments")
                self._message += payload
                continue
            whole = bytes(self._message) + payload if self._message else payload
            kind = self._opcode
            self._opcode, self._message, self._fragments = CONTINUATION, bytearray(), 0
            return kind, as_text(whole) if kind == TEXT else whole

    def _frame(self) -> tuple[int, bool, bytes]:
        buffer = self._buffer
        self._fill(2)
        first, second = buffer[0], buffer[1]
        opcode, final, length, start = first & 15, bool(first & 0x80), second & 127, 2
        self._check(first, opcode, final=final, masked=bool(second & 0x80), length=length)
        if length == 126:
            start = 4
        elif length == 127:
            start = 10
        if start > 2:
            self._fill(start)
            length = int.from_bytes(buffer[2:start], "big")
        if length + (0 if opcode & CONTROL else len(self._message)) > self._max_bytes:
            raise FrameError(1009, f"a message may have {self._max_bytes} bytes")
        end = start + 4 + length
        self._fill(end)
        payload = unmask(buffer[start + 4 : end], buffer[start : start + 4])
        del buffer[:end]
        return opcode, final, payload

    def _check(self, first: int, opcode: int, *, final: bool, masked: bool, length: int) -> None:
        if first & 0x70:
            raise FrameError(1002, "no extension was negotiated")
        if not masked:
            raise FrameError(1002, "a client must mask")
        if opcode & CONTROL:
            if opcode not in (CLOSE, PING, PONG):
                raise FrameError(1002, "unknown opcode")
            if not final or length > 125:
                raise FrameError(1002, "a control frame is whole and short")
        elif opcode not in (CONTINUATION, TEXT, BINARY):
            raise FrameError(1002, "unknown opcode")
        elif (opcode == CONTINUATION) is not bool(self._fragments):
            raise FrameError(1002, "a continuation continues, anything else does not")

    def _fill(self, count: int) -> None:
        buffer = self._buffer
        while len(buffer) < count:
            data = self._receive(max(RECEIVE_BYTES, count - len(buffer)))
            if not data:
                raise EOFError
            buffer += data


def unmask(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """`payload` with the client's mask taken off, as one whole number: 32 KiB cost microseconds."""
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


def as_text(payload: bytes) -> str:
    """`payload` as text, or the close code for what is none."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(1007, "text is UTF-8") from None
