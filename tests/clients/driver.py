"""Members of a class on our own client libraries, each in a process of its own, as their users run them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from tests.faults.proxy import Proxy
from tests.support.people import Person
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
KINDS = ("javascript", "python-async", "python-sync")
Json = dict[str, Any]


def install(folder: Path) -> Path:
    """The JavaScript package as npm would install it, and the member beside it; where the member is."""
    library = ROOT / "tests" / "js" / "node_modules"
    assert (library / "socket.io-client").is_dir(), "run `npm ci` in tests/js"
    package = folder / "node_modules" / "chatapp-client"
    source = ROOT / "clients" / "javascript"
    for name in json.loads((source / "package.json").read_text())["files"]:
        found = source / name
        package.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if found.is_dir() else shutil.copyfile)(found, package / name)
    shutil.copyfile(source / "package.json", package / "package.json")
    (folder / "node_modules" / "socket.io-client").symlink_to(library / "socket.io-client")
    shutil.copyfile(HERE / "member.mjs", folder / "member.mjs")
    return folder / "member.mjs"


class Member:
    """One of them. `log` is what its user has seen, in the order of seeing."""

    def __init__(self, kind: str, person: Person, url: str, room: str, script: Path, kept: Json | None = None) -> None:
        signs_in = {"username": person.username, "password": person.password, "kept": kept or {}}
        asked = json.dumps({"url": url, "room": room, **signs_in})
        node = shutil.which("node")
        assert node, "node is not installed: `make services` installs it"
        command = {
            "javascript": [node, str(script), asked],
            "python-async": [sys.executable, str(HERE / "member.py"), "async", asked],
            "python-sync": [sys.executable, str(HERE / "member.py"), "sync", asked],
        }[kind]
        self.kind, self.person = kind, person
        self.heard: list[Json] = []
        self.errors: list[str] = []
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={"PYTHONPATH": str(ROOT / "clients" / "python" / "src"), "PYTHONWARNINGS": "error"},
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._hear), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors.append), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __repr__(self) -> str:
        return f"<{self.kind}>"

    def _read(self, stream: Any, take: Any) -> None:
        for line in stream:
            take(line)
        stream.close()

    def _hear(self, line: str) -> None:
        self.heard.append(json.loads(line))

    def order(self, op: str, **fields: Any) -> None:
        """Tell it what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"op": op, **fields}) + "\n")
        self.process.stdin.flush()

    def send(self, *bodies: str) -> None:
        """Say something, or several things."""
        for body in bodies:
            self.order("send", body=body)

    @property
    def log(self) -> list[tuple[int, str | None]]:
        """(seq, body) of each message shown; what was dropped for another log is gone."""
        shown: list[tuple[int, str | None]] = []
        for each in list(self.heard):
            if each["kind"] == "said":
                shown = [] if each["fresh"] else shown
                shown.append((each["seq"], each["body"]))
        return shown

    def count(self, kind: str, **fields: Any) -> int:
        """How often it told this."""
        return sum(
            each["kind"] == kind and all(each.get(name) == value for name, value in fields.items())
            for each in list(self.heard)
        )

    def wait(self, kind: str, times: int = 1, within: float = 40.0, **fields: Any) -> None:
        """Until it has told this so often."""
        eventually(
            lambda: self.count(kind, **fields) >= times,
            within=within,
            message=lambda: f"{self} never told {kind} {fields}: {self.heard[-8:]} {self.errors}",
        )

    def wait_log(self, truth: Callable[[], list[tuple[int, str | None]]]) -> None:
        """Until it has seen exactly this."""
        eventually(lambda: self.log == truth(), within=40, message=lambda: f"{self}: {self.log}")

    def wait_stood(self, *bodies: str) -> None:
        """Until the server has acknowledged these."""
        for body in bodies:
            self.wait("stood", body=body)

    @property
    def kept(self) -> Json:
        """What it last said is to be kept."""
        self.wait("kept")
        told = [each for each in list(self.heard) if each["kind"] == "kept"]
        return {name: value for name, value in told[-1].items() if name != "kind"}

    def close(self) -> None:
        """End it, and expect no complaint."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self} does not end: {self.errors}") from None
        for thread in self._threads:
            thread.join(5)
        assert (status, self.errors) == (0, []), f"{self}: {status} {self.errors}"

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Network:
    """A proxy before a server, in an event loop of its own thread."""

    def __init__(self, port: int) -> None:
        self.proxy = Proxy(("127.0.0.1", port))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.proxy.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.proxy.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.proxy.port}"

    def away(self) -> None:
        """Cut everything, take nobody."""

        def cut() -> None:
            self.proxy.change(refuse=True)
            self.proxy.drop_all()

        self._do(cut)

    def silent(self) -> None:
        """Nothing arrives, either way, and nobody is told."""
        self._do(lambda: self.proxy.change(paused_up=True, paused_down=True))

    def back(self) -> None:
        """As before."""
        self._do(self.proxy.calm)

    def _do(self, work: Any) -> None:
        async def doing() -> None:
            work()

        asyncio.run_coroutine_threadsafe(doing(), self._loop).result(10)


@contextlib.contextmanager
def members(
    people: dict[str, Person],
    url: str | dict[str, str],
    room: str,
    folder: Path,
    kept: dict[str, Json] | None = None,
) -> Iterator[list[Member]]:
    """One member of each kind, inside the room. `url` may differ by kind; `kept` is of earlier ones."""
    script = install(folder)
    made = [
        Member(kind, person, url if isinstance(url, str) else url[kind], room, script, (kept or {}).get(kind))
        for kind, person in people.items()
    ]
    try:
        yield made
    except BaseException:
        for member in made:
            member.kill()
        raise
    for member in made:
        member.close()
