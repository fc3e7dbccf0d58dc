"""What loading a page costs, asked of Chromium itself: bytes on the wire, paints, shifts, its main thread's work."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import CDPSession, Page

WATCH = """(() => {
    const seen = (window.seen = { paints: {}, largest: 0, shift: 0, shifted: [], blocked: 0, slowest: 0 });
    const on = (type, take, more = {}) =>
        new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
    on("paint", ({ name, startTime }) => (seen.paints[name] = startTime));
    on("largest-contentful-paint", ({ startTime }) => (seen.largest = startTime));
    on("longtask", ({ duration }) => (seen.blocked += duration - 50));
    on("event", ({ duration }) => (seen.slowest = Math.max(seen.slowest, duration)), { durationThreshold: 16 });
    on("layout-shift", ({ value, hadRecentInput, sources }) => {
        if (hadRecentInput) return;
        seen.shift += value;
        seen.shifted.push(...sources.map(({ node }) => node?.outerHTML?.slice(0, 120)));
    });
})()"""


class Load:
    """Watches a page from before it is opened."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        self.requests = 0
        self._page = page
        self.session = page.context.new_cdp_session(page)
        self.session.on("Network.loadingFinished", self._finished)
        self.session.send("Network.enable")
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.add_init_script(WATCH)

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])
        self.requests += 1

    def figures(self) -> dict[str, Any]:
        """Milliseconds: `paints`, `largest`, `blocked` beyond 50 a task, `slowest` input; and `shift`, with what
        `shifted`."""
        found: dict[str, Any] = self._page.evaluate("window.seen")
        return found


def main_thread_ms(session: CDPSession) -> float:
    """How long the page's main thread has worked, in milliseconds of its own clock, which stands while others run."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1000
