"""Webhooks: registering, changing, deleting, looking at what became of them. What is due is `deliveries`."""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, hooks, ids
from chatapp.contract.errors import Code, Refused, invalid, not_found
from chatapp.contract.words import Act, WebhookEnd
from chatapp.db import Transaction, reading, transaction
from chatapp.domain import access, audit, limits, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import Delivery, Room, Webhook, WebhookCursor


def create(actor: Actor, *, url: str, room_id: str | None = None) -> views.Json:
    """Register an address for a room (its host, or an administrator) or the school (administrators). It is told what
    happens from now on. Raises forbidden, not_found, invalid_payload, limit_reached. The secret is shown this once."""
    _check_url(url)
    if not policy.may_have_webhooks(actor):
        raise Refused(Code.FORBIDDEN, "Only teachers and administrators register webhooks.")
    if room_id is None:
        access.must_run_the_school(actor)
    with transaction() as tx:
        if room_id is not None:
            _room(tx.session, actor, room_id)
        access.lock_users(tx.session, [actor.user_id])
        _check_count(tx.session, actor)
        hook = Webhook(
            id=ids.new_id(),
            owner_id=actor.user_id,
            room_id=room_id,
            url=url,
            secret=hooks.new_secret(),
            enabled=True,
            ended_why=None,
            created_at=tx.moment,
        )
        tx.session.add(hook)
        tx.session.flush()
        begin(tx, hook)
        audit.record(tx, actor.user_id, Act.WEBHOOK_CREATED, room_id=room_id, subject_id=hook.id, host=_host(url))
        return _shown(tx.session, hook) | {"secret": hook.secret}


def page(actor: Actor, *, limit: int, cursor: str | None = None) -> views.Json:
    """A page of the actor's webhooks, an administrator's being everybody's: `{items, next_cursor}`."""
    query = select(Webhook).order_by(Webhook.id).limit(limit + 1)
    if not policy.may_run_the_school(actor):
        query = query.where(Webhook.owner_id == actor.user_id)
    if cursor is not None:
        query = query.where(Webhook.id > cursors.decode(cursor, 1)[0])
    with reading() as session:
        rows = session.scalars(query).all()
        items = [_shown(session, row) for row in rows[:limit]]
    return {"items": items, "next_cursor": cursors.encode((rows[limit - 1].id,)) if len(rows) > limit else None}


def show(actor: Actor, *, webhook_id: str) -> views.Json:
    """One of them. Raises not_found."""
    with reading() as session:
        return _shown(session, _mine(session, actor, webhook_id))


def update(actor: Actor, *, webhook_id: str, url: str | None = None, enabled: bool | None = None) -> views.Json:
    """Another address, or off and on again; switched on, it goes on where it stopped. Raises not_found."""
    if url is not None:
        _check_url(url)
    with transaction() as tx:
        hook = _mine(tx.session, actor, webhook_id, lock=True)
        if url is not None:
            hook.url = url
        if enabled is not None and enabled != hook.enabled:
            hook.enabled = enabled
            hook.ended_why = None if enabled else WebhookEnd.OWNER.value
        for cursor in tx.session.scalars(select(WebhookCursor).where(WebhookCursor.webhook_id == hook.id)):
            cursor.tries, cursor.next_at, cursor.failing_since = 0, None, None
        changes = {"host": _host(hook.url), "enabled": hook.enabled}
        audit.record(tx, actor.user_id, Act.WEBHOOK_CHANGED, room_id=hook.room_id, subject_id=hook.id, **changes)
        tx.session.flush()
        return _shown(tx.session, hook)


def renew_secret(actor: Actor, *, webhook_id: str) -> views.Json:
    """Another secret, good from the next delivery on. Raises not_found."""
    with transaction() as tx:
        hook = _mine(tx.session, actor, webhook_id, lock=True)
        hook.secret = hooks.new_secret()
        audit.record(tx, actor.user_id, Act.WEBHOOK_CHANGED, room_id=hook.room_id, subject_id=hook.id, secret=True)
        return _shown(tx.session, hook) | {"secret": hook.secret}


def delete(actor: Actor, *, webhook_id: str) -> None:
    """Forget it, and what became of it. Raises not_found."""
    with transaction() as tx:
        hook = _mine(tx.session, actor, webhook_id, lock=True)
        tx.session.execute(delete_rows(Delivery).where(Delivery.webhook_id == hook.id))
        tx.session.execute(delete_rows(WebhookCursor).where(WebhookCursor.webhook_id == hook.id))
        audit.record(tx, actor.user_id, Act.WEBHOOK_DELETED, room_id=hook.room_id, subject_id=hook.id)
        tx.session.delete(hook)


