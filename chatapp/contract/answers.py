"""What operations answer beyond the things themselves: small results, acks, and what depends on who asks."""

from __future__ import annotations

from marshmallow import fields

from chatapp.contract import words
from chatapp.contract.things import (
    CardSchema,
    JoinRequestSchema,
    MessageSchema,
    RoomSchema,
    Thing,
    UserSchema,
    instant,
    one_of,
)


class KnockSchema(JoinRequestSchema):
    """The answer to a knock: the join request, or for a participant that none is needed: `id` null, `approved`."""

    user = fields.Nested(UserSchema)
    note = fields.String()
    reason = fields.String()
    decided_by = fields.Nested(UserSchema, allow_none=True)
    created_at = fields.String(metadata={"format": "date-time"})
    decided_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    online = fields.Boolean()


class DecisionSchema(Thing):
    """What became of one join request in a decision."""

    request_id = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=one_of(words.Outcome))
    decided_by = fields.Nested(UserSchema, allow_none=True)


class DecisionsSchema(Thing):
    """The outcome of a decision, one row a request."""

    results = fields.List(fields.Nested(DecisionSchema), required=True)


class RemovalSchema(Thing):
    """A participant was removed; nothing above `seq` reaches them."""

    user_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    banned = fields.Boolean(required=True)


class BanSchema(Thing):
    """Who may not ask again."""

    user = fields.Nested(UserSchema, required=True)
    banned_at = instant()


class UnbanSchema(Thing):
    """Who may ask again."""

    user_id = fields.String(required=True)


class ErasureSchema(Thing):
    """What was erased of a person, and how they are called where something remains."""

    user = fields.Nested(UserSchema, required=True)
    rooms = fields.Integer(required=True)
    messages = fields.Integer(required=True)
    files = fields.Integer(required=True)


class TokensSchema(Thing):
    """A signed-in user with a fresh pair of tokens. `expires_in` is the access token's life in seconds. `device_token`
    comes with a sign-in: sent with the next one, it lets this device in while others guess at the account."""

    user = fields.Nested(UserSchema, required=True)
    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    expires_in = fields.Integer(required=True)
    device_token = fields.String()


class TicketSchema(Thing):
    """A one-time way into a plain WebSocket."""

    ticket = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class SecondFactorSchema(Thing):
    """Whether signing in asks for a code, too."""

    enabled = fields.Boolean(required=True)
    recovery_codes_left = fields.Integer(required=True)


class SecondFactorSetupSchema(Thing):
    """What an authenticator app needs, as letters and as what its camera reads."""

    setup_key = fields.String(required=True)
    uri = fields.String(required=True)


class RecoveryCodesSchema(Thing):
    """Each signs in once in the app's stead."""

    recovery_codes = fields.List(fields.String(), required=True)


class HealthSchema(Thing):
    """Whether a process lives, and with `reasons` whether it should get work."""

    status = fields.String(required=True)
    reasons = fields.List(fields.String())


class RoomOrCardSchema(CardSchema):
    """A Room for those inside, a Card for everybody else."""

    description = fields.String()
    participant_count = fields.Integer()
    pending_count = fields.Integer(metadata={"description": "to the host alone"})
    head = fields.Integer()
    epoch = fields.String()
    join_code = fields.String(allow_none=True)
    host_grace_seconds = fields.Integer()
    retention_days = fields.Integer(allow_none=True)
    closes_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    closes_in = fields.Float(allow_none=True)
    created_at = fields.String(metadata={"format": "date-time"})
    closed_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    close_reason = fields.String(allow_none=True, validate=one_of(words.CloseReason))


# What the acks of commands carry beside `ok`, where that is no thing of its own.


class DoneSchema(Thing):
    """Nothing more is to be said."""


class SentSchema(Thing):
    """The message as it stands in the log, and whether this client_id had made it before."""

    message = fields.Nested(MessageSchema, required=True)
    duplicate = fields.Boolean(required=True)


class LogPageSchema(Thing):
    """A page of a room's log, ascending. `reset` says that `after` was of another log, or below what is kept."""

    messages = fields.List(fields.Nested(MessageSchema), required=True)
    head = fields.Integer(required=True)
    epoch = fields.String(required=True)
    oldest = fields.Integer(required=True, metadata={"description": "what stands before it is no longer kept"})
    more = fields.Boolean(required=True)
    reset = fields.Boolean(required=True)


class KnockedSchema(Thing):
    """The join request of the user who asks."""

    join_request = fields.Nested(KnockSchema, required=True)


class RoomAnswerSchema(Thing):
    """The room as it is now."""

    room = fields.Nested(RoomSchema, required=True)


class RefreshedSchema(Thing):
    """Until when the connection is good, in Unix time."""

    expires_at = fields.Float(required=True)
