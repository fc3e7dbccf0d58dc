"""What may be taken away: a room by its host or the school, a person's own data by that person or the school. How it is
written down is the transports'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Act, MyRole
from chatapp.db import now, snapshot, transaction
from chatapp.domain import access, audit, history, policy, views, visits
from chatapp.domain.actor import Actor
from chatapp.models import AuditEntry, JoinRequest, Membership, Message, Notification, Room, SignIn, StoredFile, User

PAGE = 500


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that goes along. `storage_key` names its bytes."""

    shown: views.Json
    storage_key: str


@dataclass(frozen=True, slots=True)
class TakenRoom:
    """A room as it stood when it was asked for: `room`, `participants` (whoever was ever in), `files`. The messages are
    read when they are needed."""

    made_at: str
    room: views.Json
    participants: list[views.Json]
    files: list[TakenFile]

    def messages(self) -> Iterator[views.Json]:
        """The log from the first that is kept to the head of that moment, ascending."""
        after, head = 0, int(self.room["head"])
        while True:
            with snapshot() as session:
                room = session.get_one(Room, str(self.room["id"]))
                items = history.page(session.connection(), room, before=None, after=after, limit=PAGE)
            for item in items:
                if item["seq"] > head:
                    return
                yield item
            if len(items) < PAGE:
                return
            after = items[-1]["seq"]


@dataclass(frozen=True, slots=True)
class TakenPerson:
    """Everything that is stored of a person, as JSON, and what they brought."""

    data: views.Json
    files: list[TakenFile]


def room(actor: Actor, *, room_id: str) -> TakenRoom:
    """Take a room away. For its host and for who runs the school; nobody gets it before it is on record. Raises
    forbidden, not_found."""
    with snapshot() as session:
        found = _to_be_taken(session, actor, room_id)
        online = visits.online(session.connection(), found.id)
        query = (
            select(Membership, User)
            .join(User, User.id == Membership.user_id)
            .where(Membership.room_id == found.id)
            .order_by(Membership.joined_at, Membership.user_id)
        )
        taken = TakenRoom(
            views.instant(now()),
            access.room_for(session, found, MyRole.HOST),
            [
                views.participant(row, who, online=who.id in online) | {"state": row.state}
                for row, who in session.execute(query)
            ],
            _files(session, StoredFile.room_id == found.id),
        )
    with transaction() as tx:
        audit.record(tx, actor.user_id, Act.ROOM_EXPORTED, room_id=room_id, head=taken.room["head"])
    return taken


def person(actor: Actor, *, user_id: str) -> TakenPerson:
    """Take a person's data away. For that person and for who runs the school. Raises forbidden, not_found."""
    if user_id != actor.user_id:
        access.must_run_the_school(actor)
    with snapshot() as session:
        user = access.user(session, user_id)
        taken = TakenPerson(_data(session, user), _files(session, StoredFile.uploader_id == user.id))
    with transaction() as tx:
        audit.record(tx, actor.user_id, Act.USER_EXPORTED, subject_id=user_id)
    return taken


def _to_be_taken(session: Session, actor: Actor, room_id: str) -> Room:
    if policy.may_run_the_school(actor):
        return access.place(session, actor, room_id).room
    found = access.inside(session, actor, room_id).room
    if not policy.is_host(actor, found):
        raise Refused(Code.FORBIDDEN, "Only the host of the room may do this.")
    return found


def _files(session: Session, such: ColumnElement[bool]) -> list[TakenFile]:
    """Files that were sent; what was only brought is nobody's to take."""
    sent = select(Message.file_id).where(Message.file_id == StoredFile.id).exists()
    rows = session.scalars(select(StoredFile).where(such, sent).order_by(StoredFile.created_at, StoredFile.id))
    return [TakenFile(views.file(row), row.storage_key) for row in rows]


def _data(session: Session, user: User) -> views.Json:
    signed_in = select(SignIn).where(SignIn.user_id == user.id).order_by(SignIn.created_at)
    told = select(Notification).where(Notification.user_id == user.id).order_by(Notification.seq)
    about = or_(AuditEntry.actor_id == user.id, AuditEntry.subject_id == user.id)
    return {
        "made_at": views.instant(now()),
        "user": views.user(user) | {"active": user.active, "created_at": views.instant(user.created_at)},
        "sessions": [_session(row) for row in session.scalars(signed_in)],
        "rooms": _rooms(session, user),
        "join_requests": _requests(session, user),
        "messages": _said(session, user),
        "notifications": [views.notification(row) for row in session.scalars(told)],
        "audit": [_entry(row) for row in session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id))],
    }


def _rooms(session: Session, user: User) -> list[views.Json]:
    query = select(Membership, Room.title).join(Room, Room.id == Membership.room_id)
    return [
        {
            "room_id": row.room_id,
            "title": title,
            "role": row.role,
            "state": row.state,
            "joined_at": views.instant(row.joined_at),
        }
        for row, title in session.execute(query.where(Membership.user_id == user.id).order_by(Membership.joined_at))
    ]


def _requests(session: Session, user: User) -> list[views.Json]:
    decider = aliased(User)
    query = select(JoinRequest, decider).outerjoin(decider, decider.id == JoinRequest.decided_by_id)
    own = query.where(JoinRequest.user_id == user.id).order_by(JoinRequest.created_at)
    return [views.join_request(row, user, by, online=False) for row, by in session.execute(own)]


def _said(session: Session, user: User) -> list[views.Json]:
    """Room by room, which the index of client_ids knows how to find."""
    shown = views.user(user)
    rooms = select(Membership.room_id, Room.floor).join(Room, Room.id == Membership.room_id)
    found: list[views.Json] = []
    for room_id, floor in session.execute(rooms.where(Membership.user_id == user.id).order_by(Membership.room_id)):
        own: Any = (
            select(Message, StoredFile)
            .outerjoin(StoredFile, StoredFile.id == Message.file_id)
            .where(Message.room_id == room_id, Message.sender_id == user.id, Message.seq > floor)
            .order_by(Message.seq)
        )
        for row, stored in session.execute(own):
            found.append(views.message(row, shown, None if stored is None else views.file(stored)))
    return found


def _session(row: SignIn) -> views.Json:
    return {
        "id": row.id,
        "device": row.device,
        "created_at": views.instant(row.created_at),
        "last_seen_at": views.instant(row.last_seen_at),
        "revoked_at": views.instant_or_none(row.revoked_at),
    }


def _entry(row: AuditEntry) -> views.Json:
    return {
        "at": views.instant(row.at),
        "act": row.act,
        "by": row.actor_id,
        "about": row.subject_id,
        "room_id": row.room_id,
        "data": row.data,
    }
