"""Small words of the pages that depend on what happened. Whole sentences stand in the templates."""

from __future__ import annotations

import math
from datetime import datetime

from flask_babel import format_datetime, gettext, ngettext

from chatapp.contract.errors import Code, Refused
from chatapp.domain import second_factor
from chatapp.transports.web import said_below


def later(refused: Refused) -> str:
    """When to try again, as a sentence to add; empty when that is not known."""
    if refused.retry_after is None:
        return ""
    seconds = math.ceil(refused.retry_after)
    if seconds > 90:
        minutes = math.ceil(seconds / 60)
        return " " + str(ngettext("Try again in %(num)s minute.", "Try again in %(num)s minutes.", minutes))
    return " " + str(ngettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds))


def code_fault(refused: Refused | None) -> str:
    """What is wrong with a code that somebody typed, and what to type instead; empty when the code is not what was
    refused."""
    if not refused or second_factor.FIELD not in (refused.fields or {}):
        return ""
    if refused.code is Code.RATE_LIMITED:
        return f"{said_below.refusal(refused)}{later(refused)}"
    return str(gettext("This code is not right, or was used before. Type the one that your app shows now."))


def duration(seconds: int) -> str:
    """How long something took, as people say it."""
    if seconds < 90:
        return str(ngettext("%(num)s second", "%(num)s seconds", seconds))
    return str(ngettext("%(num)s minute", "%(num)s minutes", round(seconds / 60)))


def day_of(moment: str) -> str:
    """The day of a time of the contract, by the school's calendar: UTC, as everything stored."""
    return str(format_datetime(datetime.fromisoformat(moment), "d MMMM y"))
