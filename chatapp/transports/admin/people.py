"""People: finding one, another role, out and in again, a new password for who forgot theirs."""

from __future__ import annotations

from flask import Blueprint, Response, request

from chatapp.contract.errors import invalid
from chatapp.contract.school import ACTIVE, PeopleQuery
from chatapp.contract.words import Role
from chatapp.domain import accounts, authenticator, school
from chatapp.transports.admin.asked import DONE, asked, filters
from chatapp.transports.admin.frame import administrator, go, page

blueprint = Blueprint("people", __name__, url_prefix="/users")


@blueprint.get("/")
def index() -> Response:
    """Everybody, by username."""
    wanted = asked(PeopleQuery)
    state = wanted.pop("state")
    listed = school.list_users(administrator(), active=None if state is None else state == ACTIVE, **wanted)
    return page("people.html", listed=listed, filters=filters())


@blueprint.get("/<user_id>/")
def show(user_id: str) -> Response:
    """One of them."""
    person = school.user(administrator(), user_id=user_id)
    second_step = authenticator.is_on(administrator(), user_id=user_id)
    return page("person.html", person=person, second_step=second_step, done=request.args.get(DONE))


@blueprint.post("/<user_id>/role/")
def change_role(user_id: str) -> Response:
    """Another role."""
    try:
        role = Role(request.form.get("role", ""))
    except ValueError as fault:
        raise invalid("role", "Not a role.") from fault
    accounts.set_role(administrator(), user_id=user_id, role=role)
    return go("people.show", user_id=user_id, done="role")


@blueprint.post("/<user_id>/deactivate/")
def deactivate(user_id: str) -> Response:
    """Out."""
    accounts.deactivate(administrator(), user_id=user_id)
    return go("people.show", user_id=user_id, done="deactivated")


@blueprint.post("/<user_id>/reactivate/")
def reactivate(user_id: str) -> Response:
    """In again."""
    accounts.reactivate(administrator(), user_id=user_id)
    return go("people.show", user_id=user_id, done="reactivated")


@blueprint.post("/<user_id>/password/")
def reset_password(user_id: str) -> Response:
    """A new password, on this very answer: a redirect would have to keep it somewhere, and cookies can be read."""
    person, password = accounts.reset_password(administrator(), user_id=user_id)
    return page("password.html", person=person, password=password)


@blueprint.post("/<user_id>/second-step/")
def reset_second_step(user_id: str) -> Response:
    """No codes any more, for who has lost the app that makes them."""
    authenticator.reset(administrator(), user_id=user_id)
    return go("people.show", user_id=user_id, done="second-step")
