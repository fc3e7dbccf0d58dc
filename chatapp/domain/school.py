"""What who runs the school may ask: people, rooms, who knocked, what was said, which processes serve.

Every question is for administrators alone. What they change is done by `accounts` and `rooms`, as for everybody else;
what they did is asked of `audit`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, func, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from chatapp.contract import cursors, ids
from chatapp.contract.words import Act, CloseReason, MemberState, RequestStatus, RoomStatus
from chatapp.db import reading, snapshot, transaction
from chatapp.domain import access, audit, closing, history, lookup, policy, views, visits
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Membership, Presence, Room, User, Worker

WORKERS = 50
"""So many process starts are shown, the living ones first."""

_NEWEST = datetime.max.replace(tzinfo=UTC)
_Decider, _Host = aliased(User), aliased(User)


def list_users(
    actor: Actor,
    *,
    search: str = "",
    role: str | None = None,
    active: bool | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> views.Json:
    """A page of people by username, `search` standing in their username or name: `{items: [User + active, created_at,
    deactivated_at], next_cursor}`. A page may be empty and have a next one, see `lookup`."""
    access.must_run_the_school(actor)
    wanted = lookup.needle(search)
    size = lookup.window(limit, everything_fits=not wanted and active is None)
    behind = "" if cursor is None else cursors.decode(cursor, 1)[0]
    query = select(User.username_key, User.display_name, User.active).where(User.username_key > behind)
    if role is not None:
        query = query.where(User.role == role)
    with reading() as session:
        rows = session.execute(query.order_by(User.username_key).limit(size)).all()
        picked, last = lookup.pick(
            rows,
            lambda row: (active is None or row[2] == active) and lookup.stands_in(wanted, *row[:2]),
            limit=limit,
            size=size,
        )
        keys = [row[0] for row in picked]
        found = session.scalars(select(User).where(User.username_key.in_(keys)).order_by(User.username_key)).all()
    return {
        "items": [_user(row) for row in found],
        "next_cursor": None if last is None else cursors.encode((last[0],)),
    }


def user(actor: Actor, *, user_id: str) -> views.Json:
    """One of them. Raises not_found."""
    access.must_run_the_school(actor)
    with reading() as session:
        return _user(access.user(session, user_id))


def list_rooms(
    actor: Actor, *, search: str = "", status: str | None = None, limit: int = 50, cursor: str | None = None
) -> views.Json:
    """A page of rooms, newest first, `search` standing in their title or in their host's names, or being their id:
    `{items: [the school's view of a Room], next_cursor}`. A page may be empty and have a next one."""
    access.must_run_the_school(actor)
    wanted = lookup.needle(search)
    size = lookup.window(limit, everything_fits=not wanted)
    query = (
        select(Room.created_at, Room.id, Room.title, User.username_key, User.display_name)
        .join(User, User.id == Room.host_id)
        .where(_behind(Room.created_at, Room.id, cursor), *_of_status(status))
        .order_by(Room.created_at.desc(), Room.id.desc())
    )
    with reading() as session:
        rows = session.execute(query.limit(size)).all()
        picked, last = lookup.pick(
            rows,
            lambda row: wanted == row[1] or lookup.stands_in(wanted, *row[2:]),
            limit=limit,
            size=size,
        )
        items = _rooms(session, [row[1] for row in picked])
    return {"items": items, "next_cursor": None if last is None else _place(last[0], last[1])}


def room(actor: Actor, *, room_id: str) -> views.Json:
    """One of them. Raises not_found."""
    access.must_run_the_school(actor)
    with reading() as session:
        found = access.place(session, actor, room_id).room
        return _rooms(session, [found.id])[0]


def close_room(actor: Actor, *, room_id: str) -> None:
    """End the class in the host's stead. A closed room stays as it is. Raises not_found."""
    access.must_run_the_school(actor)
    with transaction() as tx:
        found = access.lock_room(tx.session, room_id)
        if policy.is_open(found):
            closing.close(tx, found, CloseReason.SCHOOL_CLOSED, by=actor.user_id)


