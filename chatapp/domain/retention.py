"""Letting go of what is old: messages with what hangs on them, files, audit entries. How long each is kept is a setting
of the school; a room may keep what is said in it for less.

A room's log goes from its beginning: up to `floor` nothing is shown, and who would resume below it starts anew. What a
message was is deleted; that its client_id was used stays, or an outbox that comes back after a year would say it again.
The newest message stays, emptied if it is old: without it nobody could tell where the order goes on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from chatapp.contract.words import Act, MessageType, RequestStatus
from chatapp.db import Transaction, now, reading, transaction
from chatapp.domain import access, audit, limits, notifications, views
from chatapp.domain.actor import Actor
from chatapp.models import AuditEntry, JoinRequest, Message, Notification, Room, StoredFile

STEP = 2000
"""So many rows go in one transaction: a class must not wait for the letting go of years."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much goes, or would go: rooms that lose something, messages, notes and reasons, files, entries."""

    rooms: int = 0
    messages: int = 0
    notes: int = 0
    files: int = 0
    audit_entries: int = 0

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


def apply(actor: Actor, *, dry_run: bool = False) -> views.Json:
    """Let go of everything that is older than it should be: `{dry_run, rooms, messages, notes, files, audit_entries}`.
    A dry run counts and changes nothing. For who runs the school; may be interrupted and begun again."""
    access.must_run_the_school(actor)
    moment = now()
    total = Counts()
    for room_id, before in _rooms(moment):
        total += count_room(room_id, before) if dry_run else _trim(room_id, before)
    rules = limits.current()
    if rules.file_days:
        total += _files(moment - timedelta(days=rules.file_days), dry_run=dry_run)
    if rules.audit_days:
        total += _audit(moment - timedelta(days=rules.audit_days), dry_run=dry_run)
    if not dry_run and total != Counts():
        with transaction() as tx:
            audit.record(tx, actor.user_id, Act.RETENTION_APPLIED, **asdict(total))
    return {"dry_run": dry_run, **asdict(total)}


def count_room(room_id: str, before: datetime) -> Counts:
    """What `apply` would let go of in a room."""
    with reading() as session:
        room = session.get_one(Room, room_id)
        floor = _floor(session, room, before)
        kept_words = _old_words(room, floor, before)
        messages = _count(session, select(Message.seq).where(_between(room.id, room.floor, floor)))
        messages += _count(session, select(Message.seq).where(kept_words))
        files = _count(session, _files_of(_between(room.id, room.floor, floor) | kept_words))
        notes = _count(session, select(JoinRequest.id).where(_old_notes(room.id, before)))
        notes += _count(session, select(Notification.id).where(_old_reasons(room.id, before)))
    return Counts(int(bool(messages or notes)), messages, notes, files)


def _rooms(moment: datetime) -> list[tuple[str, datetime]]:
    """Rooms that do not keep what is said for ever, and from when on they do."""
    school = limits.current().message_days
    query = select(Room.id, Room.retention_days).order_by(Room.id)
    if not school:
        query = query.where(Room.retention_days.is_not(None))
    with reading() as session:
        rows = session.execute(query).all()
    return [(room_id, moment - timedelta(days=min(days for days in (school, own) if days))) for room_id, own in rows]


def _trim(room_id: str, before: datetime) -> Counts:
    """One room, step by step."""
    total = Counts()
    while True:
        with transaction() as tx:
            room = access.lock_room(tx.session, room_id)
            floor = min(_floor(tx.session, room, before), room.floor + STEP)
            is_last_step = floor < room.floor + STEP
            gone = _let_go(tx, room, floor)
            if is_last_step:
                gone += _empty_newest(tx, room, before) + _blank_notes(tx, room, before)
        total += gone
        if is_last_step:
            return replace(total, rooms=int(total != Counts()))


def _floor(session: Session, room: Room, before: datetime) -> int:
    """Up to where all is old. A worker's clock may have been wrong: the first that is young ends it."""
    young = (
        select(Message.seq)
        .where(Message.room_id == room.id, Message.seq > room.floor, Message.created_at >= before)
        .order_by(Message.seq)
        .limit(1)
    )
    first = session.scalar(young)
    return max(room.floor, (room.last_seq if first is None else first) - 1)


def _let_go(tx: Transaction, room: Room, floor: int) -> Counts:
    here = _between(room.id, room.floor, floor)
    count = floor - room.floor
    if not count:
        return Counts()
    file_ids = [str(file_id) for file_id in tx.session.scalars(_files_of(here))]
    tx.session.execute(delete(Message).where(here, Message.client_id.is_(None)))
    tx.session.execute(update(Message).where(here).values(**_NOTHING, created_at=tx.moment))
    room.floor = floor
    return Counts(messages=count, files=_drop_files(tx, file_ids))


