"""How the value of one setting is read. A ValueError says what it must be, as the rest of a sentence."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parent.parent

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so long, `seconds` being whole seconds, minutes, hours or days."""

    count: int
    seconds: int

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def __str__(self) -> str:
        unit, length = next((unit, each) for unit, each in reversed(UNITS.items()) if self.seconds % each == 0)
        many = self.seconds // length
        return f"{self.count}/{unit}" if many == 1 else f"{self.count}/{many} {unit}s"


UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def text(raw: str) -> str:
    return raw


def whole(low: int = 1, high: int = 2_000_000_000) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", raw) or not low <= int(raw) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(raw)

    return parse


def seconds(raw: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", raw) or not 0 < float(raw) <= 86400:
        raise ValueError("a number of seconds above 0, at most 86400")
    return float(raw)


def rate(raw: str) -> Rate:
    match = re.fullmatch(r"([1-9][0-9]{0,8})/(?:([1-9][0-9]?) )?(second|minute|hour|day)s?", raw)
    if match is None:
        raise ValueError("a rate such as 5/second, 10/minute, 20/10 minutes or 5/hour")
    return Rate(int(match[1]), int(match[2] or 1) * UNITS[match[3]])


def flag(raw: str) -> bool:
    if raw.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return raw.lower() == "true"


def one_of(*choices: str) -> Callable[[str], Any]:
    def parse(raw: str) -> str:
        known = {choice.lower(): choice for choice in choices}
        if raw.lower() not in known:
            raise ValueError(f"one of {', '.join(choices)}")
        return known[raw.lower()]

    return parse


def matching(pattern: str, wanted: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(pattern, raw, re.IGNORECASE):
            raise ValueError(wanted)
        return raw

    return parse


def origin(raw: str) -> str:
    """scheme://host[:port] as a browser writes it in Origin: lower case, without the scheme's own port."""
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", raw, re.IGNORECASE)
    if match is None or not 0 < int(match[3] or 1) < 65536:
        raise ValueError("scheme://host[:port], without a path or a wildcard")
    scheme, host, port = match[1].lower(), match[2].lower(), int(match[3] or 0)
    return f"{scheme}://{host}" + (f":{port}" if port and port != {"http": 80, "https": 443}.get(scheme) else "")


def origins(raw: str) -> tuple[str, ...]:
    # '*' and '[]' both make Socket.IO accept every origin; neither has the form of an origin.
    return tuple(dict.fromkeys(origin(part.strip()) for part in raw.split(",")))


def web_address(raw: str) -> str:
    if not origin(raw.removesuffix("/")).startswith(("http://", "https://")):
        raise ValueError("http://host[:port] or https://host[:port]")
    return origin(raw.removesuffix("/"))


def networks(raw: str) -> tuple[Network, ...]:
    try:
        found = tuple(ipaddress.ip_network(part.strip()) for part in raw.split(","))
    except ValueError:
        found = ()
    if not found or any(network.prefixlen == 0 for network in found):
        raise ValueError("addresses or networks, comma separated, and not the whole Internet")
    return found


def folder(raw: str) -> Path:
    return ROOT / raw


def database(raw: str) -> str:
    """PostgreSQL on psycopg 3, or an SQLite file. A database in memory is one for each connection: no."""
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", raw)
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///") and "memory" not in url and "file:" not in url:
        return f"sqlite:///{ROOT / url.removeprefix('sqlite:///')}"
    if not re.fullmatch(r"postgresql\+psycopg://\S+", url):
        raise ValueError("postgresql://user:password@host/name or sqlite:///path/to/file.db")
    return url


def redis(raw: str) -> str:
    """A URL that Socket.IO's Redis manager takes. Who may publish may speak for us, so strangers need a password."""
    if not re.fullmatch(r"(rediss?|valkeys?|unix|(redis|valkey)\+sentinel)://\S+", raw):
        raise ValueError("a redis://, rediss://, valkey://, valkeys://, unix:// or redis+sentinel:// URL")
    user, _, hosts = urlsplit(raw).netloc.rpartition("@")
    locked = user.partition(":")[2] or parse_qs(urlsplit(raw).query).get("password")
    if not locked and any(not is_loopback(urlsplit(f"//{host}").hostname or "localhost") for host in hosts.split(",")):
        raise ValueError("a URL with a password, since its host is not loopback")
    return raw


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
