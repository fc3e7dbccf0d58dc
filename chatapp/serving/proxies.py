"""Behind a proxy the peer is the proxy. What it says of the client is believed when it is one of ours, else ignored."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """WSGI middleware. From a peer in `networks` the client's address is the last one in X-Forwarded-For that is no
    proxy of ours, and the scheme is X-Forwarded-Proto's."""

    def __init__(self, app: WSGIApplication, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_ours(environ.get("REMOTE_ADDR", "")):
            self._believe(environ)
        return self._app(environ, start_response)

    def _believe(self, environ: WSGIEnvironment) -> None:
        for address in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            if not _is_address(address.strip()):
                break
            environ["REMOTE_ADDR"] = address.strip()
            if not self._is_ours(address.strip()):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme

    def _is_ours(self, address: str) -> bool:
        return _is_address(address) and any(ipaddress.ip_address(address) in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
