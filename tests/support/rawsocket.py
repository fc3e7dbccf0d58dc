"""WebSocket, Engine.IO and HTTP clients over a bare socket, for tests about the wire itself.

They do exactly what they are told, wrong things included, and hide nothing: no reconnecting, no buffering of writes.
Everything blocks, with a time-out in seconds. A test that only wants to use chatapp takes a Socket.IO client instead.

    ws = RawWebSocket.open(("127.0.0.1", port), "/ws/chat/r1/?token=…")
    ws.send_text('{"ref": 1, …}'); ws.text()            # the next text message; answers pings on the way
    ws.send_frame(PING, b"x", masked=False)             # anything, also what a client must not send
    ws.wait_close()                                      # close code, or None when it was cut without one

    eio = EngineWebSocket.open(address)                  # the direct WebSocket
    eio.send_packet(sio_connect("/chat", {"token": "…"}))
    eio.until("/chat", "message")                        # skips others, returns the event's SioPacket

    polling = EnginePolling.open(address)                # long-polling, one HTTP connection for each request
    polling.post("40/chat,{}"); polling.get()            # list of Engine.IO packets
    upgraded = polling.upgrade()                         # EngineWebSocket, after probe and upgrade
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

Address = tuple[str, int]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

EIO_QUERY = "/socket.io/?EIO=4&transport="


class DisconnectedError(Exception):
    """The server closed or reset the connection where more was expected."""


class ClosedError(Exception):
    """A close frame came where a message was expected."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"closed with {code} {reason!r}")
        self.code = code
        self.reason = reason


class RefusedError(Exception):
    """The server answered the handshake with something else than 101."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"handshake answered with {response.status}: {response.body[:200]!r}")
        self.response = response


@dataclass(frozen=True)
class Response:
    """An HTTP answer. Header names are in lower case; the last of several equal names stands."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Frame(NamedTuple):
    """One WebSocket frame as it came (RFC 6455 section 5.2)."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int

    @property
    def text(self) -> str:
        """The payload as text; raises UnicodeDecodeError when it is none."""
        return self.payload.decode()

    @property
    def close_code(self) -> int | None:
        """A close frame's code, None when it is empty."""
        return int(struct.unpack_from("!H", self.payload)[0]) if len(self.payload) >= 2 else None

    @property
    def close_reason(self) -> str:
        """A close frame's reason."""
        return self.payload[2:].decode()


def build_frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """One frame as bytes; the defaults are what a client must send."""
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        header = struct.pack("!BB", first, mask_bit | len(payload))
    elif len(payload) < 65536:
        header = struct.pack("!BBH", first, mask_bit | 126, len(payload))
    else:
        header = struct.pack("!BBQ", first, mask_bit | 127, len(payload))
    if not masked:
        return header + payload
    key = os.urandom(4)
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    body = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return header + key + body.to_bytes(len(payload), "big")


