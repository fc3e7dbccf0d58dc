"""The product and those whom people would pick instead, each started in its ordinary form and pinned to one core."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from bench.loader import Dialect, Load, Seat
from bench.school import School
from bench.settings import BENCH, PEERS, RAISED, ROOT, SERVER_CORE, put_first

START_SECONDS = 60.0
EIO = "/socket.io/?EIO=4&transport=websocket"
SOCKET_IO = Dialect(
    event='42/chat,["message",',
    ack="43/chat,",
    good='"ok":true',
    send='42/chat,%a["message_send",{"room_id":"%r","client_id":"%c","body":"%b"}]',
    seq='"seq":',
    engine_io=True,
)
PLAIN = Dialect(
    event='{"event":"message"',
    ack='{"ref":',
    good='"ok":true',
    send='{"ref":%a,"command":"message_send","data":{"client_id":"%c","body":"%b"}}',
    seq='"seq":',
    engine_io=False,
)


class Contender:
    """A server under load. `with` starts and stops it."""

    name: str
    core: int | None = SERVER_CORE

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.processes: list[subprocess.Popen[bytes]] = []

    def command(self) -> list[str]:
        """How it is started, the pinning left out."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it needs of the environment."""
        return {}

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        """Load for `rooms` rooms of `members` each, `senders` of whom write."""
        raise NotImplementedError

    @property
    def pids(self) -> list[str]:
        """What its CPU is counted by."""
        return [str(process.pid) for process in self.processes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        self.spawn(self.command(), self.environment())
        wait_for(lambda: can_connect(self.port), self.name)

    def spawn(self, command: list[str], environment: dict[str, str], *, core: int | None = None) -> None:
        """One process of it, pinned."""
        core = self.core if core is None else core
        pinned = command if core is None else ["taskset", "-c", str(core), *command]
        with (self.folder / "output.log").open("ab") as log:
            process = subprocess.Popen(
                pinned,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=log,
                stderr=log,
            )
        put_first(process.pid)
        self.processes.append(process)


class Chatapp(Contender):
    """The product as it ships, on SQLite, limits raised: every message committed and fsynced before its ack."""

    name = "chatapp"
    dialect = SOCKET_IO

    def __init__(self, database_url: str = "", **settings: str) -> None:
        super().__init__()
        self.settings = {
            "DATABASE_URL": database_url or f"sqlite:///{self.folder / 'chatapp.db'}",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "UPLOAD_DIR": str(self.folder / "uploads"),
            "LOG_LEVEL": "WARNING",
            **RAISED,
            **settings,
        }

    def command(self) -> list[str]:
        return [sys.executable, "wsgi.py"]

    def environment(self) -> dict[str, str]:
        return {**self.settings, "PORT": str(self.port)}

    def start(self) -> None:
        self.prepare()
        self.spawn(self.command(), self.environment())
        wait_for(lambda: is_ready(self.port), self.name)

    def prepare(self) -> None:
        """Migrate, and open the school."""
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.environment()},
            check=True,
            capture_output=True,
        )
        self.school = School(self.settings["DATABASE_URL"], self.settings["JWT_SECRET_KEY"])

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        seats: list[Seat] = []
        for _ in range(rooms):
            people = self.school.students(members)
            room_id = self.school.room(people)
            seats += [self.seat(self.school.token(who), room_id, n < senders) for n, who in enumerate(people)]
        return Load(self.pids, self.dialect, seats)

    def seat(self, token: str, room_id: str, sends: bool, after: int | None = None) -> Seat:
        """One who connects to /chat and enters a room."""
        entering: dict[str, object] = {"room_id": room_id} if after is None else {"room_id": room_id, "after": after}
        return Seat(
            room_id,
            sends,
            self.port,
            EIO,
            [
                ("0{", "40/chat," + json.dumps({"token": token})),
                ("40/chat,", "42/chat,0" + json.dumps(["room_enter", entering])),
                ('43/chat,0[{"ok":true', ""),
            ],
        )


class ChatappPlain(Chatapp):
    """The same by the plain WebSocket."""

    name = "chatapp, plain WebSocket"

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        loaded = super().load(members=members, senders=senders, rooms=rooms)
        tokens = [json.loads(seat.steps[0][1].partition(",")[2])["token"] for seat in loaded.seats]
        loaded.seats = [
            replace(seat, path=f"/ws/chat/{seat.room}/?token={token}", steps=[('{"event":"welcome"', "")])
            for seat, token in zip(loaded.seats, tokens, strict=True)
        ]
        return Load(self.pids, PLAIN, loaded.seats)


class SocketIoPeer(Contender):
    """Somebody else's Socket.IO server: connect, join, talk."""

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        seats = []
        for _ in range(rooms):
            room = secrets.token_hex(10)
            steps = [
                ("0{", '40/chat,{"name":"student"}'),
                ("40/chat,", f'42/chat,0["room_enter",{{"room_id":"{room}"}}]'),
                ("43/chat,0[", ""),
            ]
            seats += [Seat(room, n < senders, self.port, EIO, steps) for n in range(members)]
        return Load(self.pids, SOCKET_IO, seats)


class Node(SocketIoPeer):
    """Socket.IO on Node."""

    name = "Socket.IO on Node"

    def command(self) -> list[str]:
        return ["node", str(BENCH / "peers" / "node" / "server.mjs"), str(self.port)]

    def environment(self) -> dict[str, str]:
        return {"NODE_ENV": "production"}


class FlaskSocketIO(SocketIoPeer):
    """Stock Flask-SocketIO on eventlet."""

    name = "Flask-SocketIO"

    def command(self) -> list[str]:
        return [sys.executable, str(BENCH / "peers" / "flask_socketio" / "server.py"), str(self.port)]


class Channels(Contender):
    """Django Channels on uvicorn, storing."""

    name = "Django Channels"

    def command(self) -> list[str]:
        serve = ["--app-dir", str(BENCH / "peers" / "channels"), "--port", str(self.port), "--log-level", "warning"]
        return [str(PEERS / "channels" / "bin" / "uvicorn"), "asgi:application", *serve, "--backlog", "1024"]

    def environment(self) -> dict[str, str]:
        return {"BENCH_FOLDER": str(self.folder)}

    def load(self, *, members: int, senders: int, rooms: int = 1) -> Load:
        dialect = replace(
            PLAIN,
            event='{"event": "message"',
            ack='{"ref": ',
            good='"ok": true',
            seq='"seq": ',
            send='{"ref":%a,"client_id":"%c","body":"%b"}',
        )
        seats = []
        for _ in range(rooms):
            path = f"/ws/chat/{secrets.token_hex(10)}/"
            seats += [Seat(path, n < senders, self.port, path, [('{"event": "welcome"', "")]) for n in range(members)]
        return Load(self.pids, dialect, seats)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def can_connect(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def is_ready(port: int) -> bool:
    """Whether chatapp is ready there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Until `condition` holds. Raises TimeoutError."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)
