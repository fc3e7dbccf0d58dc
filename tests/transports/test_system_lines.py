"""A line that a room's log writes by itself is the same sentence on the page, in the transcript and in the export."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from flask import Flask

from chatapp.contract.words import CloseReason, SystemCode
from chatapp.transports import room_forms, system_lines
from chatapp.transports.web import transcript
from config import ROOT

ADA = {"user": {"display_name": "Ada"}}
LINES: list[tuple[str, dict[str, Any]]] = [
    *((code.value, ADA) for code in SystemCode if code is not SystemCode.ROOM_CLOSED),
    *((code.value, {"user": None}) for code in SystemCode if code is not SystemCode.ROOM_CLOSED),
    *((SystemCode.ROOM_CLOSED.value, {"reason": reason.value}) for reason in CloseReason),
]
ON_THE_PAGE = """
import {{ textOf }} from "{helper}";
const {{ system }} = await import("{words}");
console.log(JSON.stringify({lines}.map(([code, params]) => textOf(system(code, params)))));
"""


def message(code: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"type": "system", "code": code, "params": params, "created_at": "2026-09-07T08:15:00.000Z"}


def test_every_code_and_every_reason_has_a_sentence_of_its_own(app: Flask) -> None:
    assert set(system_lines.LINES) == set(SystemCode) - {SystemCode.ROOM_CLOSED}
    assert set(system_lines.ENDINGS) == set(CloseReason)
    with app.test_request_context():
        said = [system_lines.said(code, params) for code, params in LINES]
    assert len(set(said)) == len(LINES)
    assert said[0] == "Ada opened the room."
    assert "Somebody joined." in said


def test_transcript_and_export_say_it(app: Flask) -> None:
    with app.test_request_context():
        for code, params in LINES:
            said = system_lines.said(code, params)
            assert transcript._line(message(code, params)) == f"2026-09-07 08:15  {said}\n"
            assert room_forms._said(message(code, params)) == said


@pytest.mark.service
def test_the_page_says_the_same_code_by_code(app: Flask) -> None:
    node = shutil.which("node")
    assert node, "node 20.11 or newer is not installed: `make services` installs it"
    script = ON_THE_PAGE.format(
        helper=(ROOT / "tests" / "js" / "pages" / "page.js").as_uri(),
        words=(ROOT / "chatapp" / "static" / "room" / "words.js").as_uri(),
        lines=json.dumps(LINES),
    )
    ask = [node, "--input-type=module", "-e", script]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    with app.test_request_context():
        assert json.loads(done.stdout) == [system_lines.said(code, params) for code, params in LINES]
