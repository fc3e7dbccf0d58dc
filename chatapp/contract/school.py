"""What may be asked of the administrator's lists in a query string. Forms leave out what was not filled in."""

from __future__ import annotations

from marshmallow import fields, validate

from chatapp.contract import words
from chatapp.contract.pages import PageQuery
from chatapp.contract.things import one_of

ACTIVE, DEACTIVATED = "active", "deactivated"
_LONGEST = 200


def _name() -> fields.String:
    return fields.String(load_default=None, validate=validate.Length(max=_LONGEST))


class PeopleQuery(PageQuery):
    """A page of people."""

    search = fields.String(load_default="", validate=validate.Length(max=_LONGEST))
    role = fields.String(load_default=None, validate=one_of(words.Role))
    state = fields.String(load_default=None, validate=validate.OneOf([ACTIVE, DEACTIVATED]))


class SchoolRoomsQuery(PageQuery):
    """A page of all rooms."""

    search = fields.String(load_default="", validate=validate.Length(max=_LONGEST))
    status = fields.String(load_default=None, validate=one_of(words.RoomStatus))


class KnocksQuery(PageQuery):
    """A page of all join requests."""

    room_id = _name()
    status = fields.String(load_default=None, validate=one_of(words.RequestStatus))


class AuditQuery(PageQuery):
    """A page of the audit log; `by` is a username, the period's days are of UTC and included."""

    act = fields.String(load_default=None, validate=one_of(words.Act))
    by = _name()
    room_id = _name()
    since = fields.Date(load_default=None)
    until = fields.Date(load_default=None)
