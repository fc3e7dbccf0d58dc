"""Who is in a room: admitting, leaving, removing, banning and taking back. Who asks to come in is `lobby`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.hints import Evicted
from chatapp.contract.words import Act, CloseReason, MemberState, MyRole, NotificationKind, RequestStatus, SystemCode
from chatapp.db import Transaction, reading, transaction
from chatapp.domain import access, audit, closing, limits, log, notifications, policy, views, visits
from chatapp.domain.actor import Actor
from chatapp.models import Membership, Room, User


def list_all(actor: Actor, *, room_id: str, limit: int = 50, cursor: str | None = None) -> views.Json:
    """Participants in the order they joined: `{items, next_cursor}`."""
    with reading() as session:
        room = access.inside(session, actor, room_id).room
        rows, next_cursor = _page(session, room.id, MemberState.ACTIVE, limit=limit, cursor=cursor)
        online = visits.online(session.connection(), room.id)
        items = [views.participant(row, who, online=who.id in online) for row, who in rows]
        return {"items": items, "next_cursor": next_cursor}


def admit(tx: Transaction, room: Room, user_ids: list[str]) -> None:
    """Make these users participants of a locked room, each with a line in its log, in this order."""
    session = tx.session
    users = access.lock_users(session, user_ids)  # nobody is renamed meanwhile: see `names`
    known = {
        row.user_id: row
        for row in session.scalars(
            select(Membership)
            .where(Membership.room_id == room.id, Membership.user_id.in_(user_ids))
            .execution_options(populate_existing=True)
        )
    }
    for user_id in user_ids:
        row = known.get(user_id)
        if row is None:
            row = Membership(room_id=room.id, user_id=user_id, role=MyRole.PARTICIPANT.value)
            session.add(row)
        row.state = MemberState.ACTIVE.value
        row.joined_at = row.changed_at = tx.moment
    room.members_version += 1
    joined = [{"user": views.user(users[user_id])} for user_id in user_ids]
    log.append_all(tx, room, SystemCode.PARTICIPANT_JOINED, joined)


def leave(actor: Actor, *, room_id: str) -> views.Json:
    """Give up the actor's place. The host leaving ends the class."""
    with transaction() as tx:
        found = access.inside(tx.session, actor, room_id, lock=True)
        room = found.room
        if policy.is_host(actor, room):
            if policy.is_open(room):
                closing.close(tx, room, CloseReason.HOST_LEFT, by=actor.user_id)
            return access.room_for(tx.session, room, MyRole.HOST)
        _end(tx, room, found.membership, MemberState.LEFT, SystemCode.PARTICIPANT_LEFT)
        tx.session.flush()
        return access.shown_to(tx.session, actor, access.place(tx.session, actor, room_id))


def remove(actor: Actor, *, room_id: str, user_id: str, reason: str | None = None, ban: bool = False) -> views.Json:
    """Remove a participant: `{user_id, seq, banned}`; nothing above `seq` reaches them. With `ban` they may not ask
    again. Raises conflict for the host, not_found for who is not in the room."""
    reason = texts.remark("reason", reason, max_chars=limits.current().reason)
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        if user_id == room.host_id:
            raise Refused(Code.CONFLICT, "The host cannot be removed. Close the room instead.")
        member = access.membership(tx.session, room.id, user_id)
        if member is None or member.state == MemberState.LEFT:
            raise not_found("This person is not in the room.")
        wanted = MemberState.BANNED if ban else MemberState.REMOVED
        if policy.is_active(member):
            _end(tx, room, member, wanted, SystemCode.PARTICIPANT_REMOVED)
            data = {"title": room.title, "reason": reason, "banned": ban}
            kind = NotificationKind.PARTICIPANT_REMOVED
            notifications.notify(tx, [notifications.Note(user_id, kind, room.id, data)])
            _audit_removal(tx, actor, room, user_id, reason, ban=ban)
        elif ban and not policy.is_banned(member):
            member.state = MemberState.BANNED.value
            _deny_knock(tx, actor, room, user_id, reason)
            _audit_removal(tx, actor, room, user_id, reason, ban=True)
        return {"user_id": user_id, "seq": room.last_seq, "banned": policy.is_banned(member)}


def restore(tx: Transaction, actor: Actor, room: Room, user_id: str | None, *, within: timedelta) -> str | None:
    """Take a removal back that is not older than `within`. Returns the user's id, or None where there is nothing to
    take back. Raises room_full."""
    member = access.membership(tx.session, room.id, user_id) if user_id else None
    if member is None or member.state not in (MemberState.REMOVED, MemberState.BANNED) or not policy.is_open(room):
        return None
    if tx.moment - member.changed_at > within or access.pending_request(tx.session, room.id, member.user_id):
        return None
    if access.participant_count(tx.session, room.id) >= limits.current().participants:
        raise Refused(Code.ROOM_FULL)
    admit(tx, room, [member.user_id])
    data = {"title": room.title, "request_id": None}  # the page that said "removed" learns of it, and enters again
    notifications.notify(
        tx, [notifications.Note(member.user_id, NotificationKind.JOIN_REQUEST_APPROVED, room.id, data)]
    )
    audit.record(tx, actor.user_id, Act.PARTICIPANT_RESTORED, room_id=room.id, subject_id=member.user_id)
    return member.user_id


