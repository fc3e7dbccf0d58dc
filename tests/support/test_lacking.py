"""A missing program is said, and never passed over where everything is tested."""

from __future__ import annotations

import re

import pytest

from config import ROOT
from tests.support.lacking import lacking, program


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_missing_is_a_failure_in_ci_alone(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install some-package"):
        program("no-such-program", package="some-package")
    with pytest.raises(outcome, match="no disk"):
        lacking("no disk")
    assert program("sh", package="dash").endswith("/sh")


def test_nobody_skips_by_a_rule_of_their_own() -> None:
    skips = re.compile(r"pytest\.skip\(|importorskip|mark\.(?:skip|xfail)|\btest\.(?:skip|todo)\(|\bskip: ")
    found = [
        str(path.relative_to(ROOT))
        for kind in ("*.py", "*.mjs")
        for path in (ROOT / "tests").rglob(kind)
        if "node_modules" not in path.parts and skips.search(path.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == ["tests/support/lacking.py", "tests/support/test_lacking.py"]
