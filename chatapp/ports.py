"""What delivery is given of the domain: the leases' ledger, the deliverer's questions, what is read for readers.

Delivery names what it needs and does not know the domain; here, and nowhere else, the two are matched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatapp.domain import absences as hosts_absences
from chatapp.domain import (
    deliveries,
    entering,
    leases,
    lobby,
    notifications,
    participants,
    rooms,
    sessions,
    visits,
    workers,
)
from chatapp.realtime.leases import Terms
from chatapp.realtime.reads import Reads

if TYPE_CHECKING:
    from config import Settings

JUMP_SECONDS = 5.0
"""A process whose loops came so much too late stood still: what it held may be another's by now."""


class Ledger:
    """What the leases write, in the domain's words."""

    clock_error = staticmethod(workers.clock_error)
    begin = staticmethod(workers.begin)
    beat = staticmethod(workers.beat)
    beats = staticmethod(workers.beats)
    bury = staticmethod(workers.bury)
    absences = staticmethod(workers.absences)
    tell_away = staticmethod(hosts_absences.tell_away)
    postpone = staticmethod(hosts_absences.postpone)
    close_abandoned = staticmethod(hosts_absences.close_abandoned)


class Deliveries:
    """What the deliverer asks and notes, in the domain's words."""

    hold = staticmethod(leases.hold)
    due = staticmethod(deliveries.due)
    parcels = staticmethod(deliveries.parcels)
    note = staticmethod(deliveries.note)


READS = Reads(
    entries_after=lambda room_id, after: entering.entries_after(room_id=room_id, after=after),
    room_by_role=lambda room_id: {role.value: shown for role, shown in rooms.shown_by_role(room_id=room_id).items()},
    members=lambda room_id: participants.actives(room_id=room_id),
    requests=lambda room_id, request_ids: lobby.changed(room_id=room_id, request_ids=request_ids),
    requests_since=lambda room_id, version: lobby.changed(room_id=room_id, since=version),
    waiting=lobby.waiting,
    notifications_after=notifications.after,
    notifications_read=notifications.after_and_read,
    online_count=lambda room_id: visits.online_count(room_id=room_id),
    heads=entering.heads,
    notification_heads=notifications.heads,
    ended_sessions=sessions.ended_lately,
    surplus=visits.surplus,
)


def terms(settings: Settings) -> Terms:
    """How long the leases wait for what."""
    return Terms(
        beat=settings.lease_beat_seconds,
        timeout=settings.lease_timeout_seconds,
        fence=settings.fence_seconds,
        jump=JUMP_SECONDS + settings.janitor_seconds,
        away=settings.host_away_seconds,
        clock_error=workers.CLOCK_TOLERANCE_SECONDS,
    )
