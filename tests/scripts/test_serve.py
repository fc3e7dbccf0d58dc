"""`scripts/serve` up to the server: its keys, its order, what it refuses. Flask and wsgi.py are stand-ins."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

STAND_IN = '#!/bin/sh\necho "ran: flask $*"\n'
SERVER = 'import config\nsettings = config.load_settings()\nprint("ran: wsgi.py", settings.port)\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with just what the script touches."""
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "serve", tmp_path / "scripts")
    shutil.copy(ROOT / "config.py", tmp_path)
    shutil.copytree(ROOT / "settings", tmp_path / "settings")
    (tmp_path / "wsgi.py").write_text(SERVER)
    for name, text in {"flask": STAND_IN, "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n'}.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    return tmp_path


def serve(tree: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", **environ}
    return subprocess.run(
        [tree / "scripts" / "serve"], env=environ, capture_output=True, text=True, check=False, timeout=30
    )


def ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^ran: (.*)$", done.stdout, re.MULTILINE)


def test_the_first_run_migrates_makes_the_demo_class_and_serves(tree: Path) -> None:
    done = serve(tree, PORT="8081")
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["flask --app wsgi db upgrade", "flask --app wsgi demo --if-empty", "wsgi.py 8081"]
    assert "http://127.0.0.1:8081" in done.stdout
    assert "teacher, student1, student2, student3 (password chatapp-demo)" in done.stdout


def test_the_keys_are_made_once_for_their_owner_only_and_never_printed(tree: Path) -> None:
    first = serve(tree)
    keys = tree / "instance" / "secrets.env"
    made = keys.read_text()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.parent.stat().st_mode) == 0o700
    again = serve(tree)
    assert again.returncode == 0
    assert keys.read_text() == made
    values = re.findall(r"^(?:JWT_)?SECRET_KEY=(\S{64})$", made, re.MULTILINE)
    assert len(set(values)) == 2
    assert not any(
        value in text for value in values for text in (first.stdout, first.stderr, again.stdout, again.stderr)
    )


def test_keys_from_the_environment_are_taken_and_none_are_made(tree: Path) -> None:
    done = serve(tree, SECRET_KEY="4hVgq0ZkT2mXw9RbYc7PdLs1JfNuE8aQ", JWT_SECRET_KEY="Wb3xK6tHr1ZoU5yMv0SgCq9EjDn2FpLi")
    assert done.returncode == 0, done.stderr
    assert not (tree / "instance" / "secrets.env").exists()


def test_an_unsafe_setting_stops_before_anything_is_touched(tree: Path) -> None:
    done = serve(tree, HOST="0.0.0.0")
    assert done.returncode == 78
    assert done.stderr == "chatapp: CORS_ORIGINS is required when HOST is not loopback: the address of your pages.\n"
    assert ran(done) == []


def test_a_public_school_gets_no_demo_class(tree: Path) -> None:
    done = serve(tree, PUBLIC_URL="https://chat.school.example")
    assert ran(done) == ["flask --app wsgi db upgrade", "wsgi.py 5000"]
    assert "chatapp-demo" not in done.stdout
