"""What is to be delivered to webhooks, and what became of it: from the log by cursor, in order per room, at least once.
How it is sent does not belong here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from chatapp.contract import hooks
from chatapp.contract.ids import message_id
from chatapp.contract.words import Act, Role, WebhookEnd
from chatapp.db import Transaction, now, reading, transaction
from chatapp.domain import audit, history, limits
from chatapp.models import Delivery, Room, User, Webhook, WebhookCursor

AT_ONCE = 50
KEPT = 200
"""Tries that are kept for a webhook's page."""
LONGEST_SECONDS = 4 * 3600
NEVER_FAILED = datetime(1970, 1, 1, tzinfo=UTC)
GONE = 410
"""The receiver's word that it wants nothing more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A webhook's next piece of one room's log: what is behind `seq`, or with `again` the one delivery to repeat."""

    webhook_id: str
    room_id: str
    url: str
    secret: str
    seq: int
    again: int | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, ready to be signed."""

    seq: int
    message_id: str
    body: bytes


def due(*, each: int, limit: int = 100) -> list[Job]:
    """What may be sent now: of webhooks that are on, and whose owner may still see what they tell. At most `each` of
    one webhook, first of those that have failed nothing: who does not answer must not crowd out the others."""
    with reading() as session:
        if session.scalar(select(Webhook.id).where(Webhook.enabled).limit(1)) is None:
            return []
        moment = now()
        since = func.coalesce(WebhookCursor.next_at, NEVER_FAILED)
        place = func.row_number().over(partition_by=Webhook.id, order_by=(since, Room.id))
        found = (
            select(
                Webhook.id.label("webhook_id"),
                Webhook.url,
                Webhook.secret,
                Room.id.label("room_id"),
                func.coalesce(WebhookCursor.seq, 0).label("seq"),
                since.label("since"),
                place.label("place"),
            )
            .join(User, User.id == Webhook.owner_id)
            .join(Room, or_(Webhook.room_id.is_(None), Webhook.room_id == Room.id))
            .outerjoin(WebhookCursor, and_(WebhookCursor.webhook_id == Webhook.id, WebhookCursor.room_id == Room.id))
            .where(
                Webhook.enabled,
                User.active,
                or_(User.role == Role.ADMIN, Room.host_id == Webhook.owner_id),
                or_(WebhookCursor.seq.is_(None), WebhookCursor.seq < Room.last_seq),
                or_(WebhookCursor.next_at.is_(None), WebhookCursor.next_at <= moment),
                Room.last_seq > 0,
            )
            .subquery()
        )
        query = select(found.c.webhook_id, found.c.room_id, found.c.url, found.c.secret, found.c.seq)
        query = query.where(found.c.place <= each).order_by(found.c.since, found.c.place, found.c.room_id)
        return [Job(*row) for row in session.execute(query.limit(limit))] + _repeats(session)


def parcels(job: Job) -> list[Parcel]:
    """The next messages of a job."""
    with reading() as session:
        room = session.get(Room, job.room_id)
        if room is None:
            return []
        limit = 1 if job.again is not None else AT_ONCE
        items = history.page(session.connection(), room, before=None, after=job.seq, limit=limit)
    return [Parcel(item["seq"], message_id(job.room_id, item["seq"]), hooks.event(item)) for item in items]


def note(job: Job, seq: int, *, status: int | None, fault: str | None, ms: int) -> bool:
    """Write down a try. Whether the job may go on with the next message."""
    succeeded = status is not None and 200 <= status < 300
    with transaction() as tx:
        hook = tx.session.get(Webhook, job.webhook_id, with_for_update={"key_share": True}, populate_existing=True)
        if hook is None:
            return False
        tx.session.add(
            Delivery(
                webhook_id=hook.id,
                room_id=job.room_id,
                seq=seq,
                tried_at=tx.moment,
                status=status,
                fault=fault,
                ms=ms,
                again=False,
            )
        )
        _forget_old(tx, hook.id)
        if job.again is not None:
            repeated = tx.session.get(Delivery, job.again)
            if repeated is not None:
                repeated.again = False
            return False
        return _advance(tx, hook, job, seq, status=status, succeeded=succeeded)


def _advance(tx: Transaction, hook: Webhook, job: Job, seq: int, *, status: int | None, succeeded: bool) -> bool:
    cursor = tx.session.get(WebhookCursor, (hook.id, job.room_id), populate_existing=True)
    if cursor is None:
        cursor = WebhookCursor(webhook_id=hook.id, room_id=job.room_id, seq=0, tries=0)
        tx.session.add(cursor)
    if cursor.seq != seq - 1:
        return False  # somebody replays, or another worker was quicker: begin from the row
    if succeeded:
        cursor.seq, cursor.tries, cursor.next_at, cursor.failing_since = seq, 0, None, None
        return hook.enabled
    rules = limits.current()
    cursor.failing_since = cursor.failing_since or tx.moment
    cursor.next_at = tx.moment + timedelta(seconds=min(rules.webhook_retry_seconds * 2**cursor.tries, LONGEST_SECONDS))
    cursor.tries = min(cursor.tries + 1, 30)
    if status == GONE:
        _end(tx, hook, WebhookEnd.GONE)
    elif tx.moment - cursor.failing_since > timedelta(seconds=rules.webhook_give_up_seconds):
        _end(tx, hook, WebhookEnd.FAILING)
    return False


def _end(tx: Transaction, hook: Webhook, why: WebhookEnd) -> None:
    hook.enabled = False
    hook.ended_why = why.value
    audit.record(tx, None, Act.WEBHOOK_ENDED, room_id=hook.room_id, subject_id=hook.id, why=why.value)


def _repeats(session: Session) -> list[Job]:
    query = select(Delivery, Webhook).join(Webhook, Webhook.id == Delivery.webhook_id).where(Delivery.again)
    return [
        Job(hook.id, row.room_id, hook.url, hook.secret, row.seq - 1, row.id)
        for row, hook in session.execute(query.order_by(Delivery.id).limit(AT_ONCE))
    ]


def _forget_old(tx: Transaction, webhook_id: str) -> None:
    tx.session.flush()
    mine = select(Delivery.id).where(Delivery.webhook_id == webhook_id).order_by(Delivery.id.desc())
    oldest = tx.session.scalar(mine.offset(KEPT - 1).limit(1))
    if oldest is not None:
        old = (Delivery.webhook_id == webhook_id) & (Delivery.id < oldest)
        tx.session.execute(delete_rows(Delivery).where(old))
