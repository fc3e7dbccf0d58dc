"""The nouns as they are stored: columns and constraints, no rules. A model is read and written by the domain alone."""

from chatapp.models.api_token import ApiToken
from chatapp.models.audit_entry import AuditEntry
from chatapp.models.join_request import JoinRequest
from chatapp.models.lease import Lease
from chatapp.models.membership import Membership
from chatapp.models.message import Message
from chatapp.models.notification import Notification
from chatapp.models.presence import Presence
from chatapp.models.room import Room
from chatapp.models.second_factor import RecoveryCode, SecondFactor
from chatapp.models.session import SignIn, Ticket
from chatapp.models.stored_file import StoredFile
from chatapp.models.user import User
from chatapp.models.webhook import Delivery, Webhook, WebhookCursor
from chatapp.models.worker import Worker

__all__ = [
    "ApiToken",
    "AuditEntry",
    "Delivery",
    "JoinRequest",
    "Lease",
    "Membership",
    "Message",
    "Notification",
    "Presence",
    "RecoveryCode",
    "Room",
    "SecondFactor",
    "SignIn",
    "StoredFile",
    "Ticket",
    "User",
    "Webhook",
    "WebhookCursor",
    "Worker",
]
