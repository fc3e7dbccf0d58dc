"""What a server says, held against the contract: every event and every answer, by every client that the tests use.

A breach is noted where it is heard, often on a client's own thread. The test in which it was heard fails at its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pytest
from marshmallow import Schema, fields

from chatapp.contract.commands import COMMANDS, EVENTS
from chatapp.contract.errors import MEANINGS, Code
from chatapp.contract.things import ErrorSchema, Thing, UserSchema, one_of

Json = Mapping[str, Any]

BREACHES: list[str] = []
"""Since the test began."""

KNOWN_TEXTS = 20_000
"""A class hears the same message thirty times: what was right once is not looked at again."""


class SocketErrorSchema(Thing):
    """A refusal over sockets, with what a few refusals tell beside it."""

    code = fields.String(required=True, validate=one_of(Code))
    message = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    fields_ = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), data_key="fields")
    retry_after = fields.Float()
    decided_by = fields.Nested(UserSchema, allow_none=True)
    data = fields.Dict()


def event(who: object, name: str, data: Any) -> None:
    """Somebody heard an event."""
    spec = EVENTS.get(name)
    if spec is None or spec.schema is None:
        _note(who, f"the event {name}", "it is in no table")
    else:
        _check(who, f"the event {name}", spec.schema, data)


def answer(who: object, command: str, given: Json) -> None:
    """Somebody got the answer to a command, `{ok: true, …}` or `{ok: false, error}`."""
    about = f"the answer to {command}"
    spec = COMMANDS.get(command)
    if given.get("ok") is not True:
        refusal(who, about, given)
    elif spec is None:
        _note(who, about, "there is no such command")
    else:
        _check(who, about, spec.answers, {name: value for name, value in given.items() if name != "ok"})


def refusal(who: object, about: str, given: Json) -> None:
    """Somebody was refused over a socket."""
    if given.get("ok") is not False or given.keys() != {"ok", "error"}:
        _note(who, about, f"neither a yes nor a no: {sorted(given)}")
        return
    error = given["error"]
    _check(who, about, SocketErrorSchema, error)
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code in set(Code) and error.get("retryable") is not MEANINGS[Code(code)].retryable:
        _note(who, about, f"{code} is not retryable so")


def problem(who: object, about: str, status: int, body: Any) -> None:
    """Somebody was refused over HTTP."""
    _check(who, about, ErrorSchema, body)
    if isinstance(body, dict) and body.get("status") != status:
        _note(who, about, f"status {body.get('status')} in an answer with {status}")


def _check(who: object, about: str, schema: type[Schema], said: Any) -> None:
    faults = _faults(schema, json.dumps(said, separators=(",", ":")))
    if faults:
        _note(who, about, faults)


@lru_cache(maxsize=KNOWN_TEXTS)
def _faults(schema: type[Schema], text: str) -> str:
    faults = schema().validate(json.loads(text))
    return str(faults) if faults else ""


def _note(who: object, about: str, what: str) -> None:
    BREACHES.append(f"{who!r}: {about}: {what}")


@pytest.fixture(autouse=True)
def the_contract_is_kept() -> Iterator[None]:
    """Fails a test in which a server said what the contract does not."""
    yield
    found, BREACHES[:] = BREACHES[:10], []
    assert not found, "\n".join(["the server broke the contract:", *found])
