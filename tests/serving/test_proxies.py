"""Whose word about a client's address is taken."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from chatapp.serving.proxies import TrustedProxies

OURS = (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"))


def seen(peer: str, forwarded: str = "", scheme: str = "") -> tuple[str, str]:
    """The address and scheme that the app behind is told."""
    told: dict[str, Any] = {}

    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        told.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    environ |= {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    environ |= {"HTTP_X_FORWARDED_PROTO": scheme} if scheme else {}
    TrustedProxies(app, OURS)(environ, lambda *_: lambda _: None)
    return told["REMOTE_ADDR"], told["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first is the client's own invention
        ("127.0.0.1", "203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_address_is_the_last_that_no_proxy_of_ours_has(peer: str, forwarded: str, address: str) -> None:
    assert seen(peer, forwarded)[0] == address


def test_the_scheme_is_taken_from_a_proxy_of_ours_alone() -> None:
    assert seen("10.9.9.9", scheme="https")[1] == "https"
    assert seen("203.0.113.9", scheme="https")[1] == "http"
    assert seen("10.9.9.9", scheme="gopher")[1] == "http"
