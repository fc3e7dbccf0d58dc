"""200 uploads at once from 20 users while a room of 100 talks: what the talking notices, and what memory it takes.

    python -m bench.uploads

One worker on SQLite, limits as they ship. The load generator shares the machine, so the numbers are an upper bound.
"""

from __future__ import annotations

import asyncio
import io
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from tests.support import samples
from tests.support.people import Person
from tests.support.server import ServerProcess

MEMBERS, UPLOADERS, EACH = 100, 20, 10
TALKERS, PAUSE = 10, 1.0
QUIET_SECONDS = 15.0


def photo() -> bytes:
    """As a phone makes it, about a megabyte."""
    image = Image.effect_noise((1600, 1200), 60).convert("RGB")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


class Room:
    """Members who listen, some who talk, and when everything came."""

    def __init__(self, server: ServerProcess, room_id: str, people: list[Person]) -> None:
        self.url = f"ws://127.0.0.1:{server.port}/ws/chat/{room_id}/?token="
        self.people = people
        self.sent: dict[str, float] = {}
        self.took: list[float] = []
        self.entered = 0

    async def member(self, session: aiohttp.ClientSession, person: Person, talks: bool) -> None:
        async with session.ws_connect(self.url + person.token, max_msg_size=0) as socket:
            talking = asyncio.create_task(self.talk(socket, person)) if talks else None
            async for frame in socket:
                told = frame.json()
                if told.get("event") == "welcome":
                    self.entered += 1
                if told.get("event") == "message" and told["data"]["client_id"] in self.sent:
                    self.took.append(time.monotonic() - self.sent[told["data"]["client_id"]])
            if talking:
                talking.cancel()

    async def talk(self, socket: aiohttp.ClientWebSocketResponse, person: Person) -> None:
        for number in range(10_000):
            await asyncio.sleep(PAUSE * random.uniform(0.8, 1.2))
            client_id = f"{person.id}-{number}"
            self.sent[client_id] = time.monotonic()
            data = {"client_id": client_id, "body": "What do you make of it?"}
            await socket.send_json({"ref": number, "command": "message_send", "data": data})


def percentiles(took: list[float]) -> str:
    took = sorted(took)
    at = [f"p{p} {took[int(len(took) * p / 100)] * 1000:.0f} ms" for p in (50, 95, 99)]
    return f"{len(took)} deliveries, {', '.join(at)}, longest {took[-1] * 1000:.0f} ms"


def memory(server: ServerProcess) -> str:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("Vm")}
    return f"{found['VmRSS']} MiB now, {found['VmHWM']} MiB at most"


def bring(person: Person, room_id: str, contents: list[tuple[str, bytes]], answers: list[Any]) -> None:
    for number in range(EACH):
        name, content = contents[number % len(contents)]
        for _ in range(20):
            query = f"?send=true&client_id={person.id}-{number}"
            files = {"file": (name, content)}
            begun = time.monotonic()
            answer = person.rest.call("POST", f"/api/chat/{room_id}/files/{query}", files=files)
            if answer.status not in (429, 503):
                break
            time.sleep(answer.body["retry_after"])
        answers.append((answer.status, time.monotonic() - begun))


async def run(server: ServerProcess) -> None:
    host, people = server.teacher(), server.students(MEMBERS - 1)
    room_id = host.rest.create_room()["id"]
    for person in people:
        person.rest.knock(room_id).ok(201)
    host.rest.approve(room_id, all=True).ok()
    room = Room(server, room_id, [host, *people])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        members = [
            asyncio.create_task(room.member(session, person, talks=number < TALKERS))
            for number, person in enumerate(room.people)
        ]
        while room.entered < MEMBERS:
            await asyncio.sleep(0.1)
        room.took.clear()
        await asyncio.sleep(QUIET_SECONDS)
        print(f"quiet: {percentiles(room.took)}; memory {memory(server)}")
        room.took.clear()
        answers: list[Any] = []
        contents = [("photo.jpg", photo()), ("sheet.pdf", samples.PDF + b"%" * 2_000_000)]
        threads = [
            threading.Thread(target=bring, args=(person, room_id, contents, answers)) for person in people[-UPLOADERS:]
        ]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            await asyncio.sleep(0.2)
        seconds = time.monotonic() - begun
        print(f"loud: {percentiles(room.took)}; memory {memory(server)}")
        done = sum(status in (200, 201) for status, _ in answers)
        print(f"{done} of {len(answers)} uploads in {seconds:.0f} s, the slowest {max(t for _, t in answers):.1f} s")
        left = list((server.folder / "uploads" / "incoming").iterdir())
        files = sum(message["type"] == "file" for message in host.rest.room_log(room_id))
        print(f"{files} files in the log, {len(left)} left behind")
        for task in members:
            task.cancel()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder), f"sqlite:///{folder}/chatapp.db")
        server.found()
        with server:
            asyncio.run(run(server))


if __name__ == "__main__":
    main()
