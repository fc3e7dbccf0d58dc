"""The lobby: knocking, withdrawing, and the host's decisions. Who is in the room already is `participants`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from chatapp.contract import cursors, ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import NotificationKind, RequestStatus
from chatapp.db import Transaction, now, reading, transaction
from chatapp.domain import access, decisions, limits, log, notifications, participants, policy, views, visits
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Presence, Room, User


def knock(actor: Actor, *, room_id: str, note: str | None = None) -> tuple[views.Json, bool]:
    """Ask to join: the JoinRequest, and whether it is a new one.

    Raises forbidden (banned, or the room takes nobody), room_closed, rate_limited, limit_reached, room_full.
    """
    note = texts.remark("note", note, max_chars=limits.current().note)
    with transaction() as tx:
        found = access.place(tx.session, actor, room_id, lock=True)
        if policy.is_active(found.membership):
            return views.approved_already(room_id), False
        _check_may_knock(found)
        standing = access.pending_request(tx.session, room_id, actor.user_id)
        if standing is not None:
            # The door was opened while this one waited before it.
            if policy.takes_everybody(found.room) and decisions.space(tx.session, found.room) > 0:
                _touch(found.room, standing)
                _let_in(tx, found.room, standing)
                log.lobby_changed(tx, found.room)
                tx.session.flush()
            return _shown(tx.session, standing), False
        _check_knocks(tx.session, actor, found.room)
        request = _new_request(tx, actor, found.room, note)
        if policy.takes_everybody(found.room):
            _let_in(tx, found.room, request)
        else:
            _check_pending(tx.session, found.room)
            _tell_host(tx, actor, found.room, request)
        tx.session.add(request)
        tx.session.flush()
        log.lobby_changed(tx, found.room)
        return _shown(tx.session, request), True


def mine(actor: Actor, *, room_id: str) -> views.Json:
    """The actor's newest JoinRequest at a room, or not_found."""
    with reading() as session:
        request = access.newest_request(session, room_id, actor.user_id)
        if request is None:
            raise not_found()
        return _shown(session, request)


def withdraw(actor: Actor, *, room_id: str) -> views.Json:
    """Take the actor's pending request back. Again: nothing changes. Raises not_found, not_pending."""
    with transaction() as tx:
        room = access.place(tx.session, actor, room_id, lock=True).room
        request = access.newest_request(tx.session, room_id, actor.user_id)
        if request is None:
            raise not_found()
        if request.status == RequestStatus.PENDING:
            _touch(room, request)
            decisions.decide(tx, request, RequestStatus.WITHDRAWN, by=None)
            log.lobby_changed(tx, room)
        elif request.status != RequestStatus.WITHDRAWN:
            raise decisions.not_pending(tx.session, request)
        tx.session.flush()
        return _shown(tx.session, request)


def requests(
    actor: Actor, *, room_id: str, status: str | None = None, limit: int = 50, cursor: str | None = None
) -> views.Json:
    """The host's view of the lobby, oldest first: `{items, next_cursor}`."""
    with reading() as session:
        room = access.hosted(session, actor, room_id, lock=False)
        query = _rows().where(JoinRequest.room_id == room.id)
        if status is not None:
            query = query.where(JoinRequest.status == status)
        if cursor is not None:
            created_at, request_id = cursors.decode(cursor, 2)
            moment = cursors.moment(created_at)
            later = JoinRequest.created_at > moment
            query = query.where(later | ((JoinRequest.created_at == moment) & (JoinRequest.id > request_id)))
        rows = session.execute(query.order_by(JoinRequest.created_at, JoinRequest.id).limit(limit + 1)).all()
        items = _shown_all(session, rows[:limit])
        last = rows[limit - 1][0] if len(rows) > limit else None
    return {
        "items": items,
        "next_cursor": None if last is None else cursors.encode((last.created_at.isoformat(), last.id)),
    }


def changed(*, room_id: str, request_ids: list[str] | None = None, since: int = 0) -> list[views.Json]:
    """These join requests, or those changed since a lobby_version: for delivery to the room's host."""
    with reading() as session:
        query = _rows().where(JoinRequest.room_id == room_id)
        if request_ids is not None:
            query = query.where(JoinRequest.id.in_(request_ids))
        else:
            query = query.where(JoinRequest.version > since)
        return _shown_all(session, session.execute(query.order_by(JoinRequest.version)).all())


