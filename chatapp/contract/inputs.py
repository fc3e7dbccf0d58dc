"""What each operation takes, as marshmallow schemas: shape and type only. Texts and limits are judged by the domain."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.contract import words
from chatapp.contract.things import Thing, one_of

MAX_SEQ = 2**53 - 1
"""Beyond this a JavaScript client cannot count."""


MAX_ID = 200


class StrictInteger(fields.Integer):
    """A whole number that is not a boolean."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool | str):
            raise self.make_error("invalid", input=value)
        return int(super()._validated(value) or 0)


class StrictBoolean(fields.Boolean):
    """`true` or `false`; neither a number nor a word that means one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def text(*, limit: str = "", **kwargs: Any) -> fields.String:
    """Any string; the domain judges its length and content. `limit` names the setting it goes by, for the documents."""
    return fields.String(metadata={"x-limit": limit} if limit else {}, **kwargs)


def identifier(**kwargs: Any) -> fields.String:
    """An id. One that cannot be ours is looked up nowhere and answers not_found."""
    return fields.String(validate=validate.Length(max=MAX_ID), **kwargs)


def seq(**kwargs: Any) -> fields.Integer:
    """A place in a room's order."""
    return StrictInteger(strict=True, validate=validate.Range(0, MAX_SEQ), **kwargs)


def grace(**kwargs: Any) -> fields.Integer:
    """Seconds between the host's going and the room's closing."""
    return StrictInteger(strict=True, validate=validate.Range(0, 600), **kwargs)


def days(**kwargs: Any) -> fields.Integer:
    """How long something is kept."""
    return StrictInteger(strict=True, validate=validate.Range(1, 3650), **kwargs)


class Nothing(Thing):
    """A command without fields."""


class RegisterInput(Thing):
    username = text(required=True)
    password = text(required=True)
    display_name = text(limit="LIMIT_DISPLAY_NAME")
    invite_code = text()


class LoginInput(Thing):
    username = text(required=True)
    password = text(required=True)
    otp = text()
    device_token = text(validate=validate.Length(max=4000))


class PasswordInput(Thing):
    current_password = text(required=True)


class OtpInput(Thing):
    otp = text(required=True)


class PasswordAndOtpInput(PasswordInput, OtpInput):
    pass


class RefreshInput(Thing):
    refresh_token = text()


class ProfileInput(Thing):
    display_name = text(limit="LIMIT_DISPLAY_NAME")
    password = text()
    current_password = text()


class RoomCreateInput(Thing):
    title = text(limit="LIMIT_TITLE", required=True)
    description = text(limit="LIMIT_DESCRIPTION")
    admission = fields.String(validate=one_of(words.Admission))
    host_grace_seconds = grace()


class RoomUpdateInput(Thing):
    title = text(limit="LIMIT_TITLE")
    description = text(limit="LIMIT_DESCRIPTION")
    admission = fields.String(validate=one_of(words.Admission))
    host_grace_seconds = grace()
    retention_days = days(allow_none=True)


class KnockInput(Thing):
    note = text(limit="LIMIT_NOTE", allow_none=True)


class SelectorInput(Thing):
    """Which join requests a decision is about: exactly one of the four."""

    request_id = identifier()
    user_id = identifier()
    request_ids = fields.List(identifier(), validate=validate.Length(1, 500))
    all = StrictBoolean(validate=validate.Equal(True))

    @validates_schema
    def one_selector(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse none and refuse two."""
        named = [name for name in ("request_id", "user_id", "request_ids", "all") if name in data]
        if len(named) != 1:
            raise ValidationError("Name exactly one of request_id, user_id, request_ids and all.", "request_id")


class DenyInput(SelectorInput):
    reason = text(limit="LIMIT_REASON", allow_none=True)


class RemoveInput(Thing):
    user_id = identifier(required=True)
    reason = text(limit="LIMIT_REASON", allow_none=True)
    ban = StrictBoolean()


class UserInput(Thing):
    user_id = identifier(required=True)


class SendInput(Thing):
    """A text or a file, never both."""

    client_id = text(limit="LIMIT_CLIENT_ID", required=True)
    body = text(limit="LIMIT_MESSAGE_CHARS")
    file_id = identifier()

    @validates_schema
    def one_content(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse none and refuse two."""
        if ("body" in data) == ("file_id" in data):
            raise ValidationError("Send exactly one of body and file_id.", "body")


class MarkReadInput(Thing):
    ids = fields.List(identifier(), validate=validate.Length(1, 500))
    up_to_seq = seq()

    @validates_schema
    def one_selector(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse none and refuse two."""
        if ("ids" in data) == ("up_to_seq" in data):
            raise ValidationError("Name exactly one of ids and up_to_seq.", "ids")


class WebhookInput(Thing):
    """An address that is told what happens: in a room, or without one in the school."""

    url = fields.String(required=True, validate=validate.Length(1, 2000))
    room_id = identifier(allow_none=True)


class WebhookUpdateInput(Thing):
    url = fields.String(validate=validate.Length(1, 2000))
    enabled = StrictBoolean()


class ReplayInput(Thing):
    """One delivery once more; or everything of a room behind `after`, in order."""

    delivery_id = StrictInteger(strict=True, validate=validate.Range(1, MAX_SEQ))
    room_id = identifier()
    after = seq()

    @validates_schema
    def one_selector(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse none and refuse a mixture."""
        if set(data) not in ({"delivery_id"}, {"room_id", "after"}):
            raise ValidationError("Name delivery_id, or room_id and after.", "delivery_id")


# What the sockets' commands take: the same, with the room's id.


class InRoom(Thing):
    room_id = identifier(required=True)


class RoomEnterInput(InRoom):
    after = seq(allow_none=True)
    epoch = fields.String(allow_none=True, validate=validate.Length(max=64))


class MessageSendInput(SendInput, InRoom):
    def load(self, data: Any, **kwargs: Any) -> Any:
        """A text in a room, as nearly every command is, is seen to be right without marshmallow, which takes 30 us to
        say so. Whatever is not exactly that goes the usual way."""
        strings = (
            isinstance(data, dict) and data.keys() == _TEXT and all(isinstance(each, str) for each in data.values())
        )
        if strings and len(data["room_id"]) <= MAX_ID:
            return data
        return super().load(data, **kwargs)


_TEXT = {"room_id", "client_id", "body"}


class MessagesAfterInput(InRoom):
    after = seq(required=True)
    limit = StrictInteger(strict=True, validate=validate.Range(1, 200))


class MessagesBeforeInput(InRoom):
    before = seq(required=True)
    limit = StrictInteger(strict=True, validate=validate.Range(1, 200))


class TypingInput(InRoom):
    typing = StrictBoolean(required=True)


class JoinRequestCreateInput(KnockInput, InRoom):
    pass


class ApproveCommandInput(SelectorInput, InRoom):
    pass


class DenyCommandInput(DenyInput, InRoom):
    pass


class RemoveCommandInput(RemoveInput, InRoom):
    pass


class TokenRefreshInput(Thing):
    token = text(required=True)
