"""Lists: what is asked for a page in a query string, and how a page looks. Where one goes on is `cursors`."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.contract import words
from chatapp.contract.answers import BanSchema
from chatapp.contract.inputs import MAX_SEQ
from chatapp.contract.things import (
    CardSchema,
    JoinRequestSchema,
    MessageSchema,
    NotificationSchema,
    ParticipantSchema,
    SessionSchema,
    Thing,
    one_of,
)

PAGE, LONGEST_PAGE, LONGEST_HISTORY = 50, 100, 200
_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)


class QueryInteger(fields.Integer):
    """A whole number in a query string: ASCII digits and nothing else."""

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class QueryFlag(fields.Boolean):
    """`true` or `false`."""

    truthy = {"true"}  # noqa: RUF012 — the library's way to say it
    falsy = {"false"}  # noqa: RUF012


class PageQuery(Thing):
    """A page of a list."""

    limit = QueryInteger(load_default=PAGE, validate=validate.Range(1, LONGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(1, 400))


class RoomsQuery(PageQuery):
    """A page of rooms."""

    mine = QueryFlag(load_default=False)
    status = fields.String(load_default=None, validate=one_of(words.RoomStatus))


class RequestsQuery(PageQuery):
    """A page of a lobby."""

    status = fields.String(load_default=None, validate=one_of(words.RequestStatus))


class HistoryQuery(Thing):
    """A page of a room's log: behind `after`, or below `before`, or the newest."""

    before = QueryInteger(load_default=None, validate=validate.Range(0, MAX_SEQ))
    after = QueryInteger(load_default=None, validate=validate.Range(0, MAX_SEQ))
    limit = QueryInteger(load_default=PAGE, validate=validate.Range(1, LONGEST_HISTORY))

    @validates_schema
    def one_direction(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse two."""
        if data.get("before") is not None and data.get("after") is not None:
            raise ValidationError("Name one of before and after.", "before")


class UploadQuery(Thing):
    """What becomes of an upload: `send` makes it a message at once, under `client_id`."""

    send = QueryFlag(load_default=False)
    client_id = fields.String(load_default=None)

    @validates_schema
    def both_or_neither(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse one without the other."""
        if data["send"] != (data["client_id"] is not None):
            raise ValidationError("Name it with send=true, and only then.", "client_id")


class Page(Thing):
    """The base of all pages. `next_cursor` is null on the last one."""

    next_cursor = fields.String(required=True, allow_none=True)


class CardPage(Page):
    items = fields.List(fields.Nested(CardSchema), required=True)


class RequestPage(Page):
    items = fields.List(fields.Nested(JoinRequestSchema), required=True)


class ParticipantPage(Page):
    items = fields.List(fields.Nested(ParticipantSchema), required=True)


class BanPage(Page):
    items = fields.List(fields.Nested(BanSchema), required=True)


class SessionPage(Page):
    items = fields.List(fields.Nested(SessionSchema), required=True)


class NotificationPage(Page):
    items = fields.List(fields.Nested(NotificationSchema), required=True)
    unread = fields.Integer(required=True)
    head = fields.Integer(required=True)


class FilePage(Page):
    """The newest first, each as the message that it was sent as."""

    items = fields.List(fields.Nested(MessageSchema), required=True)