_NOTHING = {"body": None, "body_hash": None, "file_id": None}
"""What is left of a message whose content goes."""


def _empty_newest(tx: Transaction, room: Room, before: datetime) -> Counts:
    """The newest message, which has to stay, without what it said."""
    old = _old_words(room, room.last_seq - 1, before)
    file_ids = [str(file_id) for file_id in tx.session.scalars(_files_of(old))]
    emptied = tx.session.execute(update(Message).where(old).values(**_NOTHING).returning(Message.seq)).all()
    return Counts(messages=len(emptied), files=_drop_files(tx, file_ids))


def _blank_notes(tx: Transaction, room: Room, before: datetime) -> Counts:
    """What somebody wrote when they knocked, and what the host gave as a reason, to whoever was told of it."""
    blanked = update(JoinRequest).where(_old_notes(room.id, before)).values(note="", reason="")
    notes = len(tx.session.execute(blanked.returning(JoinRequest.id)).all())
    told = tx.session.scalars(select(Notification).where(_old_reasons(room.id, before))).all()
    for row in told:
        row.data = row.data | {"reason": ""}
    return Counts(notes=notes + len(told))


def _files(before: datetime, *, dry_run: bool) -> Counts:
    """Files that are old in themselves. Their messages stay, and say so by having none."""
    old = select(StoredFile.id, StoredFile.room_id).where(StoredFile.created_at < before)
    with reading() as session:
        if dry_run:
            return Counts(files=_count(session, old))
        rows = session.execute(old.order_by(StoredFile.room_id, StoredFile.id)).all()
    total = 0
    for file_id, room_id in rows:
        with transaction() as tx:
            access.lock_room(tx.session, room_id)
            tx.session.execute(update(Message).where(Message.file_id == file_id).values(file_id=None))
            total += _drop_files(tx, [file_id])
    return Counts(files=total)


def _audit(before: datetime, *, dry_run: bool) -> Counts:
    old = select(AuditEntry.id).where(AuditEntry.at < before)
    total = 0
    while True:
        with transaction() as tx:
            if dry_run:
                return Counts(audit_entries=_count(tx.session, old))
            ids = list(tx.session.scalars(old.order_by(AuditEntry.id).limit(STEP)))
            tx.session.execute(delete(AuditEntry).where(AuditEntry.id.in_(ids)))
        total += len(ids)
        if len(ids) < STEP:
            return Counts(audit_entries=total)


def _drop_files(tx: Transaction, file_ids: list[str]) -> int:
    """Files that no message shows any more; their bytes go with the next sweep. How many."""
    shown = exists().where(Message.file_id == StoredFile.id)
    gone = delete(StoredFile).where(StoredFile.id.in_(file_ids), ~shown).returning(StoredFile.id)
    return len(tx.session.execute(gone, execution_options={"synchronize_session": False}).all())


def _between(room_id: str, floor: int, end: int) -> ColumnElement[bool]:
    return and_(Message.room_id == room_id, Message.seq > floor, Message.seq <= end)


def _old_words(room: Room, floor: int, before: datetime) -> ColumnElement[bool]:
    """The room's newest message, if nothing before it is kept, and it is old and says something."""
    says = or_(Message.body.is_not(None), Message.file_id.is_not(None))
    newest = Message.seq == (room.last_seq if floor == room.last_seq - 1 else 0)
    of_people = Message.type != MessageType.SYSTEM
    return and_(Message.room_id == room.id, newest, of_people, says, Message.created_at < before)


def _old_notes(room_id: str, before: datetime) -> ColumnElement[bool]:
    says = or_(JoinRequest.note != "", JoinRequest.reason != "")
    decided = JoinRequest.status != RequestStatus.PENDING
    return and_(JoinRequest.room_id == room_id, decided, JoinRequest.created_at < before, says)


def _old_reasons(room_id: str, before: datetime) -> ColumnElement[bool]:
    gives_one = and_(Notification.kind.in_(notifications.REASONED), Notification.data["reason"].as_string() != "")
    return and_(Notification.room_id == room_id, Notification.created_at < before, gives_one)


def _files_of(such: ColumnElement[bool]) -> Select[str | None]:
    return select(Message.file_id).where(such, Message.file_id.is_not(None)).distinct()


def _count(session: Session, query: Select[str] | Select[str | None] | Select[int] | Select[str, str]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
