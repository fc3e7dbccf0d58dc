"""The ledger sees each kind of fault: what judges the product must not be blind itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import ledger


def log(*seqs: int, body: str = "hello") -> list[dict[str, Any]]:
    return [{"seq": seq, "body": body} for seq in seqs]


@pytest.mark.parametrize(
    ("received", "fault"),
    [
        (log(1, 2, 4), "3 never came"),
        (log(1, 2, 2, 3, 4), "2 came twice"),
        (log(1, 3, 2, 4), "2 came after 3"),
        (log(1, 2, 3, 4, 5), "5 came, and should not have"),
        (log(1, 2, 3) + log(4, body="other"), "4 differs in body"),
        ([], "1 never came"),
    ],
)
def test_a_fault_is_named(received: list[dict[str, Any]], fault: str) -> None:
    assert any(found.startswith(fault) for found in ledger.faults(received, log(1, 2, 3, 4)))
    with pytest.raises(AssertionError):
        ledger.assert_equal(received, log(1, 2, 3, 4))


def test_a_hole_in_the_rooms_own_log_is_named() -> None:
    assert ledger.faults(log(1, 3), log(1, 3), last=3)
    assert ledger.faults(log(2, 3), log(2, 3), first=2, last=3)


def test_equal_logs_and_equal_parts_have_no_fault() -> None:
    assert ledger.faults(log(1, 2, 3, 4), log(1, 2, 3, 4)) == []
    assert ledger.faults(log(2, 3), log(1, 2, 3, 4), first=2, last=3) == []
