"""docs/security-cases.md against the tests: every case is there, has a test, and names only tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from config import ROOT

ASVS = ROOT / "docs" / "asvs.md"
DOCUMENT = ROOT / "docs" / "security-cases.md"
CASES = {"A": 19, "B": 14, "C": 8, "D": 8, "E": 10, "F": 7, "G": 12, "H": 9, "I": 7}
"""How many cases each group has. A new one is added here, too; none is ever taken away."""

UPLOADS = "/api/chat/<id:room_id>/files/"
ROW = re.compile(r"\| ([A-Z])(\d+) \| (.+) \| (.+) \| (.+) \|")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[(.+?)\])?`")

Row = tuple[str, str, str]


def rows() -> dict[str, Row]:
    """Case -> (what is sent, the answer, the tests)."""
    found: dict[str, Row] = {}
    for line in DOCUMENT.read_text().splitlines():
        if match := ROW.fullmatch(line):
            group, number, *rest = match.groups()
            assert f"{group}{number}" not in found, f"{group}{number} is there twice"
            found[f"{group}{number}"] = (rest[0], rest[1], rest[2])
        else:
            assert not line.startswith("|") or line.startswith(("| id |", "|---")), f"not a row: {line}"
    return found


@cache
def names_in(path: Path) -> frozenset[str]:
    """The test functions of a file, those in classes too."""
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def faults(case: str, tests: str) -> list[str]:
    """What is wrong with the tests that a case names."""
    named = TEST.findall(tests)
    if not named or TEST.sub("", tests).replace("<br>", "").strip():
        return [f"{case} names no test, or something else: {tests}"]
    wrong = []
    for file, name, parameter in named:
        path = ROOT / file
        if not path.is_file() or not name.startswith("test_") or name not in names_in(path):
            wrong.append(f"{case}: there is no {file}::{name}")
        elif parameter and parameter not in path.read_text():
            wrong.append(f"{case}: {file}::{name} has no parameter {parameter}")
    return wrong


def wanted(app: Flask) -> set[str]:
    """The groups that must be there: that of files from the day on which files can be sent."""
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    return {group for group in CASES if group != "H" or UPLOADS in rules}


def test_every_case_of_every_group_is_there_in_its_order(app: Flask) -> None:
    there = list(rows())
    groups = wanted(app) | {case[0] for case in there}
    assert there == [f"{group}{number}" for group in sorted(groups) for number in range(1, CASES[group] + 1)]


def test_every_case_has_a_test_and_every_test_exists() -> None:
    assert [fault for case, (_, _, tests) in rows().items() for fault in faults(case, tests)] == []


@pytest.mark.parametrize(
    "tests",
    ["", "later", "`tests/test_nowhere.py::test_nothing`", "`tests/test_security_cases.py::test_nothing`",
     "`tests/test_security_cases.py::faults`", "`tests/test_house.py::test_every_requirement`",
     "`tests/wire/test_packet_gate.py::test_what_is_no_packet_closes_the_connection[a packet of ours]`",
     "`tests/test_house.py::test_every_requirement_is_pinned_installed_and_has_its_reason` and more"],
)  # fmt: skip
def test_a_case_without_a_real_test_would_be_seen(tests: str) -> None:
    assert faults("A1", tests)


def test_every_requirement_of_the_standard_names_tests_that_exist_or_says_whose_it_is() -> None:
    rows = [
        line.strip("| ").split(" | ") for line in ASVS.read_text().splitlines() if re.match(r"\| (?!id|what|---)", line)
    ]
    assert len(rows) > 150
    wrong = [fault for row in rows if row[-1] != "–" for fault in faults(row[0], row[-1])]
    assert wrong == []
    own = [row for row in rows if row[-1] == "–"]
    assert [row for row in own if "operator's" not in " ".join(row) and "**not met**" not in " ".join(row)] == []
    ids = [row[0] for row in rows if re.fullmatch(r"V\d+\.\d+\.\d+", row[0])]
    assert len(ids) == len(set(ids)) > 130
