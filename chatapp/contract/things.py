"""The things that answers and events carry, as marshmallow schemas: the documents and the tests read these.

A field that is not here may not go out; the domain's views build exactly these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from chatapp.contract import words


def one_of(vocabulary: Iterable[Any]) -> validate.OneOf:
    """A validator for a word of a closed vocabulary."""
    return validate.OneOf([word.value for word in vocabulary])


class Thing(Schema):
    """The base of all schemas: what is not declared is an error."""

    class Meta:
        unknown = RAISE


def instant(*, allow_none: bool = False) -> fields.String:
    """A time, RFC 3339 UTC with `Z`."""
    return fields.String(required=True, allow_none=allow_none, metadata={"format": "date-time"})


class UserSchema(Thing):
    """A user, as everybody in the school may see one."""

    id = fields.String(required=True)
    username = fields.String(required=True)
    display_name = fields.String(required=True)
    role = fields.String(required=True, validate=one_of(words.Role))


class CardSchema(Thing):
    """All that a stranger sees of a room."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    host = fields.Nested(UserSchema, required=True)
    status = fields.String(required=True, validate=one_of(words.RoomStatus))
    admission = fields.String(required=True, validate=one_of(words.Admission))
    my_role = fields.String(required=True, validate=one_of(words.MyRole))


class RoomSchema(CardSchema):
    """A room, as its host and participants see it. `closes_in` is in seconds at sending."""

    description = fields.String(required=True)
    participant_count = fields.Integer(required=True)
    pending_count = fields.Integer(metadata={"description": "to the host alone"})
    head = fields.Integer(required=True)
    epoch = fields.String(required=True)
    join_code = fields.String(required=True, allow_none=True)
    host_grace_seconds = fields.Integer(required=True)
    retention_days = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: as long as the school"}
    )
    closes_at = instant(allow_none=True)
    closes_in = fields.Float(required=True, allow_none=True)
    created_at = instant()
    closed_at = instant(allow_none=True)
    close_reason = fields.String(required=True, allow_none=True, validate=one_of(words.CloseReason))


class ParticipantSchema(Thing):
    """A user's place in a room."""

    user = fields.Nested(UserSchema, required=True)
    role = fields.String(required=True, validate=one_of([words.MyRole.HOST, words.MyRole.PARTICIPANT]))
    online = fields.Boolean(required=True)
    joined_at = instant()


class JoinRequestSchema(Thing):
    """A knock, and what became of it. `id` is null where a participant knocks at an open door."""

    id = fields.String(required=True, allow_none=True)
    room_id = fields.String(required=True)
    user = fields.Nested(UserSchema, required=True)
    status = fields.String(required=True, validate=one_of(words.RequestStatus))
    note = fields.String(required=True)
    reason = fields.String(required=True)
    decided_by = fields.Nested(UserSchema, required=True, allow_none=True)
    created_at = instant()
    decided_at = instant(allow_none=True)
    online = fields.Boolean(required=True)


class FileSchema(Thing):
    """An uploaded file. `size` is in bytes; `width` and `height`, in pixels, are known of pictures. `sha256` is of the
    bytes that come back, which of a picture are not those that went up: it is made anew, without what a camera adds."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    url = fields.String(required=True)
    thumbnail_url = fields.String(required=True, allow_none=True)
    width = fields.Integer(required=True, allow_none=True)
    height = fields.Integer(required=True, allow_none=True)
    created_at = instant()


class MessageSchema(Thing):
    """One row of a room's log."""

    id = fields.String(required=True)
    room_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    type = fields.String(required=True, validate=one_of(words.MessageType))
    sender = fields.Nested(UserSchema, required=True, allow_none=True)
    client_id = fields.String(required=True, allow_none=True)
    body = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True, validate=one_of(words.SystemCode))
    params = fields.Dict(required=True)
    file = fields.Nested(FileSchema, required=True, allow_none=True)
    created_at = instant()


class UploadedSchema(FileSchema):
    """A file that was uploaded; with `send`, `message` is the message that it was sent as."""

    message = fields.Nested(MessageSchema)


class NotificationSchema(Thing):
    """Something a user should know, with the user's own seq."""

    id = fields.String(required=True)
    seq = fields.Integer(required=True)
    kind = fields.String(required=True, validate=one_of(words.NotificationKind))
    room_id = fields.String(required=True, allow_none=True)
    data = fields.Dict(required=True)
    read = fields.Boolean(required=True)
    created_at = instant()


class SessionSchema(Thing):
    """A sign-in on one device."""

    id = fields.String(required=True)
    device = fields.String(required=True)
    created_at = instant()
    last_seen_at = instant()
    current = fields.Boolean(required=True)


class ErrorSchema(Thing):
    """A refusal over REST (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    retry_after = fields.Float()
    decided_by = fields.Nested(UserSchema, allow_none=True)
    my_role = fields.String()


class RoomHeadSchema(Thing):
    """Where a room's log stands."""

    room_id = fields.String(required=True)
    head = fields.Integer(required=True)
    epoch = fields.String(required=True)


class TypingSchema(Thing):
    """Somebody types, or has stopped."""

    room_id = fields.String(required=True)
    user = fields.Nested(UserSchema, required=True)
    typing = fields.Boolean(required=True)


class PresenceSchema(Thing):
    """Who came online in a room and who went. `online` counts users, not connections."""

    room_id = fields.String(required=True)
    joined = fields.List(fields.Nested(UserSchema), required=True)
    left = fields.List(fields.Nested(UserSchema), required=True)
    online = fields.Integer(required=True)


class ByeSchema(Thing):
    """The server ends a connection, or with `room_id` its stay in that room."""

    room_id = fields.String()
    code = fields.String(required=True, validate=one_of(words.Bye))
    retry_ms = fields.Integer()


class NotificationsSchema(Thing):
    """The newest page of a user's notifications, newest first."""

    items = fields.List(fields.Nested(NotificationSchema), required=True)
    unread = fields.Integer(required=True)
    head = fields.Integer(required=True)


class NotificationsReadSchema(Thing):
    """Something was read, here or on another device."""

    up_to_seq = fields.Integer(required=True)
    unread = fields.Integer(required=True)


class HistorySchema(Thing):
    """A page of a room's log, ascending."""

    items = fields.List(fields.Nested(MessageSchema), required=True)
    head = fields.Integer(required=True)
    epoch = fields.String(required=True)
    oldest = fields.Integer(required=True, metadata={"description": "what stands before it is no longer kept"})
    has_more = fields.Boolean(required=True)


class SnapshotSchema(Thing):
    """The answer to `room_enter`, without its `ok`."""

    room = fields.Nested(RoomSchema, required=True)
    me = fields.Nested(ParticipantSchema, required=True)
    participants = fields.List(fields.Nested(ParticipantSchema), required=True)
    epoch = fields.String(required=True)
    head = fields.Integer(required=True)
    oldest = fields.Integer(required=True, metadata={"description": "what stands before it is no longer kept"})
    messages = fields.List(fields.Nested(MessageSchema), required=True)
    more = fields.Boolean(required=True)
    reset = fields.Boolean(required=True)
