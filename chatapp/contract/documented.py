"""What the two documents of the API have in common: the words of its errors, its limits, and where examples are put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatapp.contract.errors import MEANINGS, Code, Refused

Json = dict[str, Any]
Limits = Mapping[str, tuple[str, str]]
"""Name -> (value, what it bounds)."""

LICENSE = {"name": "MIT", "identifier": "MIT"}
UNPROVOKED = (Code.INTERNAL, Code.UNAVAILABLE)
"""What a server that is well never says."""


def bounded(schemas: Json, limits: Limits) -> Json:
    """`schemas` with the bounds of this school: a text that names a limit is as long as that says."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if field.get("x-limit") in limits:
                field["maxLength"] = int(limits[field["x-limit"]][0])
    return schemas


def limit_list(limits: Limits) -> list[Json]:
    """The limits as both documents give them, under `x-limits`."""
    return [{"name": name, "value": value, "bounds": bounds} for name, (value, bounds) in limits.items()]


def socket_error(code: Code) -> Json:
    """How a refusal looks on a socket."""
    retry_after = 1.0 if MEANINGS[code].retryable and code is not Code.INTERNAL else None
    return Refused(code, retry_after=retry_after).as_socket_error()


def shown(said: list[tuple[str, Json]]) -> Json:
    """The examples of an AsyncAPI message, each with its title."""
    return {"examples": [{"name": title, "payload": payload} for title, payload in said]} if said else {}
