"""The proxy does to bytes what it says, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import Proxy

Body = Callable[[Proxy, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def echoing() -> AsyncIterator[Proxy]:
    """A proxy before a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
            writer.write(b"<end>")
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = await Proxy(("127.0.0.1", server.sockets[0].getsockname()[1]), seed=7).start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        server.close()
        await asyncio.sleep(0.01)


def talk(body: Body) -> None:
    """Run `body` with one connection through the proxy."""

    async def run() -> None:
        async with echoing() as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            try:
                await asyncio.wait_for(body(proxy, reader, writer), 10)
            finally:
                writer.close()

    asyncio.run(run())


async def silent(reader: asyncio.StreamReader, seconds: float = 0.15) -> bool:
    """Whether nothing comes for a while."""
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return True
    return False


def test_calm_weather_lets_everything_through() -> None:
    async def body(_: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = bytes(range(256)) * 4000
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent

    talk(body)


def test_latency_holds_bytes_back_and_keeps_their_order() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(latency=0.1, jitter=0.05)
        begun = asyncio.get_running_loop().time()
        for n in range(20):
            writer.write(b"%03d" % n)
            await asyncio.sleep(0.002)
        assert await reader.readexactly(60) == b"".join(b"%03d" % n for n in range(20))
        assert asyncio.get_running_loop().time() - begun > 0.1

    talk(body)


def test_a_pause_holds_both_ways_and_loses_nothing() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(paused_up=True, paused_down=True)
        writer.write(b"held")
        assert await silent(reader)
        proxy.calm()
        assert await reader.readexactly(4) == b"held"

    talk(body)


@pytest.mark.parametrize("way", ["paused_up", "paused_down"])
def test_one_direction_alone_can_be_silent(way: str) -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(**{way: True})
        writer.write(b"held")
        assert await silent(reader)
        proxy.calm()
        assert await reader.readexactly(4) == b"held"

    talk(body)


def test_every_byte_can_come_by_itself() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(split=True)
        writer.write(b"one after the other")
        assert await reader.readexactly(19) == b"one after the other"

    talk(body)


def test_dropping_all_resets_the_connections() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.readexactly(1)
        assert proxy.drop_all() == 1
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        assert proxy.connections == 0

    talk(body)


def test_a_certain_reset_kills_the_next_chunk() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(reset=1.0)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)

    talk(body)


def test_a_half_close_reaches_upstream_and_leaves_the_way_back() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.half_close()
        assert await reader.readexactly(5) == b"<end>"

    talk(body)


def test_a_refusing_proxy_resets_newcomers_only() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.change(refuse=True)
        _, late = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            late.write(b"hello")
            await late.drain()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await _.readexactly(1)
        except ConnectionError:
            pass
        finally:
            late.close()
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"

    talk(body)


def test_a_reader_who_stops_is_felt_by_the_sender() -> None:
    async def body(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.change(paused_down=True)
        writer.transport.set_write_buffer_limits(high=1024)

        async def fill() -> None:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 0.5)
        writer.transport.abort()

    talk(body)


def test_stopping_leaves_no_end_open_that_still_had_to_flush() -> None:
    async def run() -> None:
        async with echoing() as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=1024)
            writer.write(b"x" * 3_000_000)
            await asyncio.sleep(0.1)  # nobody reads what comes back
            writer.write_eof()
            await asyncio.sleep(0.1)
            assert proxy.connections == 1
            await proxy.stop()
            assert proxy.connections == 0
            writer.transport.abort()
            assert reader is not None

    asyncio.run(run())
