"""What a page was asked for in its address, by the contract's schemas. A field left empty was not asked for."""

from __future__ import annotations

from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from chatapp.contract.errors import Code, Refused

DONE = "done"
"""Says on the page after a change what was done; no input of the list."""


def asked(schema: type[Schema]) -> dict[str, Any]:
    """The query string as `schema` loads it. Raises invalid_payload with every field's faults."""
    try:
        loaded: dict[str, Any] = schema().load({name: text for name, text in _filled_in() if name != DONE})
    except ValidationError as error:
        faults = {str(name)[:64]: list(map(str, texts)) for name, texts in error.messages_dict.items()}
        field, texts = next(iter(faults.items()))
        raise Refused(Code.INVALID_PAYLOAD, f"{field}: {texts[0]}", fields=faults) from error
    return loaded


def filters() -> dict[str, str]:
    """What was filled in, for the form to show again and for the next page to keep."""
    return {name: text for name, text in _filled_in() if name not in (DONE, "cursor")}


def _filled_in() -> list[tuple[str, str]]:
    return [(name, text.strip()) for name, text in request.args.items() if text.strip()]
