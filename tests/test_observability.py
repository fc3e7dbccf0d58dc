"""The log under hostile text: one line an event, no secret in it, in both of its forms."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from chatapp.observability import QUIET, configure_logging, new_request_id, safe_text

TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


@pytest.fixture
def piped() -> io.StringIO:
    """What a program reads: JSON lines."""
    stream = io.StringIO()
    configure_logging("INFO", stream)
    return stream


@pytest.fixture
def terminal() -> io.StringIO:
    """What a person reads: key=value lines."""
    stream = Terminal()
    configure_logging("INFO", stream)
    return stream


def only_entry(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert isinstance(entry, dict)
    return entry


def test_an_entry_for_a_program_is_one_json_object(piped: io.StringIO) -> None:
    structlog.get_logger("chatapp.rooms").info("room_closed", room_id="r1", seq=7, members=["a", "b"])
    entry = only_entry(piped)
    assert str(entry.pop("time")).endswith("Z")
    assert entry == {
        "event": "room_closed",
        "level": "info",
        "logger": "chatapp.rooms",
        "room_id": "r1",
        "seq": 7,
        "members": ["a", "b"],
    }


def test_an_entry_for_a_person_is_key_value(terminal: io.StringIO) -> None:
    structlog.get_logger("chatapp.rooms").info("room_closed", room_id="r1", title="Class 7 b")
    line = terminal.getvalue()
    assert line.endswith('info chatapp.rooms room_closed room_id=r1 title="Class 7 b"\n')


def test_the_standard_library_takes_the_same_way(piped: io.StringIO) -> None:
    logging.getLogger("flask_migrate").info("Running %s", "upgrade\nlevel=critical")
    entry = only_entry(piped)
    assert (entry["logger"], entry["event"]) == ("flask_migrate", "Running upgrade\\nlevel=critical")


def test_a_bound_request_id_is_on_every_entry(piped: io.StringIO) -> None:
    request_id = new_request_id()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        structlog.get_logger().info("asked")
    assert only_entry(piped)["request_id"] == request_id


def test_request_ids_are_short_and_differ() -> None:
    ids = {new_request_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 16 and one.isalnum() for one in ids)


HOSTILE = [
    "\r\nlevel=critical hacked",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\u2028line",
    "\u202egnp.exe",
    "\ud800",
    "\x00",
    "\x7f",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["piped", "terminal"])
def test_hostile_text_stays_on_its_line_and_shows_as_escapes(
    form: str, text: str, request: pytest.FixtureRequest
) -> None:
    stream: io.StringIO = request.getfixturevalue(form)
    # pytest's own capture would carry the raw text, and xdist cannot send a lone surrogate home.
    logging.getLogger().handlers[:] = logging.getLogger().handlers[-1:]
    structlog.get_logger().info(f"seen{text}", title=text, nested={text: [text]})
    logging.getLogger("foreign").warning("seen %s", text)
    written = stream.getvalue()
    assert len(written.splitlines()) == written.count("\n") == 2
    assert written.replace("\n", "").isprintable()
    written.encode("utf-8")


@pytest.mark.parametrize("form", ["piped", "terminal"])
def test_a_traceback_cannot_forge_an_entry(form: str, request: pytest.FixtureRequest) -> None:
    stream: io.StringIO = request.getfixturevalue(form)
    try:
        raise ValueError("first\n2026-01-01T00:00:00Z critical forged \x1b[2J")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("foreign").exception("failed too")
    entries = [line for line in stream.getvalue().splitlines() if not line.startswith("    ")]
    assert len(entries) == 2
    assert "ValueError: first" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "accessToken",
        "refresh_token",
        "password",
        "Authorization",
        "Set-Cookie",
        "cookie",
        "ticket",
        "invite_code",
        "secret_key",
        "body",
        "packet",
        "file_name",
    ],
)
def test_a_confidential_field_is_left_out_wherever_it_stands(piped: io.StringIO, name: str) -> None:
    structlog.get_logger().info("seen", **{name: "hunter2", "deep": [{name: "hunter2", "room_id": "r1"}]})
    entry = only_entry(piped)
    assert entry[name] == "[removed]"
    assert entry["deep"] == [{name: "[removed]", "room_id": "r1"}]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"bad header {TOKEN} here", "bad header [removed] here"),
        (f"bad header {TOKEN[:30]}", "bad header [removed]"),
        ("GET /ws/chat/r1/?token=hunter2&after=3", "GET /ws/chat/r1/?token=[removed]&after=3"),
        ("GET /ws/chat/r1/?after=3&ticket=hunter2 101", "GET /ws/chat/r1/?after=3&ticket=[removed] 101"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer [removed]"),
        ("postgresql+psycopg://chat:hunter2@db/chat", "postgresql+psycopg://[removed]@db/chat"),
        ("redis://:hunter2@cache:6379/0", "redis://[removed]@cache:6379/0"),
        ('42["login",{"password":"hunter2","a":1}]', '42["login",{"password":"[removed]","a":1}]'),
        ("{'password': 'hunter2'}", "{'password': '[removed]'}"),
        ("[parameters: ('hunter2', 'room')]", "[removed]"),
        (
            "ERROR\nDETAIL:  Failing row contains (hunter2\n\nhunter2).\n[SQL: INSERT]",
            "ERROR\\n[removed]\\n[SQL: INSERT]",
        ),
        ("ERROR\nDETAIL:  Key (username)=(hunter2) already exists.", "ERROR\\n[removed]"),
        ("an ordinary sentence: token expired at 10:00", "an ordinary sentence: token expired at 10:00"),
    ],
)
def test_a_secret_inside_a_text_is_left_out(text: str, kept: str) -> None:
    assert safe_text(text) == kept


def test_a_secret_inside_a_traceback_is_left_out(piped: io.StringIO) -> None:
    try:
        raise RuntimeError(f"ERROR\nDETAIL:  Failing row contains (hunter2\nhunter2).\n[SQL: INSERT]\nfor {TOKEN}")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    trace = str(only_entry(piped)["exception"])
    assert "hunter2" not in trace.partition("RuntimeError: ERROR")[2]
    assert TOKEN not in trace
    assert "[SQL: INSERT]" in trace


@pytest.mark.parametrize("name", ["engineio.server", "socketio.server", "eventlet.wsgi", "sqlalchemy.engine"])
def test_libraries_that_print_packets_are_quiet_even_when_we_debug(name: str) -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", stream)
    logging.getLogger(name).info("received packet %s", "hunter2")
    logging.getLogger("chatapp").debug("ours")
    assert only_entry(stream)["event"] == "ours"


def test_a_handler_that_a_library_brought_is_taken_away() -> None:
    stream = io.StringIO()
    logging.getLogger("engineio.server").addHandler(logging.StreamHandler(stream))
    configure_logging("INFO", stream)
    logging.getLogger("engineio.server").warning("once")
    assert only_entry(stream)["event"] == "once"


def test_configuring_again_writes_each_entry_once(piped: io.StringIO) -> None:
    configure_logging("WARNING", piped)
    structlog.get_logger().info("below the level")
    structlog.get_logger().warning("once")
    assert only_entry(piped)["event"] == "once"


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "a!" * 25_000, "://" + ":" * 50_000, "eyJ" * 20_000, "token=" * 10_000, "DETAIL:\n" * 9000]
)
def test_a_long_hostile_text_is_cut_quickly(text: str) -> None:
    start = time.process_time()
    assert len(safe_text(text)) < 20_000
    assert time.process_time() - start < 0.05


def test_the_log_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger().info("started")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "started"
