"""How a command of the operator's ends when it cannot be done: in one line. What the commands do is `cli`'s and
`operate`'s."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click
from sqlalchemy.exc import DBAPIError

from chatapp.contract.errors import Refused

P = ParamSpec("P")


def in_one_line(command: Callable[P, None]) -> Callable[P, None]:
    """Tell the operator what is wrong without a traceback."""

    @wraps(command)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Refused as refused:
            raise click.ClickException(refused.message) from refused
        except DBAPIError as fault:
            reason = str(fault.orig).splitlines()[0] if fault.orig else "no answer"
            raise click.ClickException(
                f"The database is not ready ({reason}). Try: flask --app wsgi db upgrade"
            ) from fault

    return quiet
