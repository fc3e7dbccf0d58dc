"""`/api/webhooks/`: addresses that are told what happens, and what became of each try."""

from __future__ import annotations

from chatapp.contract import hooks, inputs, pages
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import webhooks
from chatapp.domain.actor import Actor
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Webhooks", url_prefix="/api/webhooks", description="Addresses that are told what happens")


@endpoint(
    blueprint,
    "GET",
    "/",
    asks=pages.PageQuery,
    gives=hooks.WebhookPage,
    spends=Attempts.history,
    scope=Scope.WEBHOOKS_READ,
)
def list_webhooks(actor: Actor, asked: Data) -> Answer:
    """My webhooks; an administrator's are everybody's"""
    return webhooks.page(actor, **asked)


@endpoint(
    blueprint,
    "POST",
    "/",
    takes=inputs.WebhookInput,
    gives=hooks.WebhookSecretSchema,
    status=201,
    refuses=(Code.FORBIDDEN, Code.NOT_FOUND, Code.LIMIT_REACHED),
    scope=Scope.WEBHOOKS_WRITE,
)
def create_webhook(actor: Actor, data: Data) -> Answer:
    """Tell this address what happens in a room (its host) or in the school (administrators)"""
    return webhooks.create(actor, **data)


@endpoint(
    blueprint,
    "GET",
    "/<id:webhook_id>/",
    gives=hooks.WebhookSchema,
    scope=Scope.WEBHOOKS_READ,
)
def show_webhook(actor: Actor, webhook_id: str) -> Answer:
    """One of them"""
    return webhooks.show(actor, webhook_id=webhook_id)


@endpoint(
    blueprint,
    "PATCH",
    "/<id:webhook_id>/",
    takes=inputs.WebhookUpdateInput,
    gives=hooks.WebhookSchema,
    scope=Scope.WEBHOOKS_WRITE,
)
def update_webhook(actor: Actor, data: Data, webhook_id: str) -> Answer:
    """Another address; or off, and on again from where it stopped"""
    return webhooks.update(actor, webhook_id=webhook_id, **data)


@endpoint(
    blueprint,
    "DELETE",
    "/<id:webhook_id>/",
    gives=None,
    status=204,
    scope=Scope.WEBHOOKS_WRITE,
)
def delete_webhook(actor: Actor, webhook_id: str) -> Answer:
    """Forget it"""
    webhooks.delete(actor, webhook_id=webhook_id)
    return None


@endpoint(
    blueprint,
    "POST",
    "/<id:webhook_id>/secret/",
    gives=hooks.WebhookSecretSchema,
    scope=Scope.WEBHOOKS_WRITE,
)
def renew_webhook_secret(actor: Actor, webhook_id: str) -> Answer:
    """Another secret, good from the next delivery on"""
    return webhooks.renew_secret(actor, webhook_id=webhook_id)


@endpoint(
    blueprint,
    "GET",
    "/<id:webhook_id>/deliveries/",
    asks=pages.PageQuery,
    gives=hooks.DeliveryPage,
    spends=Attempts.history,
    scope=Scope.WEBHOOKS_READ,
)
def list_deliveries(actor: Actor, asked: Data, webhook_id: str) -> Answer:
    """What became of it, newest first"""
    return webhooks.deliveries(actor, webhook_id=webhook_id, **asked)


@endpoint(
    blueprint,
    "POST",
    "/<id:webhook_id>/replay/",
    takes=inputs.ReplayInput,
    gives=hooks.ReplaySchema,
    scope=Scope.WEBHOOKS_WRITE,
)
def replay_webhook(actor: Actor, data: Data, webhook_id: str) -> Answer:
    """One delivery once more, or a room's log behind a seq, in order"""
    return webhooks.replay(actor, webhook_id=webhook_id, **data)
