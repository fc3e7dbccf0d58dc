"""Our Engine.IO socket: what a polling answer may hold, how far a reader is behind, and the direct way past the queue.

The library's queue stays; what can be written at once goes past it, and what cannot is written by a greenlet that ends
when the queue is empty. The library's own writer, one for each WebSocket, held 9 KiB asleep. What Socket.IO packets
mean is the gate's. Tried with python-engineio 4.15.1: it overrides methods the library does not promise to keep, and
tests/serving watches the result on the wire.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable
from typing import Any, cast

from engineio import exceptions, packet, payload
from engineio.socket import Socket

from chatapp.realtime.outgoing import Bundle, Outgoing, text_frame
from chatapp.transports.sio import conversation
from chatapp.transports.sio.heartbeat import Heartbeat
from chatapp.transports.write_side import HARD_FACTOR, LINGER_SECONDS, Backlog, each

POLL_PACKETS = 16
"""The Python client dies on an answer of more; both ends' default."""

PING_FRAME = text_frame(b"2")

HERE = object()
"""In place of a writer: the reader's greenlet does it."""

UNREADABLE = (OSError, ValueError, TypeError, LookupError, RecursionError)
"""What reading and decoding a client's packet raises; nested deep enough, JSON ends in RecursionError."""


class MessagePacket(packet.Packet):
    """A MESSAGE whose text is shared with all its readers: no cached copy for each of a hundred slow ones."""

    def __init__(self, text: str) -> None:
        super().__init__(packet.MESSAGE, text)  # type: ignore[no-untyped-call]

    def encode(self, b64: bool = False) -> str:
        return f"4{self.data}"


