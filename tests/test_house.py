"""The repository's own files: what they must not name, and what they must agree on."""

import ast
import json
import re
import runpy
from importlib.metadata import version

import pytest

from config import ROOT

REQUIREMENTS = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
PINS = [
    line for file in REQUIREMENTS for line in file.read_text().splitlines() if line and not line.startswith(("-", "#"))
]


@pytest.mark.parametrize("pin", PINS)
def test_every_requirement_is_pinned_installed_and_has_its_reason(pin: str) -> None:
    match = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?==(\d[\w.]*)", pin)
    assert match is not None
    assert version(match[1]) == match[2]
    reasons = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text().lower()
    assert re.search(rf"[| ]{re.escape(match[1].lower())}[\[, ]", reasons)


def test_what_the_requirements_bring_along_is_pinned_too() -> None:
    constrain = runpy.run_path(str(ROOT / "scripts" / "constrain.py"))
    written = (ROOT / "constraints.txt").read_text().splitlines()
    assert written[0] == constrain["HEAD"].strip()
    brought = {f"{name}=={version}" for name, version in constrain["brought"]().items()}
    assert len(brought) > len(PINS)
    assert brought <= set(written), "run scripts/constrain.py where all tests have passed"


def test_the_javascript_lock_names_hashes_and_no_host() -> None:
    lock = (ROOT / "tests" / "js" / "package-lock.json").read_text()
    packages = {path: entry for path, entry in json.loads(lock)["packages"].items() if path}
    assert packages["node_modules/socket.io-client"]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "://" not in lock


def test_the_decisions_are_numbered_without_gaps_or_twins() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:5] for page in pages] == [f"{number:04}-" for number in range(1, len(pages) + 1)]
    for page in pages:
        assert page.read_text().startswith(f"# {page.name[:4]} · "), page.name


def test_the_image_gets_all_that_a_worker_imports() -> None:
    copied = set(
        re.findall(
            r"[\w./]+",
            " ".join(re.findall(r"^COPY (.*) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)),
        )
    )
    seen: set[str] = set()
    asked = ["wsgi"]
    while asked:
        name = asked.pop()
        found = [path for path in (ROOT / f"{name}.py", ROOT / name) if path.exists()]
        if name in seen or not found:
            continue
        seen.add(name)
        assert found[0].name in copied, f"{name} is imported, and not in the image"
        for path in found[0].rglob("*.py") if found[0].is_dir() else found:
            for node in ast.walk(ast.parse(path.read_text())):
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                modules += [each.name for each in node.names] if isinstance(node, ast.Import) else []
                asked += [module.partition(".")[0] for module in modules]
    assert seen == {"wsgi", "config", "settings", "chatapp"}
