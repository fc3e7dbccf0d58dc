"""What README.md says works: its commands and its clients run as they stand, but for the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from tests.support.people import Person
from tests.support.server import ServerProcess
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

SERVER_ENV = {"DEMO": "true"}


def block(language: str) -> str:
    """The one fenced block in `language`."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_two_clients_have_five_lines_each() -> None:
    assert block("js").count("\n") == block("python").count("\n") == 5


def test_everything_it_points_to_exists() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets and [target for target in targets if not (ROOT / target).exists()] == []


def test_every_command_of_make_and_every_folder_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named >= {"serve", "test", "demo-lesson"}
    assert [name for name in named if f"\n{name}:" not in makefile and f" {name}:" not in makefile] == []
    tree = README[README.index("config.py  wsgi.py") :].partition("```")[0]
    parts = re.findall(r"^(\S+)|\s{2}([\w/]+(?:\.py|/))", tree, re.MULTILINE)
    assert [name for pair in parts for name in pair if name and not (ROOT / name).exists()] == []


def test_every_setting_it_names_exists() -> None:
    known = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})`", README))
    assert named and named <= known


@pytest.fixture
def school(server: ServerProcess) -> ServerProcess:
    """A server with the demo class."""
    done = server.flask("demo")
    assert done.returncode == 0, done.stderr
    return server


@pytest.fixture
def environment(school: ServerProcess) -> dict[str, str]:
    """TOKEN and ROOM as the shell block exports them."""
    shell = here(block("sh"), school) + '\necho "TOKEN=$TOKEN"; echo "ROOM=$ROOM"\n'
    python = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-e", "-c", shell],
        env={"PATH": f"{python}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    exported = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert exported["TOKEN"] and exported["ROOM"]
    return exported


def here(code: str, school: ServerProcess) -> str:
    """The same code for the port of the test's server."""
    assert "http://127.0.0.1:5000" in code
    return code.replace("http://127.0.0.1:5000", school.url)


@pytest.mark.service
def test_the_python_client_runs(school: ServerProcess, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", here(block("python"), school)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    history, ack = done.stdout.splitlines()
    assert "A hammer and a feather" in history
    assert "'ok': True" in ack and "Hello from Python" in ack


@pytest.mark.service
def test_the_javascript_client_runs_and_listens(school: ServerProcess, environment: dict[str, str]) -> None:
    teacher = Person.signed_in(school.url, "teacher", "chatapp-demo")
    process = subprocess.Popen(
        ["node", "--input-type=module", "-e", here(block("js"), school)],
        cwd=ROOT / "tests" / "js",
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = Listener(process.stdout)
    try:
        said.wait_for("A hammer and a feather")
        said.wait_for("ok: true")
        teacher.rest.send(environment["ROOM"], "answer", "Welcome, JavaScript").ok(201)
        said.wait_for("Ms Rivera Welcome, JavaScript")
    finally:
        process.kill()
        process.wait()
        said.join()
    log = teacher.rest.room_log(environment["ROOM"])
    assert "Hello from JavaScript" in [message["body"] for message in log]


class Listener(threading.Thread):
    """Gathers what a process says."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.text = ""
        self.start()

    def run(self) -> None:
        with self.stream:
            for line in self.stream:
                self.text += line

    def wait_for(self, part: str) -> None:
        eventually(lambda: part in self.text, within=20, message=lambda: f"no {part!r} in:\n{self.text}")


@pytest.mark.service
def test_what_it_says_of_the_demo_class_is_so(school: ServerProcess) -> None:
    for name in re.findall(r"`((?:teacher|student\d))`", README):
        Person.signed_in(school.url, name, "chatapp-demo")
    waiting = Person.signed_in(school.url, "student3", "chatapp-demo")
    (card,) = waiting.rest.get("/api/chat/").ok(200)["items"]
    assert card["my_role"] == "pending"
