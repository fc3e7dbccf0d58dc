"""What a process can say of itself at the moment of asking. What it counts as it goes is `meters`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatapp.transports.write_side import WriteSide

if TYPE_CHECKING:
    from chatapp.runtime import Runtime

_LEVELS = {"ready": 1.0, "degraded": 0.5, "not_ready": 0.0}


def of(runtime: Runtime) -> dict[str, tuple[str, float]]:
    """Name -> (what it says, its value now)."""
    hub, queue = runtime.hub, runtime.queue
    pumps = list(hub.pumps.values())
    behind = sum(isinstance(each, WriteSide) and each.backlogged for each in runtime.connections)
    unseen = time.monotonic() - hub.seen_database if runtime.started else 0.0
    return {
        "connections": ("Live connections.", len(hub.connections)),
        "users": ("Users with a live connection.", len(hub.users())),
        "rooms": ("Rooms with somebody in them here.", len(pumps)),
        "send_queue": ("Sends that wait for a commit.", runtime.committer.depth),
        "send_queue_capacity": ("Sends that may wait.", runtime.settings.committer_queue),
        "ready": ("1 when ready, 0.5 when degraded, 0 when not.", _LEVELS[runtime.readiness()[0]]),
        "serving": ("1 while this worker's lease stands.", bool(runtime.worker_id())),
        "queue_healthy": ("1 while what other workers say is heard.", queue.healthy),
        "queue_waiting_bytes": ("What waits to be published.", queue.waiting_bytes),
        "database_unseen_seconds": ("Since the database was last seen.", max(0.0, unseen)),
        "pump_holes": ("Rooms whose stream waits for an earlier message.", sum(pump.has_hole for pump in pumps)),
        "slow_readers": ("Connections that have not taken all that was sent.", behind),
    }
