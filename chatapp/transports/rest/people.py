"""`/api/users/<id>/`: taking a person's data away, and erasing a person."""

from __future__ import annotations

from flask import Response

from chatapp.contract import answers
from chatapp.contract.errors import Code
from chatapp.domain import erasure, exports
from chatapp.domain.actor import Actor
from chatapp.transports import taking
from chatapp.transports.limits import Attempts
from chatapp.transports.rest.endpoint import Answer, Resource, endpoint

blueprint = Resource("People", url_prefix="/api/users", description="A person's data, taken away or erased")


@endpoint(
    blueprint,
    "DELETE",
    "/<id:user_id>/",
    gives=answers.ErasureSchema,
    refuses=(Code.FORBIDDEN, Code.CONFLICT),
)
def erase(actor: Actor, user_id: str) -> Answer:
    """Erase a person, for good: their words, files and names (administrators)"""
    return erasure.erase(actor, user_id=user_id)


@endpoint(blueprint, "GET", "/me/export/", gives=None, binary=True, spends=Attempts.export)
def export_me(actor: Actor) -> Response:
    """A ZIP of everything that is stored of me, and the files that I sent"""
    return taking.answer(taking.person_archive(exports.person(actor, user_id=actor.user_id)), "my-data")


@endpoint(blueprint, "GET", "/<id:user_id>/export/", gives=None, binary=True, refuses=(Code.FORBIDDEN,),
          spends=Attempts.export)  # fmt: skip
def export_person(actor: Actor, user_id: str) -> Response:
    """A ZIP of everything that is stored of somebody (administrators)"""
    return taking.answer(taking.person_archive(exports.person(actor, user_id=user_id)), f"person-{user_id}")
