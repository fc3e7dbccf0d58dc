"""Sends one signed body to an address on the Internet, and to nothing else: the name is resolved, each address is
checked, and the connection goes to the one that was checked. No redirects, no answer's body, one deadline for all.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from functools import cache
from urllib.parse import urlsplit

from chatapp.contract.words import Fault

HEAD_BYTES = 16 * 1024
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Undelivered(Exception):
    """There is no status to tell, only why."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def post(url: str, body: bytes, headers: dict[str, str], *, private: bool, seconds: float) -> int:
    """The status of the answer. Raises Undelivered."""
    deadline = time.monotonic() + seconds
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = _address(host, port, private=private)
    try:
        with socket.create_connection((str(address), port), timeout=_left(deadline)) as plain:
            plain.settimeout(_left(deadline))
            line = plain if not secure else _context().wrap_socket(plain, server_hostname=host)
            line.sendall(_request(parts.netloc, parts.path or "/", parts.query, headers, body))
            return _status(line, deadline)
    except ssl.SSLCertVerificationError as fault:
        raise Undelivered(Fault.BAD_CERTIFICATE) from fault
    except TimeoutError as fault:
        raise Undelivered(Fault.NO_ANSWER) from fault
    except OSError as fault:
        raise Undelivered(Fault.NO_CONNECTION) from fault


def is_public(address: Address) -> bool:
    """Whether this is a host on the Internet; an IPv6 address that stands for an IPv4 one is judged as that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _address(host: str, port: int, *, private: bool) -> Address:
    """Where to connect. One bad address among several condemns the name: it is not by chance that it is there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise Undelivered(Fault.UNKNOWN_HOST) from fault
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    if not addresses:
        raise Undelivered(Fault.UNKNOWN_HOST)
    if not private and not all(is_public(address) for address in addresses):
        raise Undelivered(Fault.PRIVATE_ADDRESS)
    return addresses[0]


def _request(netloc: str, path: str, query: str, headers: dict[str, str], body: bytes) -> bytes:
    target = f"{path}?{query}" if query else path
    lines = [f"POST {target} HTTP/1.1", f"host: {netloc}", "user-agent: chatapp-webhooks/1", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _status(line: socket.socket, deadline: float) -> int:
    """The status of the final answer; 1xx come before it."""
    head = b""
    while True:
        while b"\r\n\r\n" not in head:
            line.settimeout(_left(deadline))
            more = line.recv(4096)
            head += more
            if not more or len(head) > HEAD_BYTES:
                break
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not (words[1].isdigit() and len(words[1]) == 3):
            raise Undelivered(Fault.BAD_ANSWER)
        if not words[1].startswith(b"1"):
            return int(words[1])
        head = head.partition(b"\r\n\r\n")[2]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
