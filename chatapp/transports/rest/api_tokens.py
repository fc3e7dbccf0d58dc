"""`/api/tokens/`: personal API tokens, for programs. They are made with a session, never with another token."""

from __future__ import annotations

from flask import request

from chatapp.contract import pages, scopes
from chatapp.contract.errors import Code
from chatapp.domain import api_tokens
from chatapp.domain.actor import Actor
from chatapp.transports import limits
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("API tokens", url_prefix="/api/tokens", description="Tokens for programs, with scopes")


@endpoint(blueprint, "GET", "/", asks=pages.PageQuery, gives=scopes.ApiTokenPage, spends=Attempts.history)
def list_tokens(actor: Actor, asked: Data) -> Answer:
    """My tokens"""
    return api_tokens.mine(actor, **asked)


@endpoint(
    blueprint,
    "POST",
    "/",
    takes=scopes.ApiTokenInput,
    gives=scopes.ApiTokenSecretSchema,
    status=201,
    refuses=(Code.LIMIT_REACHED,),
)
def create_token(actor: Actor, data: Data) -> Answer:
    """A new token for a program, for who knows the password; it is shown this once"""
    with limits.current().guessing(actor.username, request.remote_addr or ""):
        return api_tokens.create(actor, **data)


@endpoint(blueprint, "DELETE", "/<id:token_id>/", gives=None, status=204)
def revoke_token(actor: Actor, token_id: str) -> Answer:
    """End a token"""
    api_tokens.revoke(actor, token_id=token_id)
    return None
