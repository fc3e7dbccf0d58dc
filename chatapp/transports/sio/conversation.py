"""A WebSocket as an Engine.IO connection's way: the probe by which it takes over from long-polling, and the reading
until it ends. The library does both in one method, with a greenlet for a writer beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from engineio import exceptions, packet

if TYPE_CHECKING:
    from chatapp.transports.sio.engine import EngineSocket

log = structlog.get_logger(__name__)


def is_the_way(sock: EngineSocket, ws: Any) -> bool:
    """Whether `ws` is the connection's way from now on: at once, or from long-polling by the protocol's probe, during
    which nothing is written."""
    ws.socket.settimeout(sock.server.ping_interval + sock.server.ping_timeout)
    if sock.connected:
        sock.upgrading = True
        if ws.wait() != "2probe":
            return False
        ws.send("3probe")
        sock.queue.put(packet.Packet(packet.NOOP))  # ends a poll that waits
        if ws.wait() != "5":
            return False
        sock.upgrading = False
    sock.connected = sock.upgraded = True
    return True


def converse(sock: EngineSocket, ws: Any) -> None:
    """Until the connection is over: what waits goes out, what comes is handled. Raises what reading raises of a packet
    that is none."""
    sock.write_here()
    while (data := _next(ws)) is not None:
        pkt = packet.Packet(encoded_packet=data)
        try:
            sock.receive(pkt)
        except exceptions.UnknownPacketError:
            pass
        except exceptions.SocketIsClosedError:
            break
        except Exception:
            log.exception("receive_failed")
            break
    sock.end()


def _next(ws: Any) -> bytes | str | None:
    try:
        data: bytes | str | None = ws.wait()
    except OSError:
        return None
    return data