def waiting(host_ids: Iterable[str]) -> dict[str, dict[str, bool]]:
    """Room to join request to whether who waits is online, for the open rooms of these hosts: one query for the whole
    worker."""
    listens = exists().where(Presence.user_id == JoinRequest.user_id, Presence.room_id.is_(None), Presence.notified)
    query = (
        select(JoinRequest.room_id, JoinRequest.id, listens)
        .join(Room, Room.id == JoinRequest.room_id)
        .where(Room.host_id.in_(list(host_ids)), Room.closed_at.is_(None))
        .where(JoinRequest.status == RequestStatus.PENDING)
    )
    found: dict[str, dict[str, bool]] = {}
    with reading() as session:
        for room_id, request_id, online in session.execute(query):
            found.setdefault(room_id, {})[request_id] = bool(online)
    return found


def approve(actor: Actor, *, room_id: str, selector: dict[str, Any]) -> views.Json:
    """Let in whom `selector` names: `{results: [{request_id, user_id, outcome}]}`.

    One: again is 200 and writes nothing, decided otherwise raises not_pending. Several: outcomes. A `user_id` removed
    within the last ten minutes is restored. Raises room_closed, room_full, not_found.
    """
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        return {"results": decisions.approve(tx, actor, room, selector)}


def deny(actor: Actor, *, room_id: str, selector: dict[str, Any], reason: str | None = None) -> views.Json:
    """Do not let in whom `selector` names, with a reason they will read. Outcomes as for `approve`."""
    reason = texts.remark("reason", reason, max_chars=limits.current().reason)
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        return {"results": decisions.deny(tx, actor, room, selector, reason)}


def _new_request(tx: Transaction, actor: Actor, room: Room, note: str) -> JoinRequest:
    room.lobby_version += 1
    return JoinRequest(
        id=ids.new_id(),
        room_id=room.id,
        user_id=actor.user_id,
        status=RequestStatus.PENDING.value,
        note=note,
        reason="",
        version=room.lobby_version,
        created_at=tx.moment,
    )


def _let_in(tx: Transaction, room: Room, request: JoinRequest) -> None:
    """What an open door does by itself."""
    if decisions.space(tx.session, room) <= 0:
        raise decisions.full()
    decisions.decide(tx, request, RequestStatus.APPROVED, by=None)
    participants.admit(tx, room, [request.user_id])


def _touch(room: Room, request: JoinRequest) -> None:
    """The request is the lobby's newest change."""
    room.lobby_version += 1
    request.version = room.lobby_version


def _tell_host(tx: Transaction, actor: Actor, room: Room, request: JoinRequest) -> None:
    who = views.user(tx.session.get_one(User, actor.user_id))
    data = {"title": room.title, "request_id": request.id, "user": who}
    kind = NotificationKind.JOIN_REQUEST_CREATED
    notifications.notify(tx, [notifications.Note(room.host_id, kind, room.id, data)])


def _check_may_knock(found: access.Place) -> None:
    if policy.is_banned(found.membership):
        raise Refused(Code.FORBIDDEN, "The host does not let you into this room.")
    if not policy.is_open(found.room):
        raise Refused(Code.ROOM_CLOSED)
    if policy.takes_nobody(found.room):
        raise Refused(Code.FORBIDDEN, "This room takes nobody new.")


def _check_knocks(session: Session, actor: Actor, room: Room) -> None:
    caps = limits.current()
    moment = now()
    query = select(func.count(), func.min(JoinRequest.created_at)).where(
        JoinRequest.room_id == room.id,
        JoinRequest.user_id == actor.user_id,
        JoinRequest.created_at > moment - timedelta(seconds=caps.knock_window),
    )
    count, first = session.execute(query).one()
    if count >= caps.knocks:
        free_at = first + timedelta(seconds=caps.knock_window)
        wait = max(1.0, (free_at - moment).total_seconds())
        raise Refused(Code.RATE_LIMITED, "You have asked often enough for now.", retry_after=wait)


def _check_pending(session: Session, room: Room) -> None:
    if access.pending_count(session, room.id) >= limits.current().pending:
        raise Refused(Code.LIMIT_REACHED, "Too many wait already. Try again soon.")


_Decider = aliased(User)


def _rows() -> Select[JoinRequest, User, User]:
    return (
        select(JoinRequest, User, _Decider)
        .join(User, User.id == JoinRequest.user_id)
        .outerjoin(_Decider, _Decider.id == JoinRequest.decided_by_id)
    )


def _shown(session: Session, request: JoinRequest) -> views.Json:
    return _shown_all(session, session.execute(_rows().where(JoinRequest.id == request.id)).all())[0]


def _shown_all(session: Session, rows: Any) -> list[views.Json]:
    """Rows of `_rows` as JoinRequests. `online` says whether somebody waits at the other end."""
    online = visits.listening(session, [request.user_id for request, _, _ in rows])
    return [views.join_request(row, who, by, online=row.user_id in online) for row, who, by in rows]
