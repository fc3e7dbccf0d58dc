"""`/api/notifications/`: what the signed-in user should know."""

from __future__ import annotations

from chatapp.contract import inputs, pages, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import notifications
from chatapp.domain.actor import Actor
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Notifications", url_prefix="/api/notifications", description="What I should know")


@endpoint(
    blueprint,
    "GET",
    "/",
    asks=pages.PageQuery,
    gives=pages.NotificationPage,
    spends=Attempts.history,
    scope=Scope.NOTIFICATIONS_READ,
)
def list_notifications(actor: Actor, asked: Data) -> Answer:
    """My notifications, newest first"""
    return notifications.page(actor, **asked)


@endpoint(
    blueprint,
    "POST",
    "/read/",
    takes=inputs.MarkReadInput,
    gives=things.NotificationsReadSchema,
    refuses=(Code.NOT_FOUND,),
    scope=Scope.NOTIFICATIONS_WRITE,
)
def mark_read(actor: Actor, data: Data) -> Answer:
    """Mark these, or all up to a seq, as read"""
    return notifications.mark_read(actor, **data)
