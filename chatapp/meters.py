"""What this process counts: plain numbers, cheap enough for the way of a message. No delivery is counted by itself,
only a batch of them. How the numbers are shown to a scraper is `transports.rest.metrics`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime

from chatapp.contract.errors import Code
from chatapp.contract.words import Bye


class Counter:
    """A number that only rises; with a label, one for each of its values. Those known beforehand are there from the
    start: an alert on a rate needs a zero to rise from. With threads a count may be lost, which a rate can bear."""

    def __init__(self, name: str, help_text: str, label: str = "", values: Iterable[str] = ("",)) -> None:
        self.name, self.help_text, self.label = name, help_text, label
        self.values = dict.fromkeys(map(str, values), 0)

    def add(self, count: int = 1, value: str = "") -> None:
        """Count `count` more, of this label's value."""
        self.values[value] = self.values.get(value, 0) + count


class Histogram:
    """How long things take, in seconds, or how large they are. `counts` has one more place than `bounds`."""

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self.name, self.help_text, self.bounds = name, help_text, bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """See `value`, for so many things at once."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

SENDS = Counter(
    "chatapp_sends", "Sends answered, by what became of them.", "outcome", ("stored", "duplicate", "refused")
)
DELIVERIES = Counter("chatapp_deliveries", "Messages handed to readers' connections.")
REFUSED = Counter("chatapp_refused", "Requests and commands refused, by error code.", "code", Code)
BYES = Counter("chatapp_byes", "Connections that the server ended, by reason.", "code", Bye)
COMMANDS = Counter("chatapp_commands", "Commands of the sockets, by name.", "command", ())
REQUESTS = Counter("chatapp_http_requests", "HTTP requests answered, by class of status.", "status", ("2xx", "4xx"))
GAPS_FILLED = Counter("chatapp_pump_gaps_filled", "Holes in a room's stream that were filled from its log.")
LOGS_READ = Counter("chatapp_pump_log_reads", "Messages that a pump had to read from a room's log.")
RESETS = Counter("chatapp_pump_resets", "Rooms whose log was replaced by another while they were served.")
HINTS = Counter("chatapp_queue_published", "Messages handed to Redis for the other workers.")
QUEUE_FAILURES = Counter("chatapp_queue_failures", "Failures to hear or to speak on Redis.")
FENCES = Counter("chatapp_fences", "Times that this worker stopped serving because its lease was not sure.")
TASK_FAILURES = Counter("chatapp_task_failures", "Rounds of a background task that failed.", "task", ())

BATCH_SIZE = Histogram("chatapp_batch_size", "Sends in one transaction.", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
COMMIT_SECONDS = Histogram("chatapp_commit_seconds", "From BEGIN to COMMIT of a batch.", _LATENCY)
ACK_SECONDS = Histogram("chatapp_ack_seconds", "From a send's arrival to its ack.", _LATENCY)
DELIVERY_SECONDS = Histogram(
    "chatapp_delivery_seconds", "From a message's place in the order to its readers here, by wall clock.", _LATENCY
)
LOOP_LAG_SECONDS = Histogram("chatapp_loop_lag_seconds", "How late a sleeper wakes up.", _LATENCY)
REQUEST_SECONDS = Histogram("chatapp_http_request_seconds", "From an HTTP request's head to its answer.", _LATENCY)

COUNTERS = (
    SENDS,
    DELIVERIES,
    REFUSED,
    BYES,
    COMMANDS,
    REQUESTS,
    GAPS_FILLED,
    LOGS_READ,
    RESETS,
    HINTS,
    QUEUE_FAILURES,
    FENCES,
    TASK_FAILURES,
)
HISTOGRAMS = (BATCH_SIZE, COMMIT_SECONDS, ACK_SECONDS, DELIVERY_SECONDS, LOOP_LAG_SECONDS, REQUEST_SECONDS)

_CREATED = b'"created_at":"'


def delivered(payload: bytes, count: int, moment: float) -> None:
    """A message, given its place at its `created_at`, was handed to `count` readers at `moment` (Unix time); or
    several, of which it is the first. The clocks of two machines may differ: never less than nothing."""
    DELIVERIES.add(count)
    start = payload.rfind(_CREATED) + len(_CREATED)
    try:
        placed = datetime.fromisoformat(payload[start : start + 24].decode("ascii")).timestamp()
    except ValueError:
        return
    DELIVERY_SECONDS.observe(max(0.0, moment - placed), count)
