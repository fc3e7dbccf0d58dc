"""The documents: they build into a site without a warning, and what they tell people to type works as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import requests

from config import ROOT
from tests.support.lacking import program
from tests.support.server import free_port
from tests.support.wait import eventually

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^<!-- (run|patch|file: \S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str) -> list[tuple[str, str]]:
    """The marked blocks of one kind: (the mark, what stands in it)."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(mark, text) for mark, text in found if mark.split(":")[0] == kind]


def test_no_marked_block_is_overlooked() -> None:
    pages = [*DOCS.glob("*.md"), ROOT / "CONTRIBUTING.md"]
    marks = sum(len(re.findall(r"^<!-- (?:run|patch|file:)", page.read_text(), re.MULTILINE)) for page in pages)
    assert marks == sum(len(BLOCK.findall(page.read_text())) for page in pages) >= 13


def test_every_alert_has_its_place_in_troubleshooting() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
    said = re.findall(r"^### (\w+)$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert said == alerts


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_setting_and_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    known = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"^([A-Z][A-Z_]{3,})=", text, re.MULTILINE)) | set(
        re.findall(r"`((?:RETENTION|LIMIT|METRICS|UPLOAD|REDIS|DATABASE|QUEUE|LOG|CORS|TRUSTED)_[A-Z_]+)`", text)
    )
    assert named - known == set()
    targets = set(re.findall(r"\bmake ([a-z-]+)\b", text)) - {"sure", "room", "accounts", "made", "a", "larger"}
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_sizing_counts_with_what_was_measured() -> None:
    table = re.findall(r"^\| .* \| (\d.*) \|$", (DOCS / "sizing.md").read_text(), re.MULTILINE)
    numbers = {number for row in table for number in re.findall(r"\d[\d,.]*(?= | a second)", row)}
    measured = (DOCS / "performance.md").read_text()
    assert len(numbers) >= 9
    assert {
        number for number in numbers if not re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d.,]*\d)", measured)
    } == set()