def list_requests(
    actor: Actor,
    *,
    room_id: str | None = None,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> views.Json:
    """A page of join requests, newest first, of one room or all: `{items: [JoinRequest + room], next_cursor}`."""
    access.must_run_the_school(actor)
    query = (
        select(JoinRequest, User, _Decider, Room.title)
        .join(User, User.id == JoinRequest.user_id)
        .join(Room, Room.id == JoinRequest.room_id)
        .outerjoin(_Decider, _Decider.id == JoinRequest.decided_by_id)
        .where(_behind(JoinRequest.created_at, JoinRequest.id, cursor))
        .order_by(JoinRequest.created_at.desc(), JoinRequest.id.desc())
    )
    if room_id is not None:
        query = query.where(JoinRequest.room_id == (room_id if ids.is_id(room_id) else ""))
    if status is not None:
        query = query.where(JoinRequest.status == status)
    with reading() as session:
        rows = session.execute(query.limit(limit + 1)).all()
        online = visits.listening(session, [row.user_id for row, *_ in rows[:limit]])
    items = [
        views.join_request(row, who, by, online=row.user_id in online) | {"room": {"id": row.room_id, "title": title}}
        for row, who, by, title in rows[:limit]
    ]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return {"items": items, "next_cursor": None if last is None else _place(last.created_at, last.id)}


def read_messages(
    actor: Actor, *, room_id: str, before: int | None = None, after: int | None = None, limit: int = 50
) -> views.Json:
    """A page of a room's log, ascending: `{items, head}`. Nobody gets it before the look is on record. Raises
    not_found."""
    access.must_run_the_school(actor)
    with snapshot() as session:
        found = access.place(session, actor, room_id).room
        items = history.page(session.connection(), found, before=before, after=after, limit=limit)
        head = found.last_seq
    seen = {"first": items[0]["seq"], "last": items[-1]["seq"]} if items else {"first": None, "last": None}
    with transaction() as tx:
        audit.record(tx, actor.user_id, Act.MESSAGES_READ, room_id=room_id, **seen)
    return {"items": items, "head": head}


def list_workers(actor: Actor) -> list[views.Json]:
    """The process starts that serve, and the newest that did: `[{id, beat, dead, started_at, connections}]`."""
    access.must_run_the_school(actor)
    held = select(func.count()).where(Presence.worker_id == Worker.id, Presence.room_id.is_(None)).scalar_subquery()
    query = select(Worker, held).order_by(Worker.dead, Worker.started_at.desc(), Worker.id).limit(WORKERS)
    with reading() as session:
        return [
            {
                "id": row.id,
                "beat": row.beat,
                "dead": row.dead,
                "started_at": views.instant(row.started_at),
                "connections": connections,
            }
            for row, connections in session.execute(query)
        ]


def _user(row: User) -> views.Json:
    return views.user(row) | {
        "active": row.active,
        "created_at": views.instant(row.created_at),
        "deactivated_at": views.instant_or_none(row.deactivated_at),
    }


def _rooms(session: Session, room_ids: list[str]) -> list[views.Json]:
    """Rooms as the school sees them, newest first, with how many are in and how many wait."""
    inside = _counts(session, Membership.room_id, Membership.state == MemberState.ACTIVE, room_ids)
    waiting = _counts(session, JoinRequest.room_id, JoinRequest.status == RequestStatus.PENDING, room_ids)
    query = select(Room, _Host).join(_Host, _Host.id == Room.host_id).where(Room.id.in_(room_ids))
    return [
        {
            "id": row.id,
            "title": row.title,
            "description": row.description,
            "host": views.user(host),
            "status": views.status(row).value,
            "admission": row.admission,
            "participant_count": inside.get(row.id, 0),
            "pending_count": waiting.get(row.id, 0),
            "head": row.last_seq,
            "created_at": views.instant(row.created_at),
            "closed_at": views.instant_or_none(row.closed_at),
            "close_reason": row.close_reason,
        }
        for row, host in session.execute(query.order_by(Room.created_at.desc(), Room.id.desc()))
    ]


def _counts(
    session: Session, place: InstrumentedAttribute[str], such: ColumnElement[bool], room_ids: list[str]
) -> dict[str, int]:
    query = select(place, func.count()).where(place.in_(room_ids), such).group_by(place)
    return dict(session.execute(query).all())


def _of_status(status: str | None) -> list[ColumnElement[bool]]:
    if status is None:
        return []
    if status == RoomStatus.CLOSED:
        return [Room.closed_at.is_not(None)]
    return [Room.closed_at.is_(None), Room.away_told == (status == RoomStatus.UNSUPERVISED)]


def _behind(
    created_at: InstrumentedAttribute[datetime], own_id: InstrumentedAttribute[str], cursor: str | None
) -> ColumnElement[bool]:
    """What is older than the cursor's row. The first condition is one that an index can begin at."""
    if cursor is None:
        return created_at <= _NEWEST
    part, behind = cursors.decode(cursor, 2)
    moment = cursors.moment(part)
    return and_(created_at <= moment, not_(and_(created_at == moment, own_id >= behind)))


def _place(created_at: datetime, own_id: str) -> str:
    return cursors.encode((created_at.isoformat(), own_id))
