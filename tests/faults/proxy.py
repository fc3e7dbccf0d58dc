"""Our own TCP proxy: the network between two parts, made late, silent, one-sided, lossy or gone.

Everything can be changed while connections stand. It lives in the event loop of the run; `tc netem` needs a kernel
module and root, this needs neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import Any

HIGH_WATER = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Weather:
    """How bytes travel. `latency` and `jitter` in seconds a chunk and way; `reset` is the chance of a chunk to kill its
    connection; `up` is from the client, `down` to it."""

    latency: float = 0.0
    jitter: float = 0.0
    reset: float = 0.0
    split: bool = False
    paused_up: bool = False
    paused_down: bool = False
    refuse: bool = False

    @property
    def calm(self) -> bool:
        """Whether a chunk may go straight on."""
        return not (self.latency or self.jitter or self.reset or self.split)


class Proxy:
    """Listens on a free loopback port for one upstream address. `weather` may be replaced at any time by `change`."""

    def __init__(self, upstream: tuple[str, int], *, seed: int = 0) -> None:
        self.upstream = upstream
        self.weather = Weather()
        self.port = 0
        self.links: set[Link] = set()
        self.chance = random.Random(seed)
        self._server: asyncio.Server | None = None

    async def start(self) -> Proxy:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self).near, "127.0.0.1", 0, backlog=2048)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def stop(self) -> None:
        """Listen no more, cut what stands."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self.drop_all()
            await asyncio.sleep(0.01)

    def change(self, **weather: Any) -> None:
        """Another weather; what is not named is calm."""
        self.weather = Weather(**weather)
        for link in list(self.links):
            link.weather_changed()

    def calm(self) -> None:
        """Let everything through again."""
        self.change()

    def drop_all(self, *, share: float = 1.0) -> int:
        """Reset every connection, or a random `share` of them; how many."""
        doomed = [link for link in list(self.links) if self.chance.random() < share]
        for link in doomed:
            link.reset()
        return len(doomed)

    def half_close(self) -> None:
        """End the clients' half of every connection: upstream reads the end, the way back stays open."""
        for link in list(self.links):
            link.half_close()

    @property
    def listening(self) -> bool:
        """Whether it takes newcomers at all; one may have been accepted as it stopped."""
        return self._server is not None

    @property
    def connections(self) -> int:
        """How many stand."""
        return len(self.links)


class Link:
    """One connection through the proxy: two ends, and a lane each way."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.far = End(self)
        self.near = End(self)
        self.up = Lane(self, self.near, self.far)
        self.down = Lane(self, self.far, self.near)
        self.near.out, self.far.out = self.up, self.down
        self._dialling: asyncio.Task[None] | None = None
        self.dead = False

    def opened(self, end: End) -> None:
        """One end stands. The near one makes us dial."""
        if end is self.far:
            self.weather_changed()
            return
        if self.proxy.weather.refuse or not self.proxy.listening:
            self.reset()
            return
        self.proxy.links.add(self)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.far, *self.proxy.upstream)
        except OSError:
            self.reset()

    def weather_changed(self) -> None:
        """Go on, or stand still."""
        self.up.go()
        self.down.go()

    def half_close(self) -> None:
        """Tell upstream that the client has ended, which it has not."""
        self.near.pause()
        self.up.finish()

    def ended(self, end: End) -> None:
        """One end is closed: its lane runs out, then the other is closed."""
        assert end.out is not None
        end.out.finish(close=True)

    def forget_if_over(self) -> None:
        """Until neither end stands, `stop` must know of this link: an end that still flushes is open."""
        if self.near.transport is None and self.far.transport is None:
            self.proxy.links.discard(self)

    def reset(self) -> None:
        """Kill both ends at once, with a reset."""
        if self.dead:
            return
        self.dead = True
        self.proxy.links.discard(self)
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
        for lane in (self.up, self.down):
            lane.stop()
        for end in (self.near, self.far):
            end.abort()


class End(asyncio.Protocol):
    """One socket of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.transport: asyncio.Transport | None = None
        self.out: Lane | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.link.dead:
            self.abort()
            return
        self.link.opened(self)

    def data_received(self, data: bytes) -> None:
        assert self.out is not None
        self.out.put(data)

    def eof_received(self) -> bool:
        assert self.out is not None
        self.out.finish()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.link.forget_if_over()
        if not self.link.dead:
            if exc is not None:
                self.link.reset()
            else:
                self.link.ended(self)

    def pause_writing(self) -> None:
        """This end takes nothing more: who feeds it stops reading, so that its sender feels it."""
        lane = self.link.down if self is self.link.near else self.link.up
        lane.blocked = True
        lane.source.pause()

    def resume_writing(self) -> None:
        lane = self.link.down if self is self.link.near else self.link.up
        lane.blocked = False
        lane.go()

    def pause(self) -> None:
        """Read nothing."""
        if self.transport is not None and not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.transport is not None and self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """End with a reset."""
        if self.transport is not None:
            with contextlib.suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.transport.abort()


class Lane:
    """One direction: what waits, and when it is due."""

    def __init__(self, link: Link, source: End, sink: End) -> None:
        self.link = link
        self.source = source
        self.sink = sink
        self.blocked = False
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._ending = self._closing = False

    @property
    def paused(self) -> bool:
        """Whether nothing may move this way now."""
        weather = self.link.proxy.weather
        return weather.paused_up if self is self.link.up else weather.paused_down

    def put(self, data: bytes) -> None:
        """Bytes have come. Behind an end that was made by force nothing goes."""
        if self._ending or self._closing:
            return
        weather = self.link.proxy.weather
        if weather.reset and self.link.proxy.chance.random() < weather.reset:
            self.link.reset()
            return
        if weather.calm and not self._waiting and not self.paused and self.sink.transport is not None:
            self.sink.transport.write(data)
            return
        now = asyncio.get_running_loop().time()
        delay = weather.latency + weather.jitter * (2 * self.link.proxy.chance.random() - 1)
        self._due = max(self._due, now + max(0.0, delay))  # TCP keeps order, however late
        self._waiting.append((self._due, data))
        self.go()

    def go(self) -> None:
        """Move on what is due; read on when nothing hinders."""
        if self.link.dead:
            return
        if self.paused:
            self.source.pause()
            return
        if self.sink.transport is None:
            return
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now and not self.blocked:
            self._write(self._waiting.popleft()[1])
        if self._waiting and not self.blocked and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._waiting[0][0], self._tick)
        if not self._waiting:
            self._run_out()
        if not self.blocked:
            self.source.resume()

    def finish(self, *, close: bool = False) -> None:
        """Nothing more will come: end the other side once all is through."""
        self._ending = True
        self._closing = self._closing or close
        self.go()

    def stop(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self.go()

    def _write(self, data: bytes) -> None:
        assert self.sink.transport is not None
        if not self.link.proxy.weather.split:
            self.sink.transport.write(data)
            return
        sock = self.sink.transport.get_extra_info("socket")
        for place in range(len(data)):
            self.sink.transport.write(data[place : place + 1])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # pushes the byte out by itself

    def _run_out(self) -> None:
        transport = self.sink.transport
        if not self._ending or transport is None:
            return
        if self._closing:
            transport.close()
        elif not transport.is_closing():
            with contextlib.suppress(OSError):
                transport.write_eof()
