"""The client libraries are what they say: made from the contract and from the pages' own modules, and importable."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from typing import Any

from chatapp_client.log import Log
from chatapp_client.things import Snapshot

from scripts import write_clients

CLIENTS = write_clients.ROOT / "clients"


def test_what_is_shared_with_the_server_is_current() -> None:
    for path, text in write_clients.files().items():
        assert path.read_text() == text, f"{path.name} is stale: run scripts/write_clients.py"


def test_the_pages_and_the_package_differ_in_the_librarys_name_alone() -> None:
    for path in write_clients.PAGES.glob("*.js"):
        ours, theirs = path.read_text(), (write_clients.JAVASCRIPT / "src" / path.name).read_text()
        differing = [pair for pair in zip(ours.splitlines(), theirs.splitlines(), strict=True) if len(set(pair)) == 2]
        assert len(differing) == (path.name == "socket.js"), path.name


def test_the_javascript_package_needs_one_library_and_exports_what_it_types() -> None:
    package = json.loads((CLIENTS / "javascript" / "package.json").read_text())
    assert list(package["dependencies"]) == ["socket.io-client"]
    index = (CLIENTS / "javascript" / "src" / "index.js").read_text()
    exported = set(re.findall(r"\w+", " ".join(re.findall(r"\{([^}]+)\}", index))))
    typed = (CLIENTS / "javascript" / "index.d.ts").read_text()
    assert exported and all(re.search(rf"export (class|function) {name}\b", typed) for name in exported)


def test_the_python_package_is_typed_and_its_examples_are_python() -> None:
    project = tomllib.loads((CLIENTS / "python" / "pyproject.toml").read_text())["project"]
    assert [need.partition("[")[0] for need in project["dependencies"]] == ["python-socketio"]
    assert (CLIENTS / "python" / "src" / "chatapp_client" / "py.typed").exists()
    examples = re.findall(r"```python\n(.*?)```", (CLIENTS / "python" / "README.md").read_text(), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        ast.parse(example)


def test_a_log_of_another_epoch_begins_anew() -> None:
    log = Log()
    message: Any = {"seq": 1}
    assert log.cursor == {}
    answer = {"messages": [message], "epoch": "e", "more": False, "reset": False}
    assert log.enter(_snapshot(answer)) == (True, [message])
    assert log.cursor == {"after": 1, "epoch": "e"}
    assert log.enter(_snapshot({**answer, "messages": [], "epoch": "e"})) == (False, [])
    assert log.enter(_snapshot({**answer, "epoch": "f"})) == (True, [message])


def _snapshot(answer: dict[str, object]) -> Snapshot:
    return answer  # type: ignore[return-value]  # the fields that a log reads
