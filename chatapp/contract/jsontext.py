"""JSON as we take it and as we give it. Strict on the way in: what two parsers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

_MAX_KEYS = 1000
_BEYOND = 2**64


class BadJson(ValueError):
    """The text is not JSON as this contract takes it."""


class DuplicateKey(BadJson):
    """An object names one key twice."""


def decode(text: str | bytes) -> Any:
    """`text` as a value.

    Raises BadJson for what is no JSON, for NaN and infinities, lone surrogates, numbers beyond 64 bits and deep
    nesting, DuplicateKey for a key named twice. orjson refuses most of it but takes duplicate keys and rounds large
    integers, hence the second reading.
    """
    try:
        orjson.loads(text)
        return _SECOND.decode(text if isinstance(text, str) else text.decode())
    except BadJson:
        raise
    except (ValueError, RecursionError) as fault:
        raise BadJson("not JSON") from fault


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MAX_KEYS:
        raise BadJson("too many keys")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateKey("duplicate key")
    return members


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is no JSON")


def _int64(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else _BEYOND
    if not -(2**63) <= value < _BEYOND:
        raise BadJson("number out of range")
    return value


_SECOND = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant, parse_int=_int64)


def encode(value: Any) -> bytes:
    """`value` as compact JSON, UTF-8."""
    return orjson.dumps(value)


def encoded(text: bytes) -> Any:
    """A value that is JSON already, as a part of one that `encode` is given."""
    return orjson.Fragment(text)
