"""`make demo-lesson` does what it says: it reads a real scene aloud, and its exit status tells the truth."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.scenarios.classroom import leaving
from tests.support.server import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "demo_lesson.py"

SERVER_ENV = {"DEMO": "true"}


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_lesson", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo_lesson"] = module
    spec.loader.exec_module(module)
    return module


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_scene_is_long_and_has_many_voices(demo: ModuleType) -> None:
    lines = demo.parse(demo.SCENE.read_text())
    speeches = [line for line in lines if line.speaker != demo.TEACHER]
    assert len(speeches) >= 150 and len({line.speaker for line in speeches}) >= 8


def test_parsing_and_rendering_are_inverse(demo: ModuleType) -> None:
    text = demo.SCENE.read_text()
    assert demo.render(demo.parse(text)) == text
    changed = demo.parse(text)
    changed[10] = demo.Line(changed[10].speaker, changed[10].body + " ")
    assert demo.render(changed) != text


@pytest.mark.service
def test_it_reads_the_scene_at_a_school_of_its_own() -> None:
    done = run()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Equal, byte for byte: 186 lines by 11 students and their teacher" in done.stdout


@pytest.mark.service
@pytest.mark.timeout(180)
def test_it_reads_the_scene_at_a_running_school_within_its_limits(server: ServerProcess) -> None:
    made = server.flask("demo")
    assert made.returncode == 0, made.stderr
    done = run("--url", server.url)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Equal, byte for byte" in done.stdout


@pytest.mark.service
def test_a_wrong_transcript_is_not_called_equal(demo: ModuleType, server: ServerProcess) -> None:
    text = "SCENE\n\nMARIA.\nHe's coming, madam.\n"
    teacher = server.teacher()
    room_id, readers = demo.assemble(teacher, ["Maria"])
    with leaving(reader.member for reader in readers.values()):
        demo.read_aloud(demo.parse(text), room_id, readers)
        assert demo.compare(text, room_id, teacher, readers) == []
        other = text.replace("He's", "He is")
        assert demo.compare(other, room_id, teacher, readers) == ["the transcript is not the text"]
        heard = readers["Maria"].member.rooms[room_id].messages
        heard[0], heard[1] = heard[1], heard[0]
        assert any("came after" in fault for fault in demo.compare(text, room_id, teacher, readers))