class RawSocket:
    """A TCP connection with a read buffer and a time-out for each call."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None, timeout: float = 5.0) -> None:
        """`receive_buffer` sets SO_RCVBUF before connecting, so that a reader who stops is felt soon."""
        self.address = address
        self.timeout = timeout
        self.buffer = b""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send_bytes(self, data: bytes) -> None:
        """Send `data` as it is. A reset by the server raises DisconnectedError."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise DisconnectedError from error

    def read_some(self, timeout: float | None = None) -> bytes:
        """Whatever has come, at least one byte. Raises TimeoutError, or DisconnectedError at the end."""
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        return self._receive(time.monotonic() + (self.timeout if timeout is None else timeout))

    def read_exactly(self, count: int, timeout: float | None = None) -> bytes:
        """Exactly `count` bytes; what came before a time-out stays for the next call."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while len(self.buffer) < count:
            self.buffer += self._receive(deadline)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_until(self, mark: bytes, timeout: float | None = None) -> bytes:
        """Everything up to and including `mark`."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while mark not in self.buffer:
            self.buffer += self._receive(deadline)
        data, found, self.buffer = self.buffer.partition(mark)
        return data + found

    def wait_cut(self, timeout: float | None = None) -> float:
        """Read and drop until the server closes; the seconds it took. Raises TimeoutError."""
        begun = time.monotonic()
        deadline = begun + (self.timeout if timeout is None else timeout)
        self.buffer = b""
        try:
            while True:
                self._receive(deadline)
        except DisconnectedError:
            return time.monotonic() - begun

    def read_response(self, timeout: float | None = None) -> Response:
        """One HTTP answer, its body by Content-Length, by chunks or until the end."""
        head = self.read_until(b"\r\n\r\n", timeout).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
        }
        status = int(status_line.split()[1])
        if status in (101, 204, 304):
            return Response(status, headers, b"")
        if "content-length" in headers:
            return Response(status, headers, self.read_exactly(int(headers["content-length"]), timeout))
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.read_until(b"\r\n", timeout), 16):
                body += self.read_exactly(size, timeout)
                self.read_until(b"\r\n", timeout)
            self.read_until(b"\r\n", timeout)
            return Response(status, headers, body)
        try:
            while True:
                body += self.read_some(timeout)
        except DisconnectedError:
            return Response(status, headers, body)

    def abort(self) -> None:
        """Close with a reset, as a client does that dies."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Close the TCP connection without a word."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, deadline: float) -> bytes:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("nothing came in time")
        self.sock.settimeout(remaining)
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError as error:
            raise DisconnectedError from error
        finally:
            self.sock.settimeout(self.timeout)
        if not data:
            raise DisconnectedError
        return data


def request_bytes(
    method: str, target: str, address: Address, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    """One HTTP/1.1 request; Content-Length is added for a body."""
    lines = {"Host": f"{address[0]}:{address[1]}", **(headers or {})}
    if body:
        lines.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def http(
    address: Address,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = 5.0,
) -> Response:
    """One request on a connection of its own."""
    with RawSocket(address, timeout=timeout) as sock:
        sock.send_bytes(request_bytes(method, target, address, {"Connection": "close", **(headers or {})}, body))
        return sock.read_response()


class RawWebSocket(RawSocket):
    """A WebSocket after its handshake. `response` is the server's 101."""

    response: Response

    @classmethod
    def open(
        cls,
        address: Address,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        timeout: float = 5.0,
    ) -> Self:
        """Shake hands; `headers` are added to, or replace, the usual ones. Raises RefusedError."""
        ws = cls(address, receive_buffer=receive_buffer, timeout=timeout)
        ws.shake_hands(target, headers)
        return ws

    def shake_hands(self, target: str, headers: Mapping[str, str] | None = None) -> None:
        """Ask for the upgrade and read its answer."""
        usual = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        try:
            self.send_bytes(request_bytes("GET", target, self.address, {**usual, **(headers or {})}))
            self.response = self.read_response()
            if self.response.status != 101:
                raise RefusedError(self.response)
        except BaseException:
            self.close()
            raise

    def send_frame(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, rsv: int = 0
    ) -> None:
        """Send one frame, right or wrong."""
        self.send_bytes(build_frame(opcode, payload, fin=fin, masked=masked, rsv=rsv))

    def send_text(self, text: str) -> None:
        """Send one whole text message."""
        self.send_frame(TEXT, text.encode())

    def send_json(self, data: Any) -> None:
        """Send `data` as one text message of JSON."""
        self.send_text(json.dumps(data))

    def frame(self, timeout: float | None = None) -> Frame:
        """The next frame, whatever it is. A masked one is a fault of the server: AssertionError."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        have = self._peek(2, deadline)
        length, start = have[1] & 127, 2
        assert not have[1] & 128, "a server must not mask"
        if length == 126:
            length, start = struct.unpack_from("!H", self._peek(4, deadline), 2)[0], 4
        elif length == 127:
            length, start = struct.unpack_from("!Q", self._peek(10, deadline), 2)[0], 10
        self._peek(start + length, deadline)
        whole = self.read_exactly(start + length)
        return Frame(whole[0] & 15, whole[start:], bool(whole[0] & 128), whole[0] >> 4 & 7)

    def frames(self, timeout: float | None = None) -> Iterator[Frame]:
        """Frames until the server ends the connection; `timeout` is for each one."""
        while True:
            try:
                yield self.frame(timeout)
            except DisconnectedError:
                return

    def text(self, timeout: float | None = None) -> str:
        """The next text message; pings are answered. A close frame raises ClosedError."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            frame = self.frame(deadline - time.monotonic())
            if frame.opcode == PING:
                self.send_frame(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                raise ClosedError(frame.close_code, frame.close_reason)
            elif frame.opcode == TEXT:
                assert frame.fin and not frame.rsv, "the server neither fragments nor compresses"
                return frame.text

    def json(self, timeout: float | None = None) -> Any:
        """The next text message as JSON."""
        return json.loads(self.text(timeout))

    def wait_close(self, timeout: float | None = None) -> int | None:
        """Read on until the close frame; its code, or None when the connection ended without one."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            while True:
                frame = self.frame(deadline - time.monotonic())
                if frame.opcode == CLOSE:
                    return frame.close_code
        except DisconnectedError:
            return None

    def _peek(self, count: int, deadline: float) -> bytes:
        while len(self.buffer) < count:
            self.buffer += self._receive(deadline)
        return self.buffer


@dataclass(frozen=True)
class SioPacket:
    """A Socket.IO packet: 0 connect, 1 disconnect, 2 event, 3 ack, 4 connect error."""

    type: int
    namespace: str
    ack: int | None
    data: Any


def sio_connect(namespace: str, auth: Any = None) -> str:
    """The Engine.IO packet that connects to `namespace`."""
    return f"40{namespace}," + ("" if auth is None else json.dumps(auth))


def sio_event(namespace: str, name: str, *arguments: Any, ack: int | None = None) -> str:
    """The Engine.IO packet of an event, asking for an ack when it has a number."""
    return f"42{namespace},{'' if ack is None else ack}{json.dumps([name, *arguments])}"


def parse_sio(packet: str) -> SioPacket | None:
    """An Engine.IO packet as the Socket.IO packet in it; None for one of Engine.IO's own."""
    if not packet.startswith("4"):
        return None
    kind, rest, namespace = int(packet[1]), packet[2:], "/"
    if rest.startswith("/"):
        namespace, _, rest = rest.partition(",")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    ack = int(rest[:digits]) if digits else None
    return SioPacket(kind, namespace, ack, json.loads(rest[digits:]) if rest[digits:] else None)


class EngineWebSocket(RawWebSocket):
    """Engine.IO over a WebSocket. `opening` is the handshake's data; an upgraded one has its polling client's."""

    opening: dict[str, Any]
    answers_pings = True

    @classmethod
    def open(
        cls,
        address: Address,
        target: str = EIO_QUERY + "websocket",
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        timeout: float = 5.0,
    ) -> Self:
        """Open directly, without polling first."""
        ws = super().open(address, target, headers=headers, receive_buffer=receive_buffer, timeout=timeout)
        first = ws.packet()
        assert first.startswith("0"), first
        ws.opening = json.loads(first[1:])
        return ws

    @property
    def sid(self) -> str:
        """Engine.IO's id of this connection."""
        return str(self.opening["sid"])

    def send_packet(self, packet: str) -> None:
        """Send one Engine.IO packet."""
        self.send_text(packet)

    def packet(self, timeout: float | None = None) -> str:
        """The next Engine.IO packet; its pings are answered and left out while `answers_pings`."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            packet = self.text(deadline - time.monotonic())
            if packet != "2" or not self.answers_pings:
                return packet
            self.send_packet("3")

    def sio(self, timeout: float | None = None) -> SioPacket:
        """The next Socket.IO packet."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            parsed = parse_sio(self.packet(deadline - time.monotonic()))
            if parsed is not None:
                return parsed

    def until(self, namespace: str, name: str, timeout: float | None = None) -> SioPacket:
        """The next event `name` of `namespace`; everything before it is dropped."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            packet = self.sio(deadline - time.monotonic())
            if packet.type == 2 and packet.namespace == namespace and packet.data[0] == name:
                return packet

    def until_ack(self, ack: int, timeout: float | None = None) -> SioPacket:
        """The ack number `ack`; everything before it is dropped."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            packet = self.sio(deadline - time.monotonic())
            if packet.type == 3 and packet.ack == ack:
                return packet

    def call(self, namespace: str, name: str, data: Any, *, ack: int, timeout: float | None = None) -> Any:
        """Send the event and return the first argument of its ack; what comes before is dropped."""
        self.send_packet(sio_event(namespace, name, data, ack=ack))
        return self.until_ack(ack, timeout).data[0]


class EnginePolling:
    """Engine.IO over long-polling: a connection of its own for every request."""

    def __init__(self, address: Address, opening: dict[str, Any], packets: list[str], timeout: float) -> None:
        self.address = address
        self.opening = opening
        self.waiting = packets
        """Packets that came with the handshake; the first `get` returns them."""
        self.timeout = timeout

    @classmethod
    def open(cls, address: Address, *, headers: Mapping[str, str] | None = None, timeout: float = 5.0) -> Self:
        """Shake hands. Raises RefusedError."""
        response = http(address, "GET", EIO_QUERY + "polling", headers=headers, timeout=timeout)
        if response.status != 200:
            raise RefusedError(response)
        first, *rest = response.body.decode().split("\x1e")
        return cls(address, json.loads(first[1:]), rest, timeout)

    @property
    def sid(self) -> str:
        """Engine.IO's id of this connection."""
        return str(self.opening["sid"])

    @property
    def target(self) -> str:
        """Where this connection's requests go."""
        return f"{EIO_QUERY}polling&sid={self.sid}"

    def get(self, timeout: float | None = None) -> list[str]:
        """The packets of one GET. Raises RefusedError when it is not answered with 200."""
        if self.waiting:
            packets, self.waiting = self.waiting, []
            return packets
        wait = self.timeout if timeout is None else timeout
        response = http(self.address, "GET", self.target, timeout=wait)
        if response.status != 200:
            raise RefusedError(response)
        return response.body.decode().split("\x1e") if response.body else []

    def post(self, *packets: str) -> Response:
        """One POST with all `packets`."""
        body = "\x1e".join(packets).encode()
        headers = {"Content-Type": "text/plain;charset=UTF-8"}
        return http(self.address, "POST", self.target, headers=headers, body=body, timeout=self.timeout)

    def probe(self) -> EngineWebSocket:
        """Open the WebSocket beside the polling and probe it; `finish` completes the upgrade."""
        target = f"{EIO_QUERY}websocket&sid={self.sid}"
        ws = EngineWebSocket(self.address, timeout=self.timeout)
        ws.shake_hands(target)
        ws.opening = self.opening
        ws.send_packet("2probe")
        answer = ws.packet()
        assert answer == "3probe", answer
        return ws

    def upgrade(self) -> EngineWebSocket:
        """Go over to the WebSocket as the clients do: probe, end the poll, upgrade.

        What the last poll brought beside its NOOP is in `waiting`.
        """
        ws = self.probe()
        self.waiting += [packet for packet in self.get() if packet != "6"]
        ws.send_packet("5")
        return ws
