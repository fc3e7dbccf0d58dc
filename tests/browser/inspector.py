"""Looks at a page as a reviewer would: what axe-core says in both themes, whether anything scrolls sideways on a small
phone or from right to left, whether targets can be touched; and keeps pictures, for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize

from config import ROOT

AXE = ROOT / "tests" / "js" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "test-results" / "pictures"
TARGET = 44
SMALLEST: ViewportSize = {"width": 320, "height": 568}

# The same page in another theme differs in its colours alone.
RULES = {"light": "{ resultTypes: ['violations'] }", "dark": "{ runOnly: ['color-contrast'] }"}
SIDEWAYS = """() => [document.documentElement.scrollWidth - innerWidth,
    ...[...document.querySelectorAll("main, .side, .log")].map((node) => node.scrollWidth - node.clientWidth)]
    .some((more) => more > 0)"""
SMALL = """(least) => [...document.querySelectorAll("button, .button, textarea, select, input")]
    .filter((node) => !node.matches("[type=hidden], .check *, .choose *, .unseen"))
    .map((node) => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < least || box.width < least))
    .map(([name]) => name)"""


class Inspector:
    """Collects what is wrong on a tour, so that one walk shows all of it."""

    def __init__(self, name: str, *, is_phone: bool, pictures: bool) -> None:
        self.faults: list[str] = []
        self._name = name
        self._is_phone = is_phone
        self._pictures = pictures

    def look(self, page: Page, state: str) -> None:
        """Look at one state of one page."""
        page.evaluate("document.fonts.ready")
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE.read_text())
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            self._ask_axe(page, state, scheme)
            self._keep(page, f"{self._name}-{scheme}-{state}")
        if small := page.evaluate(SMALL, TARGET):
            self.faults.append(f"{state}: too small to touch: {small}")
        self._sideways(page, state)
        self._mirrored(page, state)
        if self._is_phone:
            self._on_the_smallest(page, state)

    def _ask_axe(self, page: Page, state: str, scheme: str) -> None:
        found: list[dict[str, Any]] = page.evaluate(f"axe.run(document, {RULES[scheme]})")["violations"]
        for one in found:
            nodes = [f"{node['html'][:160]} {node.get('failureSummary', '')}" for node in one["nodes"][:3]]
            self.faults.append(f"{state}, {scheme}: {one['id']}: {nodes}")

    def _sideways(self, page: Page, state: str) -> None:
        if page.evaluate(SIDEWAYS):
            self.faults.append(f"{state}: scrolls sideways")

    def _mirrored(self, page: Page, state: str) -> None:
        page.evaluate("document.documentElement.dir = 'rtl'")
        self._sideways(page, f"{state}, from right to left")
        self._keep(page, f"{self._name}-rtl-{state}")
        page.evaluate("document.documentElement.dir = 'ltr'")

    def _on_the_smallest(self, page: Page, state: str) -> None:
        before = page.viewport_size
        assert before is not None
        page.set_viewport_size(SMALLEST)
        self._sideways(page, f"{state}, 320 px")
        self._keep(page, f"narrow-light-{state}")
        page.set_viewport_size(before)

    def _keep(self, page: Page, name: str) -> None:
        if not self._pictures:
            return
        path: Path = PICTURES / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = page.viewport_size
        assert before is not None
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": before["width"], "height": max(tall, before["height"])})
        page.screenshot(path=path)
        page.set_viewport_size(before)
