"""What the rules and the contract say to people, listed so that gettext finds it. A test compares the list with them.

Sentences with numbers in them are not here; in other languages than English their code's sentence is said instead.
"""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext

from chatapp.contract.errors import Code, Refused
from chatapp.transports.web import language


def _mark(text: str) -> str:
    """For gettext's extraction only."""
    return text


SENTENCES = (
    _mark("Accounts are made by the school."),
    _mark("This invite code is not valid."),
    _mark("Registering needs an invite code."),
    _mark("The current password is wrong."),
    _mark("This username is taken."),
    _mark("Too many sign-ins at once."),
    _mark("Sign in again."),
    _mark("Wrong username or password."),
    _mark("This password was one to begin with, and is over. Ask for a new one."),
    _mark("Only the host of the room may do this."),
    _mark("Only teachers create rooms."),
    _mark("Only teachers and administrators register webhooks."),
    _mark("Only the school's administrator may do this."),
    _mark("Ask another administrator to do this to you."),
    _mark("The host does not let you into this room."),
    _mark("This room takes nobody new."),
    _mark("You have asked often enough for now."),
    _mark("Too many wait already. Try again soon."),
    _mark("While you are away the grace time can only be made longer."),
    _mark("The host cannot be removed. Close the room instead."),
    _mark("Too many tries. Wait a little."),
    _mark("You write faster than this room reads."),
    _mark("Too many commands."),
    _mark("No open room has this code."),
    _mark("This person is not in the room."),
    _mark("This person is not banned."),
    _mark("Somebody else brought this file."),
    _mark("A message shows this file."),
    _mark("The server restarts."),
    _mark("Signing in needs https here."),
    _mark("This came from another website, so nothing was done."),
    _mark("This page was out of date, so nothing was done. Load it again and repeat."),
    _mark("There is no such join request."),
    _mark("Write something."),
    _mark("At least 8 characters."),
    _mark("Not valid."),
    _mark("Missing."),
    _mark("Taken."),
    _mark("Wrong."),
    _mark("Only teachers and administrators use a second step."),
    _mark("Begin again with setting up the app."),
    _mark("There is no second step to take away."),
    _mark("The second step is on already. Take it away first."),
    _mark("Your app is not known any more. Ask an administrator."),
    _mark("Too many wrong codes. Use a recovery code, or wait."),
    _mark("Enter the code of your app."),
    _mark("This code is not valid."),
    _mark("Blocked."),
    _mark("Not one of the passwords that everybody tries."),
    _mark("Too many passwords were tried here. Use a device that you have signed in on before, or wait."),
    _mark("Too many requests. Wait a little."),
    _mark("Too many pages. Wait a little."),
)

BY_CODE = {
    Code.INVALID_PAYLOAD: _mark("Something in this is not as it has to be."),
    Code.UNAUTHORIZED: _mark("Sign in first."),
    Code.FORBIDDEN: _mark("You may not do this."),
    Code.NOT_FOUND: _mark("There is nothing at this address, or it is not yours to see."),
    Code.CONFLICT: _mark("This does not fit what is there already."),
    Code.NOT_PENDING: _mark("Somebody decided this already."),
    Code.ROOM_CLOSED: _mark("The class has ended."),
    Code.ROOM_FULL: _mark("The room is full."),
    Code.LIMIT_REACHED: _mark("That is the limit. End or finish something first."),
    Code.TOO_LARGE: _mark("This is too long."),
    Code.CONTENT_REJECTED: _mark("This text cannot be taken."),
    Code.RATE_LIMITED: _mark("Too many tries. Wait a little."),
    Code.INTERNAL: _mark("Something went wrong. Try again."),
    Code.UNAVAILABLE: _mark("The server is busy. Try again in a moment."),
}


def refusal(refused: Refused) -> str:
    """Why not, in the language of the page."""
    return _said(refused.message, lambda: BY_CODE.get(refused.code, BY_CODE[Code.INTERNAL]))


def fault(text: str) -> str:
    """What is wrong with one field, in the language of the page."""
    return _said(text, lambda: BY_CODE[Code.INVALID_PAYLOAD])


def _said(text: str, otherwise: Callable[[], str]) -> str:
    if language.chosen() == language.LANGUAGES[0]:
        return text
    return str(gettext(text)) if text in SENTENCES else str(gettext(otherwise()))
