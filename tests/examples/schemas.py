"""JSON Schema validation of what goes over the wire against one of the two documents."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]


class Document:
    """A document whose schemas refer to each other by `#/components/…`."""

    def __init__(self, document: Json) -> None:
        self.document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry: Any = Registry().with_resource("urn:document", resource)

    def check(self, schema: Json, value: Any) -> None:
        """Raise jsonschema.ValidationError for what does not fit."""
        absolute = _absolute(schema)
        Draft202012Validator(absolute, registry=self._registry, format_checker=FormatChecker()).validate(value)

    def fits(self, schema: Json, value: Any) -> bool:
        """Whether it fits."""
        validator = Draft202012Validator(_absolute(schema), registry=self._registry)
        return bool(validator.is_valid(value))

    def follow(self, found: Json) -> Json:
        """What a reference leads to, or the thing itself."""
        while "$ref" in found:
            place: Any = self.document
            for step in found["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            found = place
        return found


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        changed = {key: _absolute(each) for key, each in value.items()}
        if isinstance(value.get("$ref"), str) and value["$ref"].startswith("#"):
            changed["$ref"] = f"urn:document{value['$ref']}"
        return changed
    return [_absolute(each) for each in value] if isinstance(value, list) else value
