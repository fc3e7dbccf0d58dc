"""Breaks what a run stands on: each fault is one coroutine that begins, lasts and heals, and says so in the history.

`Nemesis` draws them from a seed. What cannot be injected on this machine is not here; `test_scenarios` says what.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from tests.faults.cluster import Worker
from tests.faults.lab import Classroom, Lab
from tests.faults.proxy import Proxy
from tests.faults.redis_server import RedisServer


class Breaker:
    """The faults, by hand. Durations are in seconds; who they hit is given or drawn."""

    def __init__(self, lab: Lab, seed: int = 1) -> None:
        self.lab = lab
        self.chance = random.Random(f"{seed} breaks")

    # Workers

    async def kill_worker(self, worker: Worker, away: float = 1.0) -> None:
        """kill -9, and a new start."""
        async with self.lab.fault("worker killed", "worker", worker.name, how="SIGKILL, started again"):
            worker.kill()
            await asyncio.sleep(away)
            await worker.start()

    async def kill_all_workers(self, away: float = 5.0) -> None:
        """Nobody serves for a while."""
        async with self.lab.fault("all workers killed", "worker", how="SIGKILL to each, started again"):
            for worker in self.lab.workers:
                worker.kill()
            await asyncio.sleep(away)
            await asyncio.gather(*(worker.start() for worker in self.lab.workers))

    async def freeze_worker(self, worker: Worker, seconds: float) -> None:
        """SIGSTOP, SIGCONT."""
        async with self.lab.fault(f"worker frozen {seconds:.0f} s", "worker", worker.name, how="SIGSTOP, SIGCONT"):
            worker.freeze()
            await asyncio.sleep(seconds)
            worker.thaw()

    async def roll_workers(self, workers: Sequence[Worker] | None = None) -> list[int]:
        """SIGTERM one after another, each started again before the next goes; their exit statuses."""
        statuses = []
        for worker in self.lab.workers if workers is None else workers:
            async with self.lab.fault("worker rolled", "worker", worker.name, how="SIGTERM, started again when gone"):
                statuses.append(await worker.stop())
                await worker.start()
        return statuses

    # Redis

    async def kill_subscribers(self, seconds: float = 3.0) -> None:
        """CLIENT KILL TYPE pubsub, every second."""
        redis = self._redis()
        async with self.lab.fault("Redis subscribers killed", "redis", how="CLIENT KILL TYPE pubsub, every second"):
            for _ in range(max(1, int(seconds))):
                await asyncio.to_thread(redis.call, "CLIENT", "KILL", "TYPE", "pubsub")
                await asyncio.sleep(1)

    async def freeze_redis(self, seconds: float) -> None:
        """SIGSTOP: connections stand, and nothing is answered."""
        redis = self._redis()
        async with self.lab.fault(f"Redis stopped {seconds:g} s", "redis", how="SIGSTOP, SIGCONT"):
            redis.freeze()
            await asyncio.sleep(seconds)
            redis.thaw()

    async def restart_redis(self, away: float = 0.0) -> None:
        """Killed, and started empty."""
        redis = self._redis()
        async with self.lab.fault(f"Redis gone {away:g} s, back empty", "redis", how="SIGKILL, a new process"):
            redis.stop()
            await asyncio.sleep(away)
            await asyncio.to_thread(redis.start)

    async def vanish_redis(self, seconds: float) -> None:
        """Neither answer nor FIN: the way to it is silent."""
        ways = [worker.to_redis for worker in self.lab.workers if worker.to_redis is not None]
        async with self.lab.fault(
            f"Redis vanished {seconds:g} s", "redis", how="the proxies before it hold every byte: no answer, no FIN"
        ):
            await self._weather(ways, seconds, paused_up=True, paused_down=True)

    async def pollute_redis(self, count: int = 200) -> None:
        """Random bytes, pickles, 5 MB and hints of rooms nobody knows, on the workers' own channel."""
        redis, channel = self._redis(), self.lab.cluster.env["QUEUE_CHANNEL"]
        pickle = b"cos\nsystem\n(S'touch pickled'\ntR."
        hint = b'[{"kind":"LogUncertain","room_id":"nobody"}]'.replace(b'"', b'\\"')
        forged = b'{"method":"chatapp","host_id":"x","sealed":"%s%s"}'
        async with self.lab.fault(
            "Redis channel polluted", "redis", how="PUBLISH of random bytes, pickles, forged hints, deep JSON, 5 MB"
        ):
            for number in range(count):
                noise = (self.chance.randbytes(200), pickle, forged % (b"0" * 64, hint), b"[" * 5000)[number % 4]
                await asyncio.to_thread(redis.call, "PUBLISH", channel, noise)
            await asyncio.to_thread(redis.call, "PUBLISH", channel, b"x" * 5_000_000)

    async def starve_redis(self, seconds: float = 4.0) -> None:
        """maxmemory reached, and another password than the workers have."""
        redis = self._redis()
        async with self.lab.fault(
            "Redis full, password changed", "redis", how="CONFIG SET maxmemory 1, then requirepass"
        ):
            await asyncio.to_thread(redis.call, "CONFIG", "SET", "maxmemory", "1")
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(redis.call, "CONFIG", "SET", "requirepass", "another")
            await asyncio.to_thread(redis.call, "CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(seconds / 2)
            redis.stop()
            await asyncio.to_thread(redis.start)

    # PostgreSQL

    async def restart_postgres(self, away: float = 0.0) -> None:
        """Immediate shutdown (SIGQUIT), recovery, and on."""
        postgres = self.lab.cluster.postgres
        assert postgres is not None
        async with self.lab.fault(
            f"PostgreSQL gone {away:g} s", "database", how="SIGQUIT (immediate shutdown), started again"
        ):
            await asyncio.to_thread(postgres.stop, signal.SIGQUIT)
            await asyncio.sleep(away)
            await asyncio.to_thread(postgres.start)

    async def terminate_backends(self, times: int = 3) -> None:
        """pg_terminate_backend for everybody."""
        async with self.lab.fault(
            "backends terminated", "database", how="pg_terminate_backend for all, twice a second"
        ):
            for _ in range(times):
                await self._sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                )
                await asyncio.sleep(0.5)

    async def lock_table(self, seconds: float = 5.0, table: str = "messages") -> None:
        """LOCK TABLE, by somebody else."""
        async with self.lab.fault(
            f"{table} locked {seconds:g} s", "database", how="LOCK TABLE in ACCESS EXCLUSIVE MODE by somebody else"
        ):
            await self._sql(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT")

    async def exhaust_connections(self, seconds: float = 4.0) -> None:
        """Somebody else takes every connection that is left."""
        postgres = self.lab.cluster.postgres
        assert postgres is not None
        taken: list[psycopg.Connection[tuple[object, ...]]] = []

        def take() -> None:
            with contextlib.suppress(psycopg.OperationalError):
                for _ in range(300):
                    taken.append(psycopg.connect(self._conninfo()))  # noqa: PERF401 — those before the refusal count

        async with self.lab.fault("connections exhausted", "database", how="somebody else connects until refused"):
            await asyncio.to_thread(take)
            await asyncio.sleep(seconds)
            for connection in taken:
                connection.close()

    async def cut_from_database(self, worker: Worker, seconds: float) -> None:
        """One worker's way to PostgreSQL is silent; the others have theirs."""
        assert worker.to_database is not None
        async with self.lab.fault(
            f"worker cut from PostgreSQL {seconds:g} s",
            "database",
            worker.name,
            how="the proxy between them holds every byte, then resets",
        ):
            await self._weather([worker.to_database], seconds, paused_up=True, paused_down=True)
            worker.to_database.drop_all()

    # The clients' network

    async def drop_clients(self, worker: Worker, share: float = 1.0) -> None:
        """Connections to a worker are reset at once."""
        async with self.lab.fault("clients dropped", "network", worker.name, how="the proxy resets their connections"):
            worker.front.drop_all(share=share)

    async def cut_clients(self, worker: Worker, seconds: float, *, up: bool = True, down: bool = True) -> None:
        """The way to a worker is silent, both directions or one."""
        way = "both ways" if up and down else "upwards" if up else "downwards"
        async with self.lab.fault(
            f"clients cut {seconds:g} s {way}", "network", worker.name, how="the proxy holds every byte"
        ):
            await self._weather([worker.front], seconds, paused_up=up, paused_down=down)

    async def bad_weather(self, seconds: float = 5.0) -> None:
        """200 ± 200 ms, 2 % resets."""
        async with self.lab.fault(
            "200 ± 200 ms, 2 % resets", "network", how="the proxies delay each piece, and reset some"
        ):
            fronts = [worker.front for worker in self.lab.workers]
            await self._weather(fronts, seconds, latency=0.2, jitter=0.2, reset=0.02)

    async def split_bytes(self, seconds: float = 3.0) -> None:
        """Every byte by itself."""
        async with self.lab.fault("every byte split", "network", how="the proxies write byte by byte"):
            await self._weather([worker.front for worker in self.lab.workers], seconds, split=True)

    async def half_close_clients(self, worker: Worker) -> None:
        """The server reads the clients' end, which the clients know nothing of."""
        async with self.lab.fault(
            "clients half-closed", "network", worker.name, how="the proxy shuts the clients' end, then resets"
        ):
            worker.front.half_close()
            await asyncio.sleep(0.5)
            worker.front.drop_all()

    # The host

    async def reload_host(self, room: Classroom) -> None:
        """The tab is reloaded."""
        async with self.lab.fault(
            "host reloads", "client", room.hosts[0].name, how="the host's socket is closed, and opened elsewhere"
        ):
            room.hosts[0].cut()
            await asyncio.sleep(0.5)

    async def lose_host(self, room: Classroom, seconds: float) -> None:
        """All the host's devices go, and come back."""
        async with self.lab.fault(
            f"host away {seconds:.0f} s", "client", room.hosts[0].name, how="all the host's sockets are closed"
        ):
            for device in room.hosts:
                device.switch_off()
            await asyncio.sleep(seconds)
            for device in room.hosts:
                device.switch_on()

    # How

    def _redis(self) -> RedisServer:
        assert self.lab.cluster.redis is not None
        return self.lab.cluster.redis

    def _conninfo(self) -> str:
        return self.lab.cluster.database_url.replace("+psycopg", "")

    async def _sql(self, text: str) -> None:
        def ask() -> None:
            with psycopg.connect(self._conninfo(), autocommit=True) as connection:
                connection.execute(text.encode())

        await asyncio.to_thread(ask)

    async def _weather(self, proxies: Sequence[Proxy], seconds: float, **weather: float) -> None:
        for proxy in proxies:
            proxy.change(**weather)
        await asyncio.sleep(seconds)
        for proxy in proxies:
            proxy.calm()


Fault = Callable[[], Awaitable[object]]


class Nemesis:
    """Draws one fault after another, from a seed, until told to stop. One worker always stays untouched by each."""

    def __init__(self, lab: Lab, room: Classroom, seed: int, *, kinds: Sequence[str] = ()) -> None:
        self.breaker = Breaker(lab, seed)
        self.chance = random.Random(f"{seed} draws")
        self.drawn: list[str] = []
        self._all = self._faults(lab, room)
        self._kinds = [name for name in self._all if not kinds or name.split()[0] in kinds]

    async def run(self, seconds: float, pause: tuple[float, float] = (1.0, 3.0)) -> None:
        """Break things for about `seconds`. Each kind is drawn once before any comes again."""
        deadline = asyncio.get_running_loop().time() + seconds
        bag: list[str] = []
        while asyncio.get_running_loop().time() < deadline:
            if not bag:
                bag = self.chance.sample(self._kinds, len(self._kinds))
            self.drawn.append(bag.pop())
            await self._all[self.drawn[-1]]()
            await asyncio.sleep(self.chance.uniform(*pause))

    def _faults(self, lab: Lab, room: Classroom) -> dict[str, Fault]:
        breaker, chance = self.breaker, self.chance

        def any_worker() -> Worker:
            return chance.choice(lab.workers)

        return {
            "worker kill": lambda: breaker.kill_worker(any_worker(), chance.uniform(0.2, 2)),
            "worker freeze": lambda: breaker.freeze_worker(any_worker(), chance.choice([1.5, 4.0, 9.0])),
            "worker roll": lambda: breaker.roll_workers([any_worker()]),
            "redis subscribers": lambda: breaker.kill_subscribers(3),
            "redis freeze": lambda: breaker.freeze_redis(3),
            "redis restart": lambda: breaker.restart_redis(chance.choice([0.0, 3.0])),
            "redis vanish": lambda: breaker.vanish_redis(3),
            "redis pollute": breaker.pollute_redis,
            "database restart": lambda: breaker.restart_postgres(0),
            "database stop": lambda: breaker.restart_postgres(3),
            "database terminate": lambda: breaker.terminate_backends(2),
            "database lock": lambda: breaker.lock_table(3),
            "database cut": lambda: breaker.cut_from_database(any_worker(), chance.choice([2.0, 6.0])),
            "network drop": lambda: breaker.drop_clients(any_worker(), chance.choice([0.3, 1.0])),
            "network cut": lambda: breaker.cut_clients(any_worker(), chance.choice([2.0, 6.0])),
            "network up": lambda: breaker.cut_clients(any_worker(), 4, down=False),
            "network down": lambda: breaker.cut_clients(any_worker(), 4, up=False),
            "network weather": lambda: breaker.bad_weather(4),
            "network split": lambda: breaker.split_bytes(2),
            "network half": lambda: breaker.half_close_clients(any_worker()),
            "host reload": lambda: breaker.reload_host(room),
            "host away": lambda: breaker.lose_host(room, chance.uniform(0.5, min(8.0, room.grace - 4))),
        }
