"""Webhooks on the wire: what REST says of them, what they are sent, and how that is signed (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

from marshmallow import fields

from chatapp.contract import jsontext, words
from chatapp.contract.pages import Page
from chatapp.contract.things import Thing, instant, one_of

PREFIX = "whsec_"
Json = dict[str, Any]


class WebhookSchema(Thing):
    """An address that is told what happens; `room_id` null: in the whole school. `ended_why`: who switched it off."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    room_id = fields.String(required=True, allow_none=True)
    enabled = fields.Boolean(required=True)
    ended_why = fields.String(required=True, allow_none=True, validate=one_of(words.WebhookEnd))
    failing_since = instant(allow_none=True)
    created_at = instant()


class WebhookSecretSchema(WebhookSchema):
    """The same with its secret, which is shown this once."""

    secret = fields.String(required=True)


class DeliverySchema(Thing):
    """One try: HTTP's `status`, or the `fault` why there is none. `again` says that it is to be sent once more."""

    id = fields.Integer(required=True)
    room_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    ok = fields.Boolean(required=True)
    status = fields.Integer(required=True, allow_none=True)
    fault = fields.String(required=True, allow_none=True, validate=one_of(words.Fault))
    ms = fields.Integer(required=True)
    again = fields.Boolean(required=True)
    tried_at = instant()


class ReplaySchema(Thing):
    """How many messages will be sent again."""

    count = fields.Integer(required=True)


class WebhookPage(Page):
    items = fields.List(fields.Nested(WebhookSchema), required=True)


class DeliveryPage(Page):
    items = fields.List(fields.Nested(DeliverySchema), required=True)


def new_secret() -> str:
    """A fresh signing secret of 256 bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def event(message: Json) -> bytes:
    """The body of a delivery: `{type, timestamp, data: Message}`, `type` being `message.text`, `message.file` or
    `system.<code>`."""
    kind = f"system.{message['code']}" if message["type"] == words.MessageType.SYSTEM else f"message.{message['type']}"
    return jsontext.encode({"type": kind, "timestamp": message["created_at"], "data": message})


def headers(secret: str, message_id: str, moment: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery; the same message has the same `webhook-id` however often it is sent. Follows the
    Standard Webhooks specification 1.0: HMAC-SHA256 over id, timestamp and body, joined by dots."""
    name = f"msg_{message_id}"
    signed = f"{name}.{moment}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as fault:
        raise ValueError("not a webhook's secret") from fault
