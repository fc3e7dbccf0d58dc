"""The page's protocol client, tested by Node's own runner: the modules that know no DOM."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from config import ROOT

SUITES = sorted((ROOT / "tests" / "js" / "pages").glob("*.test.js"))


@pytest.mark.service
@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_the_pages_client_keeps_its_promises(suite: object) -> None:
    node = shutil.which("node")
    assert node, "node 20.11 or newer is not installed: `make services` installs it"
    done = subprocess.run([node, "--test", str(suite)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
