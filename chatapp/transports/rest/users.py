"""`/api/users/`: the signed-in user's own profile."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask import request

from chatapp.contract import answers, inputs, things
from chatapp.contract.errors import Code
from chatapp.contract.scopes import Scope
from chatapp.domain import accounts, authenticator
from chatapp.domain.actor import Actor
from chatapp.transports import limits
from chatapp.transports.rest.endpoint import Answer, Data, Resource, endpoint

blueprint = Resource("Profile", url_prefix="/api/users", description="My profile")


@endpoint(
    blueprint,
    "GET",
    "/me/",
    gives=things.UserSchema,
    scope=Scope.PROFILE_READ,
)
def show_me(actor: Actor) -> Answer:
    """My profile"""
    return accounts.me(actor)


@endpoint(
    blueprint,
    "PATCH",
    "/me/",
    takes=inputs.ProfileInput,
    gives=things.UserSchema,
    refuses=(Code.FORBIDDEN, Code.RATE_LIMITED),
)
def change_me(actor: Actor, data: Data) -> Answer:
    """Change my display name, or my password with the current one"""
    if "current_password" not in data:
        return accounts.change_profile(actor, **data)
    with _guessing(actor):
        return accounts.change_profile(actor, **data)


@endpoint(blueprint, "GET", "/me/second-factor/", gives=answers.SecondFactorSchema)
def show_second_factor(actor: Actor) -> Answer:
    """Whether signing in asks me for a code, too"""
    return authenticator.show(actor)


@endpoint(
    blueprint,
    "POST",
    "/me/second-factor/",
    takes=inputs.PasswordInput,
    gives=answers.SecondFactorSetupSchema,
    status=201,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
)
def set_up_second_factor(actor: Actor, data: Data) -> Answer:
    """A secret for my authenticator app (teachers and administrators)"""
    with _guessing(actor):
        return authenticator.set_up(actor, **data)


@endpoint(
    blueprint,
    "POST",
    "/me/second-factor/confirm/",
    takes=inputs.OtpInput,
    gives=answers.RecoveryCodesSchema,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
)
def confirm_second_factor(actor: Actor, data: Data) -> Answer:
    """Ask for codes from now on, since I have shown one; my recovery codes"""
    return authenticator.confirm(actor, **data)


@endpoint(
    blueprint,
    "POST",
    "/me/second-factor/remove/",
    takes=inputs.PasswordAndOtpInput,
    gives=None,
    status=204,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
)
def remove_second_factor(actor: Actor, data: Data) -> Answer:
    """Ask for no codes any more"""
    with _guessing(actor):
        authenticator.remove(actor, **data)
    return None


def _guessing(actor: Actor) -> AbstractContextManager[None]:
    """A stolen session must not guess the password either."""
    return limits.current().guessing(actor.username, request.remote_addr or "")