class Asks(HTMLParser):
    """What a page makes a browser fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        wanted = given.get("src") or (given.get("href") if tag == "link" else None)
        if wanted:
            self.urls.append(wanted)


@pytest.mark.service
def test_the_site_builds_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert built.returncode == 0 and "WARNING" not in built.stderr, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        for url in Asks(page.read_text(encoding="utf-8")).urls:
            assert "//" not in url or url.startswith("data:"), f"{page.name} asks for {url}"
            if not url.startswith("data:"):
                base = tmp_path if url.startswith("/") else page.parent  # a page for any address names the site's root
                assert (base / url.lstrip("/").partition("?")[0].partition("#")[0]).exists(), f"{page.name}: {url}"


@pytest.mark.service
@pytest.mark.timeout(600)
def test_the_worked_example_of_contributing_is_true_of_this_code(tmp_path: Path) -> None:
    page = ROOT / "CONTRIBUTING.md"
    copy = tmp_path / "chatapp"
    left_out = shutil.ignore_patterns(".*", "node_modules", "instance", "build", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left_out)
    shutil.copy(ROOT / ".env.example", copy)
    for _, patch in blocks(page, "patch"):
        done = run(["patch", "--no-backup-if-mismatch", "-p1"], copy, given=patch)
        assert done.returncode == 0, f"{patch}\n{done.stdout}{done.stderr}"
    written = []
    for mark, text in blocks(page, "file"):
        path = copy / mark.removeprefix("file: ")
        path.write_text(text)
        written.append(str(path))
    assert written
    assert run([sys.executable, "scripts/write_documents.py"], copy).returncode == 0
    assert "room_code_renew" in (copy / "docs" / "protocol.md").read_text()
    tried = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *written], copy)
    assert tried.returncode == 0, tried.stdout[-4000:]


def run(command: list[str], folder: Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, timeout=300, check=False)


class Machine:
    """A machine as the pages speak of it: its folders are elsewhere, its worker listens on another port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.worker: subprocess.Popen[bytes] | None = None
        for name in ("etc/nginx/conf.d", "etc", "var/lib", "var/backups"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "bin").mkdir()
        nginx = folder / "bin" / "nginx"
        nginx.write_text(f'#!/bin/sh\nexec {shutil.which("nginx") or "/usr/sbin/nginx"} "$@" -c {folder}/nginx.conf\n')
        nginx.chmod(0o755)

    def here(self, text: str) -> str:
        """What a page says, for this machine."""
        moved = (("/etc/", f"{self.folder}/etc/"), ("/var/", f"{self.folder}/var/"), ("5101", str(self.port)))
        for old, new in moved:
            text = text.replace(old, new)
        return text.replace("/opt/chatapp/.venv/bin", str(Path(sys.executable).parent)).replace(
            "/opt/chatapp", str(ROOT)
        )

    def type(self, text: str) -> str:
        """Type a block into a shell of its own; what it said."""
        path = f"{self.folder}/bin:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(text)],
            cwd=ROOT,
            env={"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "RANDFILE": f"{self.folder}/.rnd"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        """What systemd does with the unit."""
        command = "set -a; . /etc/chatapp/env; . /etc/chatapp/w1.env; exec python wsgi.py"
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self.worker = subprocess.Popen(
            ["bash", "-c", self.here(command)],
            cwd=ROOT,
            env={"PATH": path, "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, within=60, message="the worker does not answer")

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.terminate()
            assert self.worker.wait(20) == 0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.stop()


@pytest.mark.service
@pytest.mark.timeout(600)
def test_what_the_pages_tell_an_operator_to_type_works(machine: Machine) -> None:
    """The installation from its first command to nginx's approval, then everything under "Looking after it"."""
    settings, database, readiness, nginx = [text for _, text in blocks(DOCS / "installation.md", "run")]
    machine.type(settings)
    env = machine.folder / "etc" / "chatapp" / "env"
    assert env.stat().st_mode & 0o077 == 0
    told = machine.type(database)
    assert "head is a admin now." in told and "fail" not in told
    machine.start()
    assert '"ready"' in machine.type(readiness)

    certificate = machine.folder / "etc" / "letsencrypt" / "live" / "chat.school.example"
    certificate.mkdir(parents=True)
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    made += ["-subj", "/CN=chat.school.example"]
    made += ["-keyout", str(certificate / "privkey.pem"), "-out", str(certificate / "fullchain.pem")]
    assert run(made, certificate).returncode == 0
    (machine.folder / "var" / "log" / "nginx").mkdir(parents=True)
    (machine.folder / "nginx.conf").write_text(
        f"pid {machine.folder}/nginx.pid; error_log stderr; events {{}}"
        f" http {{ access_log off; include {machine.folder}/etc/nginx/conf.d/*.conf; }}"
    )
    shipped = machine.folder / "nginx-as-shipped.conf"
    shipped.write_text(machine.here((ROOT / "deploy" / "nginx.conf").read_text()))
    machine.type(nginx.replace("deploy/nginx.conf", str(shipped)))
    assert "w2" not in (machine.folder / "etc" / "nginx" / "conf.d" / "chatapp.conf").read_text()

    first, *others = [text for _, text in blocks(DOCS / "operation.md", "run")]
    said = [machine.type(f"{first}\n{block}") for block in others]
    assert "chatapp_connections 0.0" in said[0]
    assert "2 people" in said[1] and "Restored." in said[2] and "Would go:" in said[3]
    assert machine.worker is not None and machine.worker.poll() is None
    eventually(machine._answers, within=30, message="after the restore the worker does not come back")


@pytest.mark.service
def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", package="systemd")
    here = (
        ("User=chatapp", ""),
        ("Group=chatapp", ""),
        ("/opt/chatapp/.venv/bin/python", sys.executable),
        ("/opt/chatapp/.venv/bin/flask", "/bin/true"),
        ("WorkingDirectory=/opt/chatapp", "WorkingDirectory=/"),
    )
    for name in ("chatapp-nightly.service", "chatapp-nightly.timer", "chatapp@.service"):
        text = (ROOT / "deploy" / name).read_text()
        for old, new in here:
            text = text.replace(old, new)
        (tmp_path / name.replace("@.", "@w1.")).write_text(text)
    for name in ("chatapp-nightly.timer", "chatapp@w1.service"):
        done = run([analyze, "verify", "--man=no", str(tmp_path / name)], tmp_path)
        assert done.returncode == 0, done.stderr
