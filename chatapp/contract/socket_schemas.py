"""JSON Schemas of what goes over a socket: things as apispec makes them of marshmallow schemas, and their acks."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from chatapp.contract import documented
from chatapp.contract.errors import MEANINGS

Json = dict[str, Any]


class Schemas:
    """JSON Schemas of marshmallow schemas, by apispec, under names of their own; and those of frames."""

    def __init__(self) -> None:
        self._spec = APISpec(title="", version="", openapi_version="3.1.0", plugins=[MarshmallowPlugin()])
        self._frames: Json = {"Error": _error(), "Refusal": _refusal()}

    def ref(self, schema: Schema | type[Schema]) -> Json:
        """A reference to the schema, which is added when it is new."""
        kind = schema if isinstance(schema, type) else type(schema)
        name = kind.__name__.removesuffix("Schema")
        if name not in self._spec.components.schemas:
            self._spec.components.schema(name, schema=kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def ack(self, schema: type[Schema]) -> Json:
        """A reference to the thing with `ok: true`, or a refusal."""
        reference = self.ref(schema)
        name = reference["$ref"].rpartition("/")[2]
        thing = self._spec.components.schemas[name]
        self._frames[f"{name}Ack"] = {
            "type": "object",
            "required": ["ok", *thing.get("required", [])],
            "properties": {"ok": {"const": True}, **thing.get("properties", {})},
            "additionalProperties": False,
        }
        return {"oneOf": [{"$ref": f"#/components/schemas/{name}Ack"}, {"$ref": "#/components/schemas/Refusal"}]}

    def all(self) -> Json:
        """Every schema referred to."""
        found: Json = self._spec.to_dict()["components"]["schemas"]
        return found | self._frames


def _refusal() -> Json:
    return {
        "type": "object",
        "required": ["ok", "error"],
        "properties": {"ok": {"const": False}, "error": {"$ref": "#/components/schemas/Error"}},
        "additionalProperties": False,
        "examples": [{"ok": False, "error": documented.socket_error(code)} for code in MEANINGS],
    }


def _error() -> Json:
    return {
        "type": "object",
        "required": ["code", "message", "retryable"],
        "properties": {
            "code": {"type": "string", "enum": [code.value for code in MEANINGS]},
            "message": {"type": "string"},
            "retryable": {"type": "boolean"},
            "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            "retry_after": {"type": "number", "description": "seconds"},
        },
    }
