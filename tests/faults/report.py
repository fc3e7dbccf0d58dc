"""The table of a run: fault, how it was injected, what clients saw of it, and which invariants held."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.check_delivery import latencies, machine_was_busy, percentile
from tests.faults.checker import CHECKS, Verdict
from tests.faults.history import Fault, Operation
from tests.faults.run_facts import Facts


@dataclass(frozen=True, slots=True)
class Row:
    """One sort of fault in one run. `gap` is the longest time, in seconds, from a send's first attempt to its ack;
    `retried` counts attempts that were answered `retryable` or not at all; `cut` connections lost."""

    fault: str
    how: str
    times: int
    seconds: float
    gap: float
    retried: int
    cut: int


def rows(facts: Facts) -> list[Row]:
    """One row for each sort of fault, in the order of their first coming."""
    sorts: dict[str, list[Fault]] = defaultdict(list)
    for fault in facts.history.faults:
        sorts[fault.name].append(fault)
    waits: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for attempts in facts.attempts.values():
        _put_down(facts, attempts, waits)
    return [_row(facts, name, faults, waits[name]) for name, faults in sorts.items()]


def _put_down(facts: Facts, attempts: list[Operation], waits: dict[str, list[tuple[float, int]]]) -> None:
    """A send's wait and its further attempts, to the fault that it shared most time with: one follows the other."""
    begun = attempts[0].invoked
    acked = next((send.ended for send in attempts if send.outcome == "ok"), None)
    ended = acked or max(send.ended or send.invoked for send in attempts)
    met = [fault for fault in facts.history.faults if fault.overlaps(begun, ended)]
    if met:
        most = max(met, key=lambda fault: min(ended, _end(facts, fault)) - max(begun, fault.begun))
        retried = sum(send.outcome == "unknown" for send in attempts)
        waits[most.name].append((ended - begun if acked else 0.0, retried))


def _end(facts: Facts, fault: Fault) -> float:
    """When it ended; one that never did lasted as long as the run."""
    return facts.history.notes[-1].at if fault.ended is None else fault.ended


def _row(facts: Facts, name: str, faults: list[Fault], waits: list[tuple[float, int]]) -> Row:
    cut = sum(any(fault.overlaps(note.at - 0.5, note.at) for fault in faults) for note in facts.history.noted("cut"))
    seconds = sum(_end(facts, fault) - fault.begun for fault in faults)
    gap = max((wait for wait, _ in waits), default=0.0)
    retried = sum(retried for _, retried in waits)
    return Row(name, faults[0].how, len(faults), round(seconds, 1), round(gap, 2), retried, cut)


def summary(facts: Facts, verdict: Verdict, **about: object) -> dict[str, object]:
    """Everything of a run that is worth keeping, as JSON's types."""
    outcomes: dict[str, int] = defaultdict(int)
    for operation in facts.history.operations:
        outcomes[f"{operation.name} {operation.outcome}"] += 1
    return {
        **about,
        "verdict": "ok" if verdict else verdict.broken,
        "violations": [f"{each.invariant}: {each.text}" for each in verdict.violations[:50]],
        "machine_too_busy_for_I10": machine_was_busy(facts),
        "messages": sum(len(room.messages) for room in facts.rooms.values()),
        "deliveries": len(facts.history.sights),
        "operations": dict(sorted(outcomes.items())),
        "latency_ms": {
            name: {
                "deliveries": len(seconds),
                "p50": round(1000 * percentile(seconds, 0.5), 1),
                "p99": round(1000 * percentile(seconds, 0.99), 1),
            }
            for name, seconds in latencies(facts).items()
        },
        "faults": [asdict(row) for row in rows(facts)],
    }


HEAD = (
    "fault",
    "injected how",
    "times",
    "lasted, s",
    "longest wait for an ack, s",
    "sends retried",
    "connections lost",
    "invariants",
)
CELLS = ("fault", "how", "times", "seconds", "gap", "retried", "cut")


def markdown(summaries: Iterable[dict[str, object]]) -> str:
    """The table, one line a fault; the last column is the judgement of the whole run that the fault was in."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for each in summaries:
        verdict = each["verdict"]
        held = _held(busy=bool(each["machine_too_busy_for_I10"])) if verdict == "ok" else f"broken: {verdict}"
        faults = each["faults"]
        assert isinstance(faults, list)
        lines += ["| " + " | ".join([*(str(row[cell]) for cell in CELLS), held]) + " |" for row in faults]
    return "\n".join(lines) + "\n"


def figures(summary: dict[str, object]) -> str:
    """What a run was and did, in one line for each."""
    latency, operations = summary["latency_ms"], summary["operations"]
    assert isinstance(latency, dict)
    assert isinstance(operations, dict)
    outcomes = {name: count for name, count in operations.items() if name.startswith("send ")}
    lines = [
        f"- {summary['messages']:,} messages, {summary['deliveries']:,} deliveries",
        "- sends: " + ", ".join(f"{count:,} {name.removeprefix('send ')}" for name, count in outcomes.items()),
        *(
            f"- delivery, {name}: p50 {each['p50']} ms, p99 {each['p99']} ms of {each['deliveries']:,}"
            for name, each in latency.items()
        ),
    ]
    if summary["machine_too_busy_for_I10"]:
        lines.append("- the machine was too busy elsewhere to judge how quick delivery is (I10)")
    return "\n".join(lines) + "\n"


def put(page: Path, part: str, text: str) -> None:
    """Replace what stands in a page between the marks of `part`."""
    begin, end = f"<!-- {part} -->\n", f"<!-- /{part} -->"
    before, _, rest = page.read_text().partition(begin)
    _, mark, after = rest.partition(end)
    assert mark, f"{page} has no part {part}"
    page.write_text(before + begin + text + end + after)


def machine() -> str:
    """What a run was made on, as far as it matters."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = names[0] if names else "unknown processor"
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def _held(*, busy: bool) -> str:
    """Names what was not judged as well: a table must not promise more than was looked at."""
    judged = [name for name in CHECKS if not (busy and name == "I10")]
    missing = [name for name in (f"I{number}" for number in range(1, 16)) if name not in judged]
    return f"{len(judged)} hold; not judged: {', '.join(missing)}"


def save(folder: Path, summaries: list[dict[str, object]]) -> None:
    """`report.json` and `report.md` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(summaries, indent=1, ensure_ascii=False) + "\n")
    (folder / "report.md").write_text(markdown(summaries))
