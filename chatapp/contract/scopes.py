"""What a personal API token may be allowed to do, and how one looks. Everything else needs a session."""

from __future__ import annotations

import re
from enum import StrEnum

from marshmallow import fields, validate

from chatapp.contract.pages import Page
from chatapp.contract.things import Thing, instant, one_of

PREFIX = "chatapp_"
TOKEN = re.compile(r"chatapp_([a-z2-9]{20})_([A-Za-z0-9_-]{43})", re.ASCII)


class Scope(StrEnum):
    """Each names a part of REST, and whether it is read or changed."""

    PROFILE_READ = "profile:read"
    ROOMS_READ = "rooms:read"
    ROOMS_WRITE = "rooms:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


class ApiTokenInput(Thing):
    """A token for a program: what it is called, what it may do, for how long; and the password of who asks."""

    name = fields.String(required=True)
    current_password = fields.String(required=True)
    scopes = fields.List(fields.String(validate=one_of(Scope)), required=True, validate=validate.Length(1, len(Scope)))
    days = fields.Integer(strict=True, validate=validate.Range(1, 366))


class ApiTokenSchema(Thing):
    """A token, without what makes it one."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    scopes = fields.List(fields.String(validate=one_of(Scope)), required=True)
    created_at = instant()
    last_used_at = instant()
    expires_at = instant()


class ApiTokenSecretSchema(ApiTokenSchema):
    """The same with the token itself, which is shown this once."""

    token = fields.String(required=True)


class ApiTokenPage(Page):
    items = fields.List(fields.Nested(ApiTokenSchema), required=True)
