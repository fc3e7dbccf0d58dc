"""What the report says of a run, and where it puts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.history import History
from tests.faults.run_facts import Bounds, Facts


@pytest.fixture
def moment() -> list[float]:
    return [0.0]


@pytest.fixture
def history(moment: list[float]) -> History:
    made = History(clock=lambda: moment[0])
    made.client("ada", "ada", "member")
    return made


def test_a_wait_is_put_down_to_the_fault_that_it_shared_most_time_with(history: History, moment: list[float]) -> None:
    first = history.begin("a hiccup", "database", how="somehow")
    send = history.invoke("ada", "w0", "send", room="r", client_id="1", body="x")
    moment[0] = 0.5
    history.heal(first)
    second = history.begin("an outage", "database", how="for long")
    moment[0] = 1.0
    history.end(send, "unknown", why="cut")
    again = history.invoke("ada", "w0", "send", room="r", client_id="1", body="x")
    moment[0] = 8.0
    history.end(again, "ok", seq=1, duplicate=False)
    history.note("ada", "cut")
    history.heal(second)
    hiccup, outage = report.rows(Facts(history, {}, Bounds()))
    assert (hiccup.how, hiccup.seconds, hiccup.gap, hiccup.retried, hiccup.cut) == ("somehow", 0.5, 0.0, 0, 0)
    assert (outage.how, outage.seconds, outage.gap, outage.retried, outage.cut) == ("for long", 7.5, 8.0, 1, 1)


def test_a_fault_that_never_ends_lasts_as_long_as_the_run(history: History, moment: list[float]) -> None:
    history.begin("gone", "redis", how="refused")
    moment[0] = 12.0
    history.note("run", "end")
    (row,) = report.rows(Facts(history, {}, Bounds()))
    assert row.seconds == 12.0


def test_a_part_of_the_page_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- one -->\nold\n<!-- /one -->\nbetween\n<!-- two -->\n<!-- /two -->\n")
    report.put(page, "one", "new\n")
    assert page.read_text() == "before\n<!-- one -->\nnew\n<!-- /one -->\nbetween\n<!-- two -->\n<!-- /two -->\n"
    with pytest.raises(AssertionError, match="no part three"):
        report.put(page, "three", "new\n")
