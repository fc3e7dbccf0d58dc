"""What the pages may cost: a first load, and a room of ten thousand messages that is read upwards to its beginning and
down again. `python -m tests.browser.measure` says what they do cost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from tests.browser.lesson import SignIn, in_room, let_in, message
from tests.browser.load import Load, main_thread_ms
from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.service, pytest.mark.timeout(600)]

SERVER_ENV = {"LIMIT_SENDS": "1000/second", "LIMIT_SENDS_BURST": "1000"}
FIRST_LOAD_BYTES = 150_000
LAYOUT_SHIFT = 0.05
MESSAGES = 10_000
MOST_ROWS = 600
STEP_CPU_MS = 120
"""Of the page's main thread, for a step that fetches a hundred messages and shows them; a quarter of it is usual."""

FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :more)
INSERT INTO messages (room_id, seq, sender_id, client_id, type, body, body_hash, code, params, file_id, created_at)
SELECT m.room_id, m.seq + i, m.sender_id, m.client_id || '-' || i, m.type, 'line ' || (m.seq + i) || substr(
    ' and something longer, which takes a second line on a phone and says *what* was meant', 1, ((:more - i) % 7) * 15),
    m.body_hash, m.code, m.params, m.file_id, m.created_at
FROM messages m, n WHERE m.room_id = :room AND m.seq = 2
"""
# Goes up (or down) until there is nothing more, and says how it went: how many rows stood at most, and how far what one
# was reading moved when others came.
SCROLL = """async ({ up, last }) => {
    const log = document.querySelector("#log");
    const rows = () => [...log.querySelectorAll("#said [data-seq]")];
    const end = () => Number(up ? rows()[0].dataset.seq : rows().at(-1).dataset.seq);
    const frame = () => new Promise(requestAnimationFrame);
    let steps = 0, most = 0, moved = 0;
    for (const ends = performance.now() + 250_000; end() !== last && performance.now() < ends; steps++) {
        const before = end();
        log.scrollTop = up ? 1 : log.scrollHeight - log.clientHeight - 1;
        const top = log.getBoundingClientRect().top;
        const read = rows().find((row) => row.matches(".message") && row.getBoundingClientRect().bottom > top + 100);
        const edge = () => log.querySelector(`.message[data-seq="${read.dataset.seq}"]`).getBoundingClientRect().bottom;
        const place = edge();
        while (end() === before && performance.now() < ends) await frame();
        await frame();
        most = Math.max(most, rows().length);
        moved = Math.max(moved, Math.abs(edge() - place));
    }
    return { steps, most, moved, end: end() };
}"""


def test_the_first_load_of_a_room_stays_in_its_budget(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Light")["id"])
    let_in(host, room_id, guest)
    host.rest.say(room_id, *(f"line {number}" for number in range(50)))
    for person in (host, guest):
        page = sign_in(person).context.new_page()
        load = Load(page)
        page.goto(f"{server.url}/rooms/{room_id}/")
        expect(message(page, "line 49")).to_be_in_viewport()
        page.wait_for_load_state("networkidle")
        assert load.bytes < FIRST_LOAD_BYTES, f"{load.requests} requests, {load.bytes} bytes"
        assert load.figures()["shift"] < LAYOUT_SHIFT, load.figures()["shifted"]


def long_room(server: ServerProcess, host: Person) -> str:
    room_id = str(host.rest.create_room("A whole year")["id"])
    host.rest.say(room_id, "line 2")
    engine = create_engine(server.env["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text(FILL), {"more": MESSAGES - 2, "room": room_id})
        connection.execute(
            text("UPDATE rooms SET last_seq = :head WHERE id = :room"), {"head": MESSAGES, "room": room_id}
        )
    engine.dispose()
    return room_id


def test_ten_thousand_messages_are_read_in_a_window(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    page = in_room(sign_in, host, long_room(server, host))
    expect(message(page, f"line {MESSAGES}")).to_be_in_viewport()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = main_thread_ms(session)
    up: dict[str, Any] = page.evaluate(SCROLL, {"up": True, "last": 1})
    per_step = (main_thread_ms(session) - before) / up["steps"]
    assert up["end"] == 1
    assert up["most"] < MOST_ROWS
    assert up["moved"] < 2, "what one was reading moved away"
    assert per_step < STEP_CPU_MS
    down: dict[str, Any] = page.evaluate(SCROLL, {"up": False, "last": MESSAGES})
    assert down["end"] == MESSAGES
    assert down["most"] < MOST_ROWS
    assert down["moved"] < 2
    page.locator("#log").evaluate("log => log.scrollTo(0, 0)")
    page.get_by_role("button", name="To the newest").click()
    expect(message(page, f"line {MESSAGES}")).to_be_in_viewport()
