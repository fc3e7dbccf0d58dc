"""`scripts/install-services` where it may not install: it names what is missing, and only CI fails for it."""

import os
import subprocess
from pathlib import Path

import pytest

from config import ROOT


def run(commands: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    script = ["/bin/bash", str(ROOT / "scripts" / "install-services")]
    environ = {"PATH": str(commands), **environ}
    return subprocess.run(script, env=environ, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH without a browser, Redis, Node or apt-get."""
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(
            next(path for path in (f"/bin/{name}", f"/usr/bin/{name}") if os.access(path, os.X_OK))
        )
    return tmp_path


def test_in_ci_a_missing_program_is_a_failure(bare: Path) -> None:
    done = run(bare, CI="true")
    assert done.returncode == 1
    assert all(name in done.stderr for name in ("chromium", "redis-server", "nodejs", "npm", "systemd", "git"))


def test_elsewhere_it_says_what_to_install_and_goes_on(bare: Path) -> None:
    done = run(bare)
    assert done.returncode == 0
    assert "please install them: chromium redis-server" in done.stderr


def test_a_program_that_is_there_is_not_asked_for(bare: Path) -> None:
    for name in ("chromium", "redis-server", "node", "npm", "systemd-analyze", "git"):
        (bare / name).symlink_to("/bin/true")
    named = run(bare, CI="true").stderr
    assert not any(name in named for name in ("chromium", "redis-server", "nodejs", "npm", "systemd", "git"))
    assert "patch" in named
