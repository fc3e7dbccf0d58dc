"""One line a command and a request: what is in it, and that nothing else ever is."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatapp import worklog
from tests.support.school import Api, Signed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    logger = logging.getLogger(worklog.LOGGER)
    before = (logger.handlers[:], logger.level, logger.propagate)
    written = io.StringIO()
    worklog.configure("INFO", written)
    yield written
    logger.handlers[:], logger.level, logger.propagate = before


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_entry_says_what_was_done_for_whom_and_how_long_it_took(stream: io.StringIO) -> None:
    worklog.note("command", started=time.monotonic() - 1.5, command="room_enter", ref=7, actor_id="ada", outcome="ok")
    (entry,) = entries(stream)
    assert entry.pop("time").endswith("Z") and 1500 <= entry.pop("ms") < 3000
    assert entry == {
        "level": "info", "logger": "chatapp.work", "event": "command", "command": "room_enter", "ref": 7,
        "actor_id": "ada", "outcome": "ok",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["two words", "a\nb", "ü", "x" * 101, "eyJ\u202e", '"quoted"', "a=b"])
def test_what_is_not_ours_is_left_out(stream: io.StringIO, text: str) -> None:
    worklog.note("command", ref=text, command="typing")
    (entry,) = entries(stream)
    assert (entry["ref"], entry["command"]) == ("?", "typing")


def test_a_person_reads_key_and_value() -> None:
    terminal = Terminal()
    worklog.configure("INFO", terminal)
    worklog.note("command", command="typing", outcome="ok")
    assert terminal.getvalue().endswith("info chatapp.work command command=typing outcome=ok\n")


def test_at_warning_nothing_is_written(stream: io.StringIO) -> None:
    worklog.configure("WARNING", stream)
    worklog.note("command", command="typing")
    assert entries(stream) == []


def test_a_request_is_one_line_with_its_id_and_its_actor(api: Api, teacher: Signed, stream: io.StringIO) -> None:
    shown = api.as_(teacher).get("/api/users/me")
    api.get("/api/users/me/?token=eyJhbGciOiJIUzI1NiJ9.secret.secret").refused("unauthorized")
    api.get("/api/what-somebody-typed/").refused("not_found")
    api.get("/healthz")
    known, nobody, unknown = entries(stream)
    assert known["request_id"] == shown.headers["X-Request-Id"]
    assert (known["command"], known["actor_id"], known["outcome"]) == ("Profile.show_me", teacher.id, 200)
    assert (nobody["command"], nobody["actor_id"], nobody["outcome"]) == ("Profile.show_me", None, 401)
    assert (unknown["command"], unknown["outcome"]) == (None, 404)
    assert "secret" not in stream.getvalue() and "typed" not in stream.getvalue()
