"""A worker reaches Redis by every kind of URL that the settings take: it hears its own echo, so it is ready."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.faults.redis_server import RedisServer, redis_program
from tests.support.server import ServerProcess, StartServer, free_port
from tests.support.wait import eventually

pytestmark = pytest.mark.service


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def over_tls(redis: RedisServer) -> str:
    """With a certificate of our own, which the URL names as the one to trust."""
    key, certificate = redis.folder / "key.pem", redis.folder / "cert.pem"
    subject = ("-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls_port = free_port()
    files = {"tls_cert_file": str(certificate), "tls_key_file": str(key), "tls_ca_cert_file": str(certificate)}
    redis.start(tls_port=str(tls_port), tls_auth_clients="no", **files)
    return f"rediss://127.0.0.1:{tls_port}/0?ssl_ca_certs={certificate}"


def over_a_socket(redis: RedisServer) -> str:
    path = redis.folder / "redis.sock"
    redis.start(unixsocket=str(path))
    return f"unix://{path}"


def with_a_password(redis: RedisServer) -> str:
    redis.start()
    redis.call("CONFIG", "SET", "requirepass", "between us")
    return f"valkey://:between%20us@127.0.0.1:{redis.port}/0"


URLS: dict[str, Callable[[RedisServer], str]] = {
    "TLS": over_tls,
    "a socket": over_a_socket,
    "valkey with a password": with_a_password,
}


@pytest.mark.parametrize("how", URLS)
def test_a_worker_is_ready_by(how: str, redis: RedisServer, start_server: StartServer) -> None:
    """And says so when it is gone: it serves on."""
    server = start_server(REDIS_URL=URLS[how](redis))
    eventually_says(server, "ready")
    redis.stop()
    eventually_says(server, "degraded", "message queue unwell")


@pytest.mark.parametrize("service", ["school", ""])
def test_a_worker_is_ready_by_the_master_that_a_sentinel_names(
    service: str, redis: RedisServer, start_server: StartServer, tmp_path: Path
) -> None:
    """Without a name in the URL it is Sentinel's customary one."""
    redis.start()
    with sentinel(tmp_path, service or "mymaster", redis.port) as port:
        server = start_server(REDIS_URL=f"redis+sentinel://127.0.0.1:{port}/0/{service}".rstrip("/"))
        eventually_says(server, "ready")


def eventually_says(server: ServerProcess, status: str, *reasons: str) -> None:
    """What /readyz answers in the end."""

    def says() -> bool:
        answer = requests.get(f"{server.url}/readyz", timeout=5)
        return answer.status_code == 200 and answer.json() == {"status": status, "reasons": list(reasons)}

    eventually(says, within=30, message=server.log)


@contextmanager
def sentinel(folder: Path, service: str, port: int) -> Iterator[int]:
    """One that watches a master; its port."""
    own = free_port()
    settings = folder / "sentinel.conf"
    settings.write_text(f"port {own}\nbind 127.0.0.1\nsentinel monitor {service} 127.0.0.1 {port} 1\n")
    process = subprocess.Popen(
        [redis_program(), str(settings), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield own
    finally:
        process.terminate()
        process.wait(10)
