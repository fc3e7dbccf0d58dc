"""A server that speaks S3, in memory, and buckets in it. `s3` is its fixture; who needs it imports it."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from chatapp.filestore.s3 import Bucket
from tests.support.server import free_port
from tests.support.wait import eventually


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(url, timeout=2).ok
        return False

    eventually(answers, within=60)
    yield url
    process.terminate()
    process.wait()


def new_bucket(url: str) -> Bucket:
    """A bucket with nothing in it."""
    name = f"b{secrets.token_hex(8)}"
    requests.put(f"{url}/{name}", timeout=10).raise_for_status()
    return Bucket(name=name, prefix="school/files", endpoint=url, region="us-east-1", key_id="k", secret="s")