def deliveries(actor: Actor, *, webhook_id: str, limit: int, cursor: str | None = None) -> views.Json:
    """A page of what became of it, newest first: `{items, next_cursor}`. Raises not_found."""
    with reading() as session:
        hook = _mine(session, actor, webhook_id)
        query = select(Delivery).where(Delivery.webhook_id == hook.id).order_by(Delivery.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(Delivery.id < cursors.decode_whole(cursor))
        rows = session.scalars(query).all()
    next_cursor = cursors.encode((rows[limit - 1].id,)) if len(rows) > limit else None
    return {"items": [_tried(row) for row in rows[:limit]], "next_cursor": next_cursor}


def replay(
    actor: Actor,
    *,
    webhook_id: str,
    delivery_id: int | None = None,
    room_id: str | None = None,
    after: int | None = None,
) -> views.Json:
    """Send one delivery once more, or a room's log behind `after`, in order: `{count}`. Raises not_found."""
    with transaction() as tx:
        hook = _mine(tx.session, actor, webhook_id, lock=True)
        if delivery_id is not None:
            row = tx.session.get(Delivery, delivery_id)
            if row is None or row.webhook_id != hook.id:
                raise not_found()
            row.again = True
            return {"count": 1}
        cursor = tx.session.get(WebhookCursor, (hook.id, room_id)) if ids.is_id(room_id) else None
        if cursor is None or after is None:
            raise not_found()
        cursor.seq, back = min(after, cursor.seq), cursor.seq
        cursor.tries, cursor.next_at = 0, None
        return {"count": back - cursor.seq}


def begin(tx: Transaction, hook: Webhook) -> None:
    """Let a webhook begin where its rooms stand now. Rooms that come later begin at their first message."""
    query = select(Room.id, Room.last_seq)
    if hook.room_id is not None:
        query = query.where(Room.id == hook.room_id)
    standing = tx.session.execute(query).all()
    tx.session.add_all(
        WebhookCursor(webhook_id=hook.id, room_id=room_id, seq=seq, tries=0) for room_id, seq in standing
    )


def _room(session: Session, actor: Actor, room_id: str) -> Room:
    if policy.may_run_the_school(actor):
        return access.place(session, actor, room_id, lock=True).room
    return access.hosted(session, actor, room_id)


def _mine(session: Session, actor: Actor, webhook_id: str, *, lock: bool = False) -> Webhook:
    query = select(Webhook).where(Webhook.id == webhook_id).execution_options(populate_existing=True)
    found = session.scalar(query.with_for_update(key_share=True) if lock else query) if ids.is_id(webhook_id) else None
    if found is None or not (found.owner_id == actor.user_id or policy.may_run_the_school(actor)):
        raise not_found()
    return found


def _check_count(session: Session, actor: Actor) -> None:
    cap = limits.current().webhooks
    if (session.scalar(select(func.count()).where(Webhook.owner_id == actor.user_id)) or 0) >= cap:
        raise Refused(Code.LIMIT_REACHED, f"You have {cap} webhooks. Delete one first.")


def _check_url(url: str) -> None:
    """Raise invalid_payload for what nothing will be sent to. Where the name leads is asked at each delivery."""
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise invalid("url", "Not an address.") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and limits.current().webhook_private)
    if not secure or not has_place:
        raise invalid("url", "An address that begins with https://.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise invalid("url", "Without a name, a password or a fragment.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise invalid("url", "ASCII without spaces.")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _shown(session: Session, hook: Webhook) -> views.Json:
    query = select(func.min(WebhookCursor.failing_since)).where(WebhookCursor.webhook_id == hook.id)
    return {
        "id": hook.id,
        "url": hook.url,
        "room_id": hook.room_id,
        "enabled": hook.enabled,
        "ended_why": hook.ended_why,
        "failing_since": views.instant_or_none(session.scalar(query)),
        "created_at": views.instant(hook.created_at),
    }


def _tried(row: Delivery) -> views.Json:
    return {
        "id": row.id,
        "room_id": row.room_id,
        "seq": row.seq,
        "ok": row.status is not None and 200 <= row.status < 300,
        "status": row.status,
        "fault": row.fault,
        "ms": row.ms,
        "again": row.again,
        "tried_at": views.instant(row.tried_at),
    }
