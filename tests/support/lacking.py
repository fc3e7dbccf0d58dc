"""What a test does without a program or a right that it needs. Nobody else skips."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def lacking(said: str) -> NoReturn:
    """Skip; with CI=true fail, for there everything is tested."""
    if os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said)


def program(name: str, *, package: str) -> str:
    """Where a program is. Without it: see lacking."""
    return shutil.which(name) or lacking(f"{name} is not installed: on Debian `apt-get install {package}`")
