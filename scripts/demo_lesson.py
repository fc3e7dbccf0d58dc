"""`make demo-lesson`: a class reads a scene of a play, each character a student, through REST and sockets.

Everybody waits for the cue on their own connection. In the end the room's transcript must be the text, byte for byte,
and everybody must have heard all of it. The exit status says so. What is read is explained in demo/README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import ledger  # noqa: E402
from tests.support.clients.member import Member  # noqa: E402
from tests.support.clients.plain import plain_member  # noqa: E402
from tests.support.clients.sio import sio_member  # noqa: E402
from tests.support.people import Person  # noqa: E402
from tests.support.server import a_school  # noqa: E402

SCENE = ROOT / "demo" / "twelfth-night-3-4.txt"
TEACHER = "The teacher"
SPEECH = re.compile(r"([A-Z][A-Z ]+)\.\n(.+)", re.DOTALL)

WAYS: tuple[tuple[str, Callable[[Person], Member]], ...] = (
    ("Socket.IO, WebSocket", lambda person: sio_member(person, "websocket")),
    ("Socket.IO, long-polling", lambda person: sio_member(person, "polling")),
    ("plain WebSocket", plain_member),
    ("Socket.IO, upgrading", lambda person: sio_member(person, "upgrade")),
)


@dataclass(frozen=True)
class Line:
    """One paragraph, and who says it. The teacher reads the title and the directions between speeches."""

    speaker: str
    body: str


@dataclass(frozen=True)
class Reader:
    """Somebody with a part, and how they are connected."""

    member: Member
    way: str


def parse(text: str) -> list[Line]:
    """The paragraphs of a scene. A speaker goes on until another one is named."""
    lines: list[Line] = []
    speaker = TEACHER
    for paragraph in text.rstrip("\n").split("\n\n"):
        if speech := SPEECH.fullmatch(paragraph):
            speaker = speech[1].title()
            lines.append(Line(speaker, speech[2]))
        else:
            lines.append(Line(TEACHER if paragraph.startswith(("[", "SCENE")) else speaker, paragraph))
    return lines


def render(lines: list[Line]) -> str:
    """The text again: a speaker is named where another one spoke before."""
    paragraphs: list[str] = []
    speaker = TEACHER
    for line in lines:
        if line.speaker in (TEACHER, speaker):
            paragraphs.append(line.body)
        else:
            speaker = line.speaker
            paragraphs.append(f"{speaker.upper()}.\n{line.body}")
    return "\n\n".join(paragraphs) + "\n"


def transcript(log: list[dict[str, Any]], teacher: Person) -> str:
    """What the room's log says was said."""
    return render(
        [
            Line(TEACHER if each["sender"]["id"] == teacher.id else each["sender"]["display_name"], each["body"])
            for each in log
            if each["type"] == "text"
        ]
    )


def assemble(teacher: Person, characters: list[str]) -> tuple[str, dict[str, Reader]]:
    """A room with everybody in it: they register, knock, are let in, and enter."""
    room = teacher.rest.create_room("Twelfth Night, act 3, scene 4", host_grace_seconds=600)
    ways = itertools.cycle(WAYS)
    way, connect = next(ways)
    readers = {TEACHER: Reader(connect(teacher), way)}
    tag = secrets.token_hex(3)
    for character in characters:
        username = f"{character.lower().replace(' ', '-')}-{tag}"
        student = Person.registered(teacher.url, username, secrets.token_urlsafe(12), character)
        student.rest.knock(room["id"], f"May I read {character}?").ok(201)
        way, connect = next(ways)
        readers[character] = Reader(connect(student), way)
    let_in = teacher.rest.approve(room["id"], all=True).ok(200)["results"]
    print(f"{len(let_in)} students knocked at {room['title']!r} and were let in.")
    for reader in readers.values():
        reader.member.connect()
        reader.member.enter(room["id"])
    return str(room["id"]), readers


def read_aloud(lines: list[Line], room_id: str, readers: dict[str, Reader]) -> None:
    """One after the other; nobody speaks before the cue has come. Every fourth line goes by REST."""
    said = 0
    for number, line in enumerate(lines, 1):
        reader = readers[line.speaker]
        reader.member.wait_seq(room_id, said)
        by_rest = number % 4 == 0
        said = send_by_rest(reader.member, room_id, line.body) if by_rest else send(reader.member, room_id, line.body)
        first, *_ = line.body.strip().splitlines()
        print(f"{number:4}/{len(lines)}  {line.speaker:15} {'REST' if by_rest else reader.way:24} {first[:60]}")


def send(member: Member, room_id: str, body: str) -> int:
    """Send on the member's own connection; the message's seq."""
    return int(member.send(room_id, body)["message"]["seq"])


def send_by_rest(member: Member, room_id: str, body: str) -> int:
    """Send over REST, again with the same id when that was too soon; the message's seq."""
    client_id = member.new_client_id()
    while (answer := member.person.rest.send(room_id, client_id, body)).status == 429:
        time.sleep(float(answer.headers["Retry-After"]))
    return int(answer.ok(201)["seq"])


def compare(text: str, room_id: str, teacher: Person, readers: dict[str, Reader]) -> list[str]:
    """What is not as it should be."""
    log = teacher.rest.room_log(room_id)
    wanted, got = text.encode(), transcript(log, teacher).encode()
    for name, data in (("text", wanted), ("transcript", got)):
        print(f"{name:10} {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    faults = [] if wanted == got else ["the transcript is not the text"]
    for name, reader in readers.items():
        reader.member.wait_seq(room_id, len(log))
        received = reader.member.rooms[room_id]
        heard = received.faults + ledger.faults(
            received.messages, log, first=min(message["seq"] for message in received.messages)
        )
        faults += [f"{name} ({reader.way}): {fault}" for fault in heard]
    return faults


@contextmanager
def school(url: str | None, teacher: str, password: str) -> Iterator[Person]:
    """A teacher at the school at `url`, or at one that lives as long as this."""
    if url:
        yield Person.signed_in(url.rstrip("/"), teacher, password)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        a_school(Path(folder), LIMIT_SENDS="50/second", LIMIT_SENDS_BURST="50") as server,
    ):
        yield server.teacher()


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--url", help="a running school, such as http://127.0.0.1:5000; without it one is started")
    options.add_argument("--teacher", default="teacher", help="an account there that may create rooms")
    options.add_argument("--password", default="chatapp-demo")
    given = options.parse_args()

    text = SCENE.read_text(encoding="utf-8")
    lines = parse(text)
    characters = list(dict.fromkeys(line.speaker for line in lines if line.speaker != TEACHER))
    with school(given.url, given.teacher, given.password) as teacher:
        begun = time.monotonic()
        room_id, readers = assemble(teacher, characters)
        try:
            read_aloud(lines, room_id, readers)
            faults = compare(text, room_id, teacher, readers)
        finally:
            for reader in readers.values():
                reader.member.close()
        teacher.rest.close(room_id).ok(200)
    for fault in faults:
        print(f"FAULT      {fault}")
    print(
        f"{'NOT equal' if faults else 'Equal, byte for byte'}: {len(lines)} lines by {len(characters)} students and "
        f"their teacher in {time.monotonic() - begun:.1f} s."
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