class EngineSocket(Socket):
    """One Engine.IO connection, with the account of what its reader has not taken."""

    @classmethod
    def adopt(cls, sock: Socket, heartbeat: Heartbeat, *, slow_bytes: int, slow_seconds: float) -> EngineSocket:
        """Make the library's socket one of ours.

        The library constructs `socket.Socket` by name inside a long method. Its "connect" event is the first moment
        the socket is ours, nothing but OPEN is in its queue by then, and no other server in the process is touched.
        """
        sock.__class__ = cls
        ours = cast(EngineSocket, sock)
        ours.heartbeat = heartbeat
        ours.slow_bytes = slow_bytes
        ours.slow_seconds = slow_seconds
        ours.ws = None
        ours.write_now = None
        ours.backlog = Backlog()
        ours.taken = 0
        ours.claimed = False
        ours.writer = None
        return ours

    heartbeat: Heartbeat
    last_ping: float | None  # type: ignore[assignment]  # the library writes None into its float, too
    """When it was asked whether it lives; None while the next question waits for its time."""
    slow_bytes: int
    slow_seconds: float
    ws: Any
    """The WebSocket object while one is open."""
    write_now: Any
    """Its direct write, `(bytes) -> bool`; None where the server has none (async_mode threading, polling)."""
    backlog: Backlog
    taken: int
    """MESSAGE packets in the hands of the library's writer, still in the backlog."""
    claimed: bool
    writer: Any
    """Who writes what waits for the WebSocket, while something does."""

    # The way out

    def write(self, frames: bytes, things: Iterable[Outgoing | Bundle]) -> bool:
        """Write `frames` directly, or put the same `things` behind what waits; whether it went directly.

        Never yields and runs no handler. Direct only when nothing is before it: after an upgrade, with the queue
        empty, and when nobody is inside the WebSocket's own send, which `write_now` looks after.
        """
        if self.closed:
            return True
        direct = self.write_now
        if direct is not None and self.upgraded and not self.upgrading and self.queue.empty() and direct(frames):
            return True
        for item in each(things):
            self._enqueue(MessagePacket(item.packet))
        return False

    def send(self, pkt: packet.Packet) -> None:
        """The library's way. It may run disconnect handlers, which is why `write` has its own."""
        if self.check_ping_timeout():  # type: ignore[no-untyped-call]
            self._enqueue(pkt)

    def _enqueue(self, pkt: packet.Packet) -> None:
        if pkt.packet_type == packet.MESSAGE:
            self.backlog.put(len(pkt.data.encode()) if isinstance(pkt.data, str) else len(str(pkt.data)))
        self.queue.put(pkt)
        self._write_soon()

    def poll(self) -> list[packet.Packet]:
        """Wait for packets: a GET's answer, or the next round of a writer of the library's. [] says that it is over.

        The writer asks again when it has written what it got; only then has that left.
        """
        self._settle()
        try:
            first = self.queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)
        except self.server.get_queue_empty_exception():
            raise exceptions.QueueEmpty from None
        packets = [] if first is None else [first, *self._take(POLL_PACKETS - 1)]
        self.taken = sum(pkt.packet_type == packet.MESSAGE for pkt in packets)
        if not self.upgraded:
            self._settle()
        return packets

    def _take(self, count: int) -> list[packet.Packet]:
        """Up to `count` packets that wait, without waiting. The end, None, stays where it is."""
        packets: list[packet.Packet] = []
        while len(packets) < count and not self.queue.empty():
            pkt = self.queue.get(block=False)
            if pkt is None:
                self.queue.put(None)
                break
            packets.append(pkt)
        return packets

    def _write_soon(self) -> None:
        """See to it that what waits is written, where nobody fetches it."""
        if self.write_now is not None and self.upgraded and self.writer is None:
            self.writer = self.server.start_background_task(self._write_waiting)

    def _write_waiting(self) -> None:
        """Write what waits to the WebSocket; behind the end, None, close it.

        Between a packet's taking and its writing nothing else runs, and from then on the WebSocket says that somebody
        is before a direct write.
        """
        ws = self.ws
        try:
            while ws is not None and (packets := self._take(POLL_PACKETS)):
                self.taken = sum(pkt.packet_type == packet.MESSAGE for pkt in packets)
                for pkt in packets:
                    ws.send(pkt.encode())
                self._settle()
            if ws is not None and not self.queue.empty():
                ws.close()
        except OSError:  # it is gone
            self._settle()
        finally:
            self.writer = None

    def write_here(self) -> None:
        """Write what waits in the reader's own greenlet; others leave it to that."""
        if self.writer is None:
            self.writer = HERE
            self._write_waiting()

    def end(self) -> None:
        """The client has gone. Whoever writes ends before this returns."""
        writer, self.writer = self.writer, self.writer or HERE
        self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        if writer is None:
            self._write_waiting()
        else:
            writer.join()

    def _settle(self) -> None:
        if self.taken:
            self.backlog.drop(self.taken)
            self.taken = 0

    # Whether it lives

    def schedule_ping(self) -> None:
        """Ask for a sign of life an interval from now, unless that is under way."""
        if self.last_ping:
            self.last_ping = None
            self.heartbeat.schedule(self)

    def beat(self) -> None:
        """Ask for a sign of life, unless the connection is gone by now."""
        if self.closing or self.closed:
            return
        self.last_ping = time.time()
        direct = self.write_now
        if direct is not None and self.upgraded and self.queue.empty() and direct(PING_FRAME):
            return
        self._enqueue(packet.Packet(packet.PING))

    # How far the reader is behind

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait for the reader: the queue, what the writer holds, a direct write's tail."""
        tail: int = getattr(self.ws, "tail_bytes", 0)
        return self.backlog.bytes + tail

    @property
    def slow(self) -> bool:
        """More bytes, or older ones, than the settings allow."""
        if self.unsent_bytes > self.slow_bytes:
            return True
        oldest = min(
            (since for since in (self.backlog.since, getattr(self.ws, "tail_since", None)) if since is not None),
            default=None,
        )
        return oldest is not None and time.monotonic() - oldest > self.slow_seconds

    @property
    def overrun(self) -> bool:
        """So far beyond `slow_bytes` that waiting for the reaper costs too much."""
        return self.unsent_bytes > HARD_FACTOR * self.slow_bytes

    # The WebSocket

    def _upgrade_websocket(self, environ: Any, start_response: Any) -> Any:
        """A refusal's body is no list: the library takes a list for packets, and would answer 200 or fail."""
        if self.claimed:
            # A second WebSocket on one sid would put two writers on one queue.
            refusal = self.server._bad_request()
            start_response(refusal["status"], refusal["headers"])
            return (refusal["response"],)
        self.claimed = True

        def refused(status: str, headers: Any, *rest: Any) -> Any:
            """The handshake speaks HTTP only to refuse: another try may be better."""
            self.claimed = False
            return start_response(status, headers, *rest)

        answer = super()._upgrade_websocket(environ, refused)  # type: ignore[no-untyped-call]
        return answer if self.claimed else tuple(answer)

    def _websocket_handler(self, ws: Any) -> list[Any]:
        self.ws = ws
        self.write_now = getattr(ws, "write_now", None)
        try:
            if self.write_now is None:
                super()._websocket_handler(ws)  # type: ignore[no-untyped-call]
            elif conversation.is_the_way(self, ws):
                conversation.converse(self, ws)
        except UNREADABLE:
            pass  # a packet that is none; without an upgrade the connection goes on with long-polling
        finally:
            self.upgrading = False
            if self.upgraded and not self.closed:
                self.close(abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            self.ws = self.write_now = None
            self.claimed = False
            if self.closed:  # the library looks only when a request ends, and this may go on without one
                self.server.sockets.pop(self.sid, None)
        return []

    # The way in

    def receive(self, pkt: packet.Packet) -> None:
        """A packet of the client, handled in its turn. Any is a sign of life: the PONG of one who pipelines commands
        waits behind them, unread, for as long as they take."""
        if self.last_ping is not None:
            self.last_ping = time.time()
        super().receive(pkt)  # type: ignore[no-untyped-call]

    def handle_post_request(self, environ: Any) -> None:
        """The packets of a POST. What cannot be read is answered 400: the library answers 200 and drops it."""
        try:
            length = int(environ.get("CONTENT_LENGTH") or "")
            if length > self.server.max_http_buffer_size:
                raise exceptions.ContentTooLongError
            body = environ["wsgi.input"].read(length)
            if len(body) != length:
                raise exceptions.EngineIOError("the body ended early")
            packets = payload.Payload(encoded_payload=body.decode()).packets
        except UNREADABLE as error:
            raise exceptions.EngineIOError("unreadable payload") from error
        for pkt in packets:
            self.receive(pkt)

    # The end

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close without waiting: joining the queue blocks for ever on a polling client that is gone.

        A WebSocket whose client does not go by itself is cut a second later, which also wakes a blocked writer.
        """
        open_until_now = not self.closed and not self.closing
        super().close(wait=False, abort=abort, reason=reason)  # type: ignore[no-untyped-call]
        self._write_soon()
        if open_until_now and self.ws is not None and reason != self.server.reason.TRANSPORT_CLOSE:
            self.server.start_background_task(self._cut_later)

    def _cut_later(self) -> None:
        self.server.sleep(LINGER_SECONDS)
        self.cut()

    def cut(self) -> None:
        """End the TCP connection now, without flushing."""
        if self.ws is None:
            return
        if hasattr(self.ws, "abort"):
            self.ws.abort()
            return
        with contextlib.suppress(OSError, AttributeError):
            self.ws.ws.sock.shutdown(socket.SHUT_RDWR)  # simple-websocket, behind the library's wrapper
