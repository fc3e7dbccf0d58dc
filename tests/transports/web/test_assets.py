"""The files of the pages: kept by browsers as long as they are the same, and nothing but them is served."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from flask import Flask

from chatapp.transports.web import assets

VENDOR = assets.FOLDER / "vendor"
LISTED = json.loads((VENDOR / "vendor.json").read_text())


def asset(app: Flask, name: str) -> str:
    with app.test_request_context():
        return assets.url(name)


def test_a_file_is_kept_for_ever_under_its_version_and_not_at_all_under_another(app: Flask) -> None:
    path = asset(app, "room/room.js")
    with app.test_client().get(path) as kept:
        assert kept.mimetype == "text/javascript"
        assert "immutable" in kept.headers["Cache-Control"]
        assert kept.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in kept.headers
    with app.test_client().get(path.replace(assets.current_version(), "0" * 12)) as other:
        assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "name", ["../__init__.py", "..%2f__init__.py", "../../.env", "%2e%2e/%2e%2e/config.py", "/etc/passwd"]
)
def test_nothing_else_is_served(app: Flask, name: str) -> None:
    answer = app.test_client().get(f"/assets/{assets.current_version()}/{name}")
    assert answer.status_code in (404, 308)
    assert "import" not in answer.text


def test_every_vendored_file_is_listed_with_its_hash_version_and_licence() -> None:
    listed = {file["file"]: file["sha256"] for entry in LISTED for file in entry["files"]}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    del found["vendor.json"]
    assert listed == found
    for entry in LISTED:
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
        assert entry["licence"] == "MIT"
        assert any(file["file"].endswith("LICENSE") for file in entry["files"])


def test_the_sprite_has_the_icons_that_are_drawn_and_no_other() -> None:
    icons = next(file["icons"] for entry in LISTED for file in entry["files"] if "icons" in file)
    sources = [*assets.FOLDER.rglob("*.js"), *(assets.FOLDER.parent / "templates").rglob("*.html")]
    text = "\n".join(path.read_text() for path in sources if path.parent != VENDOR)
    assert [icon for icon in icons if f'"{icon}"' not in text] == []
    assert set(re.findall(r'\bicon\("([a-z-]+)"', text)) <= set(icons)


def test_every_module_says_what_it_is_for_and_imports_only_what_is_here() -> None:
    modules = [
        path for folder in ("client", "view", "home", "room", "files") for path in (assets.FOLDER / folder).glob("*.js")
    ]
    assert len(modules) > 10
    for module in modules:
        text = module.read_text()
        assert text.startswith("/**"), module
        assert len(text.splitlines()) < 250, module
        for imported in re.findall(r'from "([^"]+)"', text):
            assert (module.parent / imported).is_file(), (module, imported)
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), (
            module
        )
        if module.parent.name == "client":
            assert "document" not in text.replace("documents", ""), module
