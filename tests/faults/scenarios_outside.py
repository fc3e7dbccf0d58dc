"""What happens to clients and their network, and what hosts do, one coroutine a fault. What happens to the parts of a
deployment is `scenarios_inside`."""

from __future__ import annotations

import asyncio

import psycopg

from tests.faults.clients import until
from tests.faults.lab import Classroom, Lab, dial
from tests.faults.nemesis import Breaker
from tests.faults.people import HostDevice
from tests.support.rawsocket import EIO_QUERY

# The network


async def cut_both_ways(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for seconds in (2.0, 7.0):
        await breaker.cut_clients(lab.workers[0], seconds)


async def cut_one_way(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.cut_clients(lab.workers[0], 6, down=False)
    await breaker.cut_clients(lab.workers[1], 6, up=False)


async def slow_lossy_and_split(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.bad_weather(5)
    await breaker.split_bytes(3)


async def readers_who_stop(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """Five of the class take nothing more; they are let go as slow, and resume."""
    async with lab.fault("5 readers stop", "load", how="five sockets are read no more while long texts come"):
        stopped = lab.more_devices(room, 5, receive_buffer=4096)
        await lab.everybody_in(room)
        for device in stopped:
            assert device.wire is not None
            device.wire.stop_reading()
        stays = {device.name: device.stay for device in stopped}
        talker = room.members[0]
        for number in range(250):
            await talker.send(room.id, "a long story " * 200, f"{talker.name}-long-{number}")
        await asyncio.sleep(2)
        for device in stopped:
            if device.wire is not None:
                device.wire.read_on()
        await until(lambda: all(device.stay > stays[device.name] for device in stopped), 15, "they are let go")


async def the_same_send_by_two_ways(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    devices = lab.more_devices(room, 1, home=0) + lab.more_devices(room, 1, home=1)
    devices[1].person = devices[0].person
    await lab.everybody_in(room)
    async with lab.fault("the same send to two workers", "load", how="two devices of one user, one client_id"):
        for number in range(10):
            await asyncio.gather(*(device.send(room.id, "both ways", f"both-{number}") for device in devices))


async def a_flood_from_one(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """10,000 events a second from one client; its neighbours notice nothing."""
    (flooder,) = lab.more_devices(room, 1)
    await lab.everybody_in(room)
    assert flooder.wire is not None
    packet = f'42/chat,["typing",{{"room_id":"{room.id}","typing":true}}]'
    async with lab.fault("10,000 events a second from one", "load", how="a client writes `typing` as fast as that"):
        for _ in range(20):
            if flooder.wire is not None:
                for _ in range(1000):
                    flooder.wire.send(packet)
            await asyncio.sleep(0.1)


async def half_open_requests(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """2,000 requests that never end; others are served meanwhile."""
    worker = lab.workers[0]
    writers: list[asyncio.StreamWriter] = []
    async with lab.fault("2,000 half-open requests", "load", how="request heads without an end"):
        try:
            for _ in range(20):
                batch = await asyncio.gather(*(dial(worker.port) for _ in range(100)))
                writers += batch
                for writer in batch:
                    writer.write(f"GET {EIO_QUERY}polling HTTP/1.1\r\nHost: x\r\n".encode())
            assert await worker.status("/healthz", within=5) == 200
            await asyncio.sleep(3)
        finally:
            for writer in writers:
                writer.transport.abort()


async def dropped_at_once(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """Everybody at once, a thousand idle connections among them."""
    worker = lab.workers[1]
    crowd = await asyncio.gather(*(dial(worker.front.port) for _ in range(1000)))
    for one in lab.workers:
        await breaker.drop_clients(one)
    for writer in crowd:
        writer.transport.abort()


# The host


async def tab_reloaded(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for _ in range(3):
        await breaker.reload_host(room)
        await lab.everybody_in(room)
    codes = {message["code"] for message in (await lab.cluster.read_back({room.id: room.host}, 0))[room.id].messages}
    assert "host_away" not in codes, "a reload leaves no trace"


async def two_tabs_one_closed(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    second = HostDevice(f"{room.host.username}/second", room.host, lab.workers, lab.history, home=1)
    second.join(room.id)
    second.start()
    room.hosts.append(second)
    await lab.everybody_in(room)
    async with lab.fault(
        "one of two tabs closed", "client", room.hosts[0].name, how="one of the host's sockets is closed"
    ):
        room.hosts[0].switch_off()
        await asyncio.sleep(4)
    codes = {message["code"] for message in (await lab.cluster.read_back({room.id: room.host}, 0))[room.id].messages}
    assert "host_away" not in codes, "the host is still there by the other tab"
    room.hosts[0].switch_on()
    await lab.everybody_in(room)
    second.switch_off()


async def flapping(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for _ in range(4):
        await breaker.lose_host(room, breaker.chance.uniform(0.5, 3))
        await asyncio.sleep(breaker.chance.uniform(0.2, 1))


async def the_device_dies(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """In another room with little grace: it closes once, is read by all, and opens again when the host is back."""
    small = await lab.classroom(members=3, grace=4)
    await small.members[0].send(small.id, "before")
    how = "its socket is closed for longer than the room waits"
    async with lab.fault("the host's device dies", "client", small.hosts[0].name, how=how):
        small.hosts[0].switch_off()
        await until(lambda: _closed(lab, small), 25, "the room closes")
        refused = await small.members[0].send(small.id, "too late")
        assert refused is not None and refused.result.get("code") == "room_closed"
        small.hosts[0].switch_on()
    await lab.everybody_in(small)
    await small.hosts[0].call("reopen", "room_reopen", {"room_id": small.id}, room=small.id)
    again = await small.members[0].send(small.id, "after")
    assert again is not None and again.outcome == "ok"


async def left_explicitly(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    small = await lab.classroom(members=3, grace=30)
    async with lab.fault("the host leaves", "client", small.hosts[0].name, how="REST, leave/"):
        await asyncio.to_thread(lambda: small.host.rest.leave(small.id).ok())
        await asyncio.to_thread(small.host.rest.session.close)
    shown = (await lab.cluster.read_back({small.id: small.host}, small.grace))[small.id]
    assert shown.status == "closed"


def _closed(lab: Lab, room: Classroom) -> bool:
    """Whether a member has seen the room's log end."""
    return any(
        sight.room == room.id and sight.client == room.members[1].name and sight.seq in _closing_seqs(lab, room)
        for sight in lab.history.sights
    )


def _closing_seqs(lab: Lab, room: Classroom) -> set[int]:
    with psycopg.connect(lab.cluster.database_url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT seq FROM messages WHERE room_id = %s AND code = 'room_closed'", [room.id])
        return {int(row[0]) for row in rows}
