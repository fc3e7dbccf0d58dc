"""docs/mobile.md speaks the wire as it is: its types decode every recorded frame, its words are the contract's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chatapp.contract import examples
from chatapp.contract.commands import COMMANDS, EVENTS
from chatapp.contract.errors import Code, Refused
from chatapp.contract.plain import CLOSE_CODES
from config import ROOT

GUIDE = (ROOT / "docs" / "mobile.md").read_text()
CODE = {name: re.search(rf"```{name}\n(.*?)```", GUIDE, re.DOTALL) for name in ("swift", "kotlin")}
PLAIN = {kind: [each["data"] for each in examples.sockets() if each["kind"] == kind] for kind in
         ("plain_welcome", "plain_command", "plain_command_ack", "plain_event")}  # fmt: skip
BASIC = {"String": str, "Int": int, "Bool": bool, "Boolean": bool, "Double": float}


def types(language: str) -> dict[str, dict[str, str]]:
    """The types that a client declares: name -> field -> type, `?` where it may be null or left out."""
    found = CODE[language]
    assert found is not None
    swift, kotlin = r"struct (\w+): Decodable \{(.*?)\}", r"data class (\w+)\((.*?)\n?\)\n"
    declared = re.findall(swift if language == "swift" else kotlin, found[1], re.DOTALL)
    word = "let" if language == "swift" else "val"
    return {name: dict(re.findall(rf"{word} (\w+): ([\w\[\]<>]+\??)", body)) for name, body in declared}


def fits(value: Any, kind: str, known: dict[str, dict[str, str]]) -> bool:
    """Whether a client that declares `kind` decodes `value`."""
    if kind.endswith("?"):
        return value is None or fits(value, kind[:-1], known)
    inner = re.fullmatch(r"\[(\w+)\]|List<(\w+)>", kind)
    if inner:
        return isinstance(value, list) and all(fits(each, inner[1] or inner[2], known) for each in value)
    if kind in BASIC:
        return isinstance(value, BASIC[kind]) and not (kind == "Int" and isinstance(value, bool))
    fields = known[kind]
    return isinstance(value, dict) and all(fits(value.get(name), declared, known) for name, declared in fields.items())


@pytest.mark.parametrize("language", ["swift", "kotlin"])
def test_the_types_decode_every_recorded_frame(language: str) -> None:
    known = types(language)
    assert set(known) == {"User", "Message", "Snapshot", "Fault"}
    frames = [each for each in examples.sockets() if "name" in each]
    messages = [each["data"] for each in frames if (each["name"], each["kind"]) == ("message", "event")]
    welcomes = [each["data"] for each in PLAIN["plain_welcome"]]
    answers = [each["answer"] for each in frames if each["name"] == "room_enter" and each["answer"]["ok"]]
    assert len(messages) >= 4 and len(welcomes) >= 1 and len(answers) >= 3
    assert all(fits(each, "Message", known) for each in messages)
    assert all(fits(each, "Snapshot", known) for each in welcomes + answers)
    assert all(fits(Refused(code).as_socket_error(), "Fault", known) for code in Code)
    assert all(fits(Refused(code, retry_after=1.5).as_socket_error(), "Fault", known) for code in Code)


@pytest.mark.parametrize("language", ["swift", "kotlin"])
def test_a_type_that_is_wrong_would_be_found(language: str) -> None:
    known = types(language)
    message = next(each["data"] for each in examples.sockets() if each.get("name") == "message")
    wrong = {**known, "Message": {**known["Message"], "seq": "String"}}
    strict = {**known, "Message": {**known["Message"], "client_id": "String", "sender": "User", "code": "String"}}
    assert fits(message, "Message", known)
    assert not fits(message, "Message", wrong) and not fits(message, "Message", strict)


@pytest.mark.parametrize("language", ["swift", "kotlin"])
def test_the_words_are_the_contracts(language: str) -> None:
    found = CODE[language]
    assert found is not None
    words = set(re.findall(r'"([a-z_]+)"', found[1]))
    frame_words = {"event", "data", "ok", "error", "ref", "command", "client_id", "body"}
    assert {"welcome", "message", "message_send"} <= words
    assert words <= frame_words | {"welcome"} | set(EVENTS) | set(COMMANDS)


def test_the_frame_shown_is_the_frame_recorded() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
    assert shown == PLAIN["plain_command"]


def test_every_close_code_named_is_one_that_exists() -> None:
    named = {int(code) for code in re.findall(r"\b(4\d{3}|10\d{2})\b", GUIDE)} - {1000, 1006}
    assert named <= set(CLOSE_CODES) and {4401, 4403, 4404, 4410, 1012} <= named
