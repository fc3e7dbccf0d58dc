"""The host's decisions about join requests, in a transaction that has locked the room. Knocking is `lobby`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import Act, NotificationKind, Outcome, RequestStatus
from chatapp.db import Transaction
from chatapp.domain import access, audit, limits, log, notifications, participants, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Room, User


def approve(tx: Transaction, actor: Actor, room: Room, selector: dict[str, Any]) -> list[views.Json]:
    """Let in whom `selector` names; an outcome each. Somebody removed a moment ago is restored.

    Raises room_closed and not_found; where one is named, also not_pending and room_full.
    """
    undo = timedelta(seconds=limits.current().undo_seconds)
    restored = participants.restore(tx, actor, room, selector.get("user_id"), within=undo)
    if restored is not None:
        return [_outcome(None, restored, Outcome.APPROVED)]
    chosen, single = _select(tx.session, room, selector)
    if not policy.is_open(room) and not (single and _stands(tx.session, chosen[0], RequestStatus.APPROVED)):
        raise Refused(Code.ROOM_CLOSED)
    left = space(tx.session, room)
    results: list[views.Json] = []
    admitted: list[JoinRequest] = []
    for request in chosen:
        if isinstance(request, str):
            results.append(_outcome(request, None, Outcome.NOT_FOUND))
        elif request.status != RequestStatus.PENDING:
            results.append(_already(tx.session, request, RequestStatus.APPROVED, single=single))
        elif len(admitted) >= left:
            if single:
                raise full()
            results.append(_outcome(request.id, request.user_id, Outcome.ROOM_FULL))
        else:
            decide(tx, request, RequestStatus.APPROVED, by=actor.user_id)
            admitted.append(request)
            results.append(_outcome(request.id, request.user_id, Outcome.APPROVED))
    if admitted:
        _admit(tx, actor, room, admitted)
    return results


def open_to_all(tx: Transaction, actor: Actor, room: Room) -> None:
    """Let in who waits before a door that the host has opened: the oldest first, as many as there is room for."""
    waiting, _ = _select(tx.session, room, {"all": True})
    admitted = [request for request in waiting if isinstance(request, JoinRequest)][: max(0, space(tx.session, room))]
    for request in admitted:
        decide(tx, request, RequestStatus.APPROVED, by=None)
    if admitted:
        _admit(tx, actor, room, admitted)


def _admit(tx: Transaction, actor: Actor, room: Room, admitted: list[JoinRequest]) -> None:
    participants.admit(tx, room, [request.user_id for request in admitted])
    _record(tx, actor, room, admitted, Act.REQUEST_APPROVED, NotificationKind.JOIN_REQUEST_APPROVED, {})


def deny(tx: Transaction, actor: Actor, room: Room, selector: dict[str, Any], reason: str) -> list[views.Json]:
    """Do not let in whom `selector` names; an outcome each. Raises not_found; where one is named, also not_pending."""
    chosen, single = _select(tx.session, room, selector)
    results: list[views.Json] = []
    denied: list[JoinRequest] = []
    for request in chosen:
        if isinstance(request, str):
            results.append(_outcome(request, None, Outcome.NOT_FOUND))
        elif request.status != RequestStatus.PENDING:
            results.append(_already(tx.session, request, RequestStatus.DENIED, single=single))
        else:
            decide(tx, request, RequestStatus.DENIED, by=actor.user_id)
            request.reason = reason
            denied.append(request)
            results.append(_outcome(request.id, request.user_id, Outcome.DENIED))
    if denied:
        kind = NotificationKind.JOIN_REQUEST_DENIED
        _record(tx, actor, room, denied, Act.REQUEST_DENIED, kind, {"reason": reason})
    return results


def _record(
    tx: Transaction,
    actor: Actor,
    room: Room,
    decided: list[JoinRequest],
    act: Act,
    kind: NotificationKind,
    data: dict[str, Any],
) -> None:
    """What every decision leaves behind: a new lobby version, a notification each, an audit entry each."""
    room.lobby_version += 1
    for request in decided:
        request.version = room.lobby_version
        audit.record(tx, actor.user_id, act, room_id=room.id, subject_id=request.user_id)
    log.lobby_changed(tx, room)
    notifications.notify(
        tx,
        [
            notifications.Note(request.user_id, kind, room.id, {"title": room.title, "request_id": request.id} | data)
            for request in decided
        ],
    )


def _select(session: Session, room: Room, selector: dict[str, Any]) -> tuple[list[JoinRequest | str], bool]:
    """The requests a decision is about (an id where there is none), and whether one was named."""
    in_room = select(JoinRequest).where(JoinRequest.room_id == room.id).execution_options(populate_existing=True)
    if "all" in selector:
        pending = in_room.where(JoinRequest.status == RequestStatus.PENDING).order_by(
            JoinRequest.created_at, JoinRequest.version
        )
        return list(session.scalars(pending)), False
    if "request_ids" in selector:
        wanted = list(dict.fromkeys(selector["request_ids"]))
        possible = in_room.where(JoinRequest.id.in_(filter(ids.is_id, wanted)))
        known = {request.id: request for request in session.scalars(possible)}
        return [known.get(request_id, request_id) for request_id in wanted], False
    if "user_id" in selector:
        request = access.newest_request(session, room.id, selector["user_id"])
    else:
        named = in_room.where(JoinRequest.id == selector["request_id"])
        request = session.scalar(named) if ids.is_id(selector["request_id"]) else None
    if request is None:
        raise not_found("There is no such join request.")
    return [request], True


def _stands(session: Session, request: JoinRequest | str, wanted: RequestStatus) -> bool:
    """Whether a decision holds. An approval whose participant is in the room no more does not: to say `approved` would
    be a lie."""
    if isinstance(request, str) or request.status != wanted:
        return False
    member = access.membership(session, request.room_id, request.user_id)
    return wanted != RequestStatus.APPROVED or policy.is_active(member)


def _already(session: Session, request: JoinRequest, wanted: RequestStatus, *, single: bool) -> views.Json:
    """A request that is decided: the same decision again is fine, another one is not_pending."""
    stands = _stands(session, request, wanted)
    if single and not stands:
        raise not_pending(session, request)
    return _outcome(request.id, request.user_id, Outcome(wanted.value) if stands else Outcome.NOT_PENDING)


def not_pending(session: Session, request: JoinRequest) -> Refused:
    """Why a decided request is not decided again, and who decided it."""
    decided_by = session.get(User, request.decided_by_id) if request.decided_by_id else None
    return Refused(
        Code.NOT_PENDING,
        f"This join request is {request.status} already.",
        data={"decided_by": None if decided_by is None else views.user(decided_by)},
    )


def full() -> Refused:
    """Why nobody more gets in."""
    return Refused(Code.ROOM_FULL, f"The room has {limits.current().participants} people.")


def _outcome(request_id: str | None, user_id: str | None, outcome: Outcome) -> views.Json:
    return {"request_id": request_id, "user_id": user_id, "outcome": outcome.value}


def decide(tx: Transaction, request: JoinRequest, status: RequestStatus, *, by: str | None) -> None:
    """Write a decision into the request; `by` is None where the door or the one who knocked decides."""
    request.status = status.value
    request.decided_by_id = by
    request.decided_at = tx.moment


def space(session: Session, room: Room) -> int:
    """How many more the room takes."""
    return limits.current().participants - access.participant_count(session, room.id)
