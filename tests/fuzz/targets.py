"""What is fuzzed: any bytes in, and what must hold whatever they are. `run` drives it by coverage, the tests replay."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

from chatapp.contract import jsontext, texts
from chatapp.contract.commands import COMMANDS
from chatapp.contract.errors import Code, Refused
from chatapp.contract.jsontext import BadJson
from tests.transports.sio.test_gate import CLOSE, Wire

CORPUS = Path(__file__).with_name("corpus")
MAX_CHARS, MAX_BYTES = 4000, 16384

_sids = itertools.count(1)
_wires: list[Wire] = []


def packet(data: bytes) -> None:
    """One Engine.IO message at the packet gate, by who is signed in and by a stranger: it never raises, it answers what
    is ours and closes at the rest, and only commands of the contract go on."""
    message = data.decode("utf-8", "replace")
    for joined in (True, False):
        wire, sid = _wire(), f"e{next(_sids)}"
        if joined:
            wire.join(eio_sid=sid)
        else:
            wire.open(sid)
        wire.sent(sid)
        calls = len(wire.gateway.calls)
        said = wire.receive(message, eio_sid=sid)
        for each in said:
            assert each == CLOSE or (each[0] in "01234" and json.dumps(each)), each
        for namespace, name, fields, ref in wire.gateway.calls[calls:]:
            assert joined and namespace in COMMANDS[name].namespaces and isinstance(fields, dict)
            assert ref is None or (isinstance(ref, int) and 0 <= ref < 10**9)
        assert len(wire.gateway.calls) - calls <= 1


def _wire() -> Wire:
    """A gate; a new one now and then, so that what is kept of a socket does not add up."""
    if not _wires or next(_sids) > 500 * len(_wires):
        _wires.append(Wire())
    return _wires[-1]


def text(data: bytes) -> None:
    """Any text at each validator, and at the reading of JSON: it is taken as it was, or refused by a code of ours."""
    given = data.decode("utf-8", "surrogateescape")
    for check in CHECKS:
        try:
            taken = check(given)
        except Refused as refused:
            assert refused.code in (Code.INVALID_PAYLOAD, Code.TOO_LARGE)  # noqa: PT017 — the target is no test
            continue
        assert check(taken) == taken, "what was taken once is taken again"
        assert taken.encode("utf-8").decode("utf-8") == taken
        assert "\x00" not in taken
    body = _taken(given)
    if body is not None:
        assert body == given and len(body) <= MAX_CHARS and len(body.encode()) <= MAX_BYTES
        assert any(unicodedata.category(char) not in ("Cc", "Cf", "Zs", "Zl", "Zp") for char in body)
    name = _name(given)
    if name is not None:
        key = texts.username_key(name)
        assert texts.username_key(key) == key, "the same name gets the same key, however it is spelt"
    try:
        value = jsontext.decode(data)
    except BadJson:
        return
    assert jsontext.decode(json.dumps(value)) == value


def _name(given: str) -> str | None:
    try:
        return texts.username(given)
    except Refused:
        return None


def _taken(given: str) -> str | None:
    try:
        return texts.body(given, max_chars=MAX_CHARS, max_bytes=MAX_BYTES)
    except Refused:
        return None


CHECKS: tuple[Callable[[str], str], ...] = (
    lambda given: texts.body(given, max_chars=MAX_CHARS, max_bytes=MAX_BYTES),
    lambda given: texts.line("title", given, max_chars=120),
    lambda given: texts.remark("note", given, max_chars=500),
    texts.username,
    lambda given: texts.client_id(given, max_chars=64),
)

TARGETS: dict[str, Callable[[bytes], None]] = {"packet": packet, "text": text}
