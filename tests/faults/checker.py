"""Decides from a history and what was read back whether the promises were kept. Pure: no clock, no network, no files.

Each invariant of the fault list is one function that names its violations in words. Here they are put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.faults import check_authority, check_delivery, check_hosts, check_sends
from tests.faults.history import History, ReadBack
from tests.faults.run_facts import Bounds, Facts, Violation

Check = Callable[[Facts], list[Violation]]

CHECKS: dict[str, Check] = {
    "I1": check_sends.acked_sends_stand,
    "I2": check_sends.nothing_uninvoked_or_doubled,
    "I3": check_delivery.the_log_has_no_hole,
    "I4": check_sends.a_sender_keeps_its_order,
    "I5": check_delivery.everybody_applied_everything_once,
    "I6": check_delivery.observers_agree,
    "I7": check_sends.acked_before_is_below,
    "I8": check_authority.the_removed_are_out,
    "I9": check_hosts.rooms_close_once_and_in_time,
    "I10": check_delivery.delivery_is_quick,
    "I12": check_authority.strangers_receive_nothing,
    "I14": check_authority.nothing_hangs,
    "I15": check_authority.the_lobby_is_told,
}


class Verdict:
    """What the checker found. True when nothing is wrong."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = violations

    def __bool__(self) -> bool:
        return not self.violations

    @property
    def broken(self) -> dict[str, int]:
        """How many violations each broken invariant has."""
        return dict(sorted(Counter(each.invariant for each in self.violations).items()))

    def __str__(self) -> str:
        if self:
            return "all invariants hold"
        shown = [f"{each.invariant}: {each.text}" for each in self.violations[:12]]
        return "\n".join([f"violated: {self.broken}", *shown])


def check(
    history: History, read_back: ReadBack, bounds: Bounds | None = None, *, only: set[str] | None = None
) -> Verdict:
    """Judge a run by all invariants, or by `only` these."""
    facts = Facts(history, read_back, bounds or Bounds())
    wanted = {name: judge for name, judge in CHECKS.items() if only is None or name in only}
    return Verdict([violation for judge in wanted.values() for violation in judge(facts)])
