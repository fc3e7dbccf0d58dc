"""A newcomer's walk, from a clean clone to a school that was restored, with no more than README.md says.

Installing asks the package registries; everything runs in the clone, in an environment with nothing in it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from config import ROOT
from tests.support.lacking import program
from tests.support.people import Person
from tests.support.receiver import Receiver
from tests.support.server import free_port
from tests.support.wait import eventually

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_THE_NETWORK = re.compile(r"pip_|npm_config_|ssl_|node_extra_|requests_ca|https?_proxy|no_proxy", re.IGNORECASE)
"""How this machine reaches the registries is all that the newcomer has of it."""


def shown(language: str) -> str:
    """The fenced block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


def told_to_install(what: str) -> str:
    """The command that README.md gives for a library."""
    (found,) = re.findall(rf"`({what} install [^`]+)`", README)
    return str(found)


class Newcomer:
    """Somebody at a shell in the clone."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.clone = folder / "chatapp"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = folder / "make.txt"
        self.env = {name: value for name, value in os.environ.items() if OF_THE_NETWORK.match(name)}
        tools = dict.fromkeys(str(Path(program(name, package=name)).parent) for name in ("make", "npm", "git", "curl"))
        self.env |= {"HOME": str(folder), "PATH": ":".join([*tools, "/usr/bin", "/bin"]), "LANG": "C.UTF-8"}
        self.env |= {"PORT": str(self.port), "WEBHOOK_PRIVATE": "true"}
        self.serving: subprocess.Popen[bytes] | None = None

    def type(self, command: str, where: Path | None = None) -> str:
        """Type something that ends well; what it said."""
        done = self.tried(command, where)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, command: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Type something."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.replace("http://127.0.0.1:5000", self.url)],
            cwd=where or self.clone,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def serve(self) -> None:
        """`make serve`, until it answers."""
        with self.said.open("ab") as file:
            self.serving = subprocess.Popen(
                ["make", "serve"], cwd=self.clone, env=self.env, stdout=file, stderr=file, start_new_session=True
            )
        eventually(self._answers, within=600, message=self.said.read_text)

    def _answers(self) -> bool:
        assert self.serving is not None and self.serving.poll() is None, self.said.read_text()
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        return False

    def stop(self) -> None:
        """Ctrl+C."""
        serving, self.serving = self.serving, None
        if serving is not None:
            os.killpg(serving.pid, signal.SIGINT)
            serving.wait(30)


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    made = Newcomer(tmp_path)
    yield made
    made.stop()


def test_from_a_clean_clone_to_a_school_that_was_restored(newcomer: Newcomer, receiver: Receiver) -> None:
    newcomer.type(f"git clone --quiet {ROOT} {newcomer.clone}", newcomer.home)
    newcomer.serve()
    told = newcomer.said.read_text()
    assert f"chatapp    {newcomer.url}" in told and "password chatapp-demo" in told
    teacher = Person.signed_in(newcomer.url, "teacher", "chatapp-demo")

    # A program that is told of the class
    (room,) = teacher.rest.get("/api/chat/?mine=true").ok(200)["items"]
    hook = teacher.rest.post("/api/webhooks/", {"url": receiver.url, "room_id": room["id"]}).ok(201)

    # A client in each language
    exported = newcomer.type(shown("sh") + '\necho "$TOKEN $ROOM"').split()
    newcomer.env |= dict(zip(("TOKEN", "ROOM"), exported, strict=True))
    newcomer.type(f". .venv/bin/activate && {told_to_install('pip')}")
    (newcomer.home / "client.py").write_text(shown("python").replace("http://127.0.0.1:5000", newcomer.url))
    assert "'ok': True" in newcomer.type(f".venv/bin/python {newcomer.home}/client.py")
    newcomer.type(told_to_install("npm"), newcomer.home)
    (newcomer.home / "client.mjs").write_text(shown("js").replace("http://127.0.0.1:5000", newcomer.url))
    listening = subprocess.Popen(["node", "client.mjs"], cwd=newcomer.home, env=newcomer.env, stdout=subprocess.DEVNULL)
    try:
        bodies = ["Hello from Python", "Hello from JavaScript"]
        eventually(lambda: [each["body"] for each in teacher.rest.room_log(room["id"])][-2:] == bodies, within=30)
    finally:
        listening.kill()
        listening.wait()

    # What the program was told, signed
    eventually(lambda: len(receiver.got) == 2, within=30, message=lambda: str(receiver.got))
    for (headers, body), said in zip(receiver.got, bodies, strict=True):
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{wanted}" and said.encode() in body

    # A backup, a mishap, and the school of before
    (first,) = re.findall(r"For the school of `make serve`, first `(.+)`\.", README)
    flask = f"{first}; flask --app wsgi"
    assert "4 people" in newcomer.type(f"{flask} backup ../school.tar.gz")
    teacher.rest.send(room["id"], "mishap", "What should not have been said").ok(201)
    assert "Restored." in newcomer.type(f"{flask} restore ../school.tar.gz --yes")
    assert [each["body"] for each in teacher.rest.room_log(room["id"])][-2:] == bodies
    again = f".venv/bin/python {newcomer.home}/client.py"  # five lines do not wait for a worker that begins anew
    eventually(lambda: "'ok': True" in newcomer.tried(again).stdout, within=60)

    newcomer.stop()
    newcomer.serve()
    assert [each["body"] for each in teacher.rest.room_log(room["id"])][-3:] == [*bodies, "Hello from Python"]
