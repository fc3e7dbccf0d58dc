"""The client packages as their users get them: built, installed where nothing else is, the READMEs' examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.driver import ROOT, install
from tests.support.lacking import program
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = [pytest.mark.service, pytest.mark.timeout(400)]
CLIENTS = ROOT / "clients"


def run(*command: object, folder: Path) -> str:
    """A command that has to end well; what it said."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def examples(package: str, language: str) -> list[str]:
    """What a README shows."""
    found = re.findall(rf"```{language}\n(.*?)```", (CLIENTS / package / "README.md").read_text(), re.DOTALL)
    assert found
    return found


class Lesson:
    """A room with its host and one member, and the examples' words for them."""

    def __init__(self, server: ServerProcess) -> None:
        self.url = server.url
        self.host = server.teacher()
        (self.ben,) = server.students(1)
        self.room_id: str = self.host.rest.create_room(admission="open")["id"]
        self.ben.rest.knock(self.room_id).ok(201)

    def here(self, example: str) -> str:
        """The example for this lesson: its server, its member, its room."""
        assert "http://127.0.0.1:5000" in example and '"ben"' in example and example.count('"…"') == 2
        text = example.replace("http://127.0.0.1:5000", self.url).replace('"ben"', f'"{self.ben.username}"')
        return text.replace('"…"', f'"{self.ben.password}"', 1).replace('"…"', f'"{self.room_id}"', 1)

    def is_said(self, body: str) -> bool:
        """Whether the member has said this."""
        log = self.host.rest.room_log(self.room_id)
        return any(each["body"] == body and (each["sender"] or {}).get("id") == self.ben.id for each in log)


@pytest.fixture
def lesson(server: ServerProcess) -> Lesson:
    return Lesson(server)


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[Path]:
    """A program for so long; the file in which stands what it says."""
    said = folder / "said.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield said
        assert process.poll() is None, said.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which nothing is installed but our wheel and what that asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    source = Path(shutil.copytree(CLIENTS / "python", folder / "source"))  # what is built leaves traces beside it
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source, folder=folder)
    (wheel,) = folder.glob("chatapp_client-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = CLIENTS / "python" / "src" / "chatapp_client"
    ours = {f"chatapp_client/{path.name}" for path in package.iterdir() if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == ours and "chatapp_client/py.typed" in ours
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    there = folder / "venv" / "bin" / "python"
    run(there, "-m", "pip", "install", "--quiet", wheel, folder=folder)
    return there


def test_the_wheel_stands_by_itself(python: Path, tmp_path: Path) -> None:
    code = "import chatapp_client, chatapp_client.sync as sync; print(chatapp_client.__file__, sync.Client.__name__)"
    told = run(python, "-W", "error", "-c", code, folder=tmp_path)
    assert str(python.parent.parent) in told
    run(python, "-m", "pip", "check", folder=tmp_path)


@pytest.mark.parametrize(("number", "shown"), [(0, r"\d+ Hello!"), (1, r"Said\(.*Hello!")], ids=["asyncio", "sync"])
def test_the_python_readmes_examples_run_on_the_wheel(
    python: Path, tmp_path: Path, lesson: Lesson, number: int, shown: str
) -> None:
    code = lesson.here(examples("python", "python")[number])
    with running([str(python), "-u", "-W", "error", "-c", code], tmp_path) as said:
        eventually(lambda: lesson.is_said("Hello!"), within=30, message=said.read_text)
        eventually(lambda: re.search(shown, said.read_text()) is not None, within=30, message=said.read_text)


def test_the_javascript_readmes_example_runs_on_the_package(tmp_path: Path, lesson: Lesson) -> None:
    install(tmp_path)
    (example,) = examples("javascript", "js")
    (tmp_path / "example.mjs").write_text(lesson.here(example))
    with running([program("node", package="nodejs"), "example.mjs"], tmp_path) as said:
        eventually(lambda: lesson.is_said("Hello!"), within=30, message=said.read_text)
        eventually(lambda: re.search(r"\d+ .* Hello!", said.read_text()) is not None, within=30, message=said.read_text)


def test_npm_packs_what_the_package_needs_and_nothing_else(tmp_path: Path) -> None:
    command = [program("npm", package="npm"), "pack", "--silent", "--ignore-scripts", CLIENTS / "javascript"]
    packed = tmp_path / run(*command, folder=tmp_path).strip()
    listed = set(run("tar", "-tzf", packed, folder=tmp_path).split())
    source = CLIENTS / "javascript"
    wanted = {f"package/src/{path.name}" for path in (source / "src").iterdir()}
    wanted |= {f"package/{name}" for name in ("package.json", "README.md", "index.d.ts", "things.d.ts")}
    assert listed - {"package/LICENSE"} == wanted