def bans(actor: Actor, *, room_id: str, limit: int = 50, cursor: str | None = None) -> views.Json:
    """Who may not ask again, in the order they joined: `{items: [{user, banned_at}], next_cursor}`."""
    with reading() as session:
        room = access.hosted(session, actor, room_id, lock=False)
        rows, next_cursor = _page(session, room.id, MemberState.BANNED, limit=limit, cursor=cursor)
        items = [{"user": views.user(who), "banned_at": views.instant(row.changed_at)} for row, who in rows]
        return {"items": items, "next_cursor": next_cursor}


def unban(actor: Actor, *, room_id: str, user_id: str) -> views.Json:
    """Let a banned user ask again: `{user_id}`. Raises not_found for who is not banned."""
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        member = access.membership(tx.session, room.id, user_id)
        if member is None or not policy.is_banned(member):
            raise not_found("This person is not banned.")
        member.state = MemberState.LEFT.value
        member.changed_at = tx.moment
        audit.record(tx, actor.user_id, Act.BAN_LIFTED, room_id=room.id, subject_id=user_id)
    return {"user_id": user_id}


def may_ask(actor: Actor, *, room_id: str) -> bool:
    """Whether the actor may knock at all: a ban says no. Raises not_found for a room that is not there."""
    with reading() as session:
        return not policy.is_banned(access.place(session, actor, room_id).membership)


def end_in(tx: Transaction, room: Room, member: Membership) -> None:
    """End an active membership of a locked room in somebody's stead, as if they had left."""
    _end(tx, room, member, MemberState.LEFT, SystemCode.PARTICIPANT_LEFT)


def actives(*, room_id: str) -> set[str]:
    """The users who are in a room: for delivery, to check its readers against."""
    with reading() as session:
        query = select(Membership.user_id).where(Membership.room_id == room_id, Membership.state == MemberState.ACTIVE)
        return set(session.scalars(query))


def _end(tx: Transaction, room: Room, member: Membership, state: MemberState, code: SystemCode) -> None:
    """End an active membership. In a closed room `room_closed` stays the last line, so the eviction goes alone."""
    member.state = state.value
    member.changed_at = tx.moment
    room.members_version += 1
    visits.forget(tx, room.id, member.user_id)
    if policy.is_open(room):
        log.append(tx, room, code, user=views.user(tx.session.get_one(User, member.user_id)))
    tx.announce(Evicted(room.id, member.user_id, room.last_seq, removed=state != MemberState.LEFT))


def _deny_knock(tx: Transaction, actor: Actor, room: Room, user_id: str, reason: str) -> None:
    """Who is banned while knocking again waits no more, lest "let all in" let them in."""
    request = access.pending_request(tx.session, room.id, user_id)
    if request is None:
        return
    room.lobby_version += 1
    request.version = room.lobby_version
    request.status = RequestStatus.DENIED.value
    request.decided_by_id, request.decided_at, request.reason = actor.user_id, tx.moment, reason
    log.lobby_changed(tx, room)
    data = {"title": room.title, "request_id": request.id, "reason": reason}
    notifications.notify(tx, [notifications.Note(user_id, NotificationKind.JOIN_REQUEST_DENIED, room.id, data)])


def _audit_removal(tx: Transaction, actor: Actor, room: Room, user_id: str, reason: str, *, ban: bool) -> None:
    act = Act.PARTICIPANT_BANNED if ban else Act.PARTICIPANT_REMOVED
    audit.record(tx, actor.user_id, act, room_id=room.id, subject_id=user_id, reason=reason)


def _page(
    session: Session, room_id: str, state: MemberState, *, limit: int, cursor: str | None
) -> tuple[Sequence[Row[Membership, User]], str | None]:
    """A page of a room's memberships in one state, in the order they began, and where the next page begins."""
    query = (
        select(Membership, User)
        .join(User, User.id == Membership.user_id)
        .where(Membership.room_id == room_id, Membership.state == state)
        .order_by(Membership.joined_at, Membership.user_id)
    )
    if cursor is not None:
        joined_at, user_id = cursors.decode(cursor, 2)
        moment = cursors.moment(joined_at)
        later = Membership.joined_at > moment
        query = query.where(later | ((Membership.joined_at == moment) & (Membership.user_id > user_id)))
    rows = session.execute(query.limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1][0]
    return rows[:limit], cursors.encode((last.joined_at.isoformat(), last.user_id))
