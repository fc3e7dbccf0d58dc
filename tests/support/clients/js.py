"""The Socket.IO client for JavaScript, with its default options, as a wire: many of them in one Node process."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.member import Member
from tests.support.clients.wire import CHAT, Answered, Data, Wire
from tests.support.people import Person

SCRIPT = Path(__file__).resolve().parents[2] / "js" / "client.mjs"


class Node:
    """A Node process with clients in it."""

    def __init__(self) -> None:
        node = shutil.which("node")
        assert node, "node is not installed: `make services` installs it"
        assert (SCRIPT.parent / "node_modules").is_dir(), "run `npm ci` in tests/js"
        self.process = subprocess.Popen(
            [node, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
        )
        self.wires: dict[str, JsWire] = {}
        self.ready = threading.Event()
        self._write_lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.ready.wait(20), "node said nothing"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if said["kind"] == "ready":
                self.ready.set()
            else:
                self.wires[said["client"]].heard(said)

    def order(self, **order: Any) -> None:
        """Tell the process to do something."""
        assert self.process.stdin is not None
        with self._write_lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def close(self) -> None:
        """End it: it goes when its standard input ends."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class JsWire(Wire):
    """One client in a `Node`, two namespaces or one."""

    _numbers = itertools.count(1)

    def __init__(
        self, person: Person, node: Node, *, namespaces: tuple[str, ...] = (CHAT,), options: Data | None = None
    ) -> None:
        self.person = person
        self.node = node
        self.name = f"client{next(self._numbers)}"
        self.namespaces = namespaces
        self.options = options or {}
        self.transports: list[str] = []
        self.answers: dict[int, Answered] = {}
        self.refs = itertools.count(1)
        self.away = False
        self.came_back = threading.Event()
        node.wires[self.name] = self

    def heard(self, said: Data) -> None:
        """Something came from the process."""
        kind = said["kind"]
        if kind == "event":
            self.listener.on_event(said["name"], said["data"])
        elif kind == "ack":
            self.answers.pop(said["ref"])(said["data"])
        elif kind == "connect":
            self.listener.on_connect()
        elif kind == "disconnect":
            self.answers.clear()
            self.listener.on_disconnect(said["reason"])
        elif kind == "upgrade":
            self.transports.append(said["name"])
        elif said["error"] is not None:
            self.listener.on_refused(said["error"])

    def connect(self) -> None:
        self.node.order(
            op="connect",
            client=self.name,
            url=self.person.url,
            token=self.person.token,
            namespaces=list(self.namespaces),
            options=self.options,
        )

    def command(self, name: str, data: Data, answered: Answered, namespace: str = CHAT) -> None:
        self.commands([(name, data, answered)], namespace)

    def commands(self, commands: list[tuple[str, Data, Answered]], namespace: str = CHAT) -> None:
        """Several commands in one tick of the client."""
        lines = []
        for name, data, answered in commands:
            ref = next(self.refs)
            self.answers[ref] = answered
            lines.append({"namespace": namespace, "name": name, "data": data, "ref": ref})
        self.node.order(op="emit", client=self.name, commands=lines)

    def enter(self, room_id: str, resume: Data, answered: Answered) -> None:
        self.command("room_enter", {"room_id": room_id, **resume}, answered)

    def reload(self) -> None:
        self.node.order(op="cut", client=self.name)

    def cut(self) -> None:
        self.node.order(op="close", client=self.name)

    def close(self) -> None:
        self.node.order(op="close", client=self.name)


class JsMember(Member):
    """A member whose bursts leave in one tick of JavaScript."""

    wire: JsWire

    def burst(self, name: str, items: list[Data], answered: Answered) -> None:
        self.wire.commands([(name, data, answered) for data in items])


def js_member(person: Person, node: Node, **options: Any) -> JsMember:
    """`person` on the JavaScript client, not yet connected. `options` are those of `JsWire`."""
    return JsMember(person, JsWire(person, node, **options))


@pytest.fixture
def node() -> Iterator[Node]:
    """A Node process for one test."""
    process = Node()
    yield process
    process.close()
