"""A room and the four people whom its rules tell apart, each with a line to the server."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.people import Person
from tests.wire.line import Line

ROOMY = {
    "LIMIT_SENDS": "1000/second",
    "LIMIT_SENDS_BURST": "1000",
    "LIMIT_PACKETS": "10000/second",
    "LIMIT_PACKETS_BURST": "5000",
    "LIMIT_HISTORY": "100000/minute",
    "LIMIT_REQUESTS": "10000/second",
    "LIMIT_REQUESTS_BURST": "10000",
    "LIMIT_KNOCKS": "100/hour",
}
"""Settings for tests that are about something else than limits."""


@dataclass
class Room:
    """A room, its host, a participant, somebody who waits, a stranger; and a line each."""

    id: str
    teacher: Person
    inside: Person
    waiting: Person
    stranger: Person
    lines: dict[str, Line]

    def line(self, who: str) -> Line:
        return self.lines[who]
