"""The OpenAPI document: what the endpoints say of themselves, completed by their refusals, the school's limits,
recorded examples, and the few paths that are no endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from flask import Flask

from chatapp.contract import documented, examples
from chatapp.contract.errors import MEANINGS, Code, Refused
from chatapp.contract.ids import ID
from chatapp.transports import problems

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
DESCRIPTION = """\
A room has one log, numbered 1, 2, 3, … without a hole. Reading and sending work here as on the sockets (asyncapi.json);
every message, whichever way it came, is in the log once.

Sign in at `/api/auth/login/`, send `Authorization: Bearer <access_token>`, renew at `/api/auth/refresh/`. Bodies are
JSON objects without unknown fields. Refusals are `application/problem+json`; those that are retryable say when in
`Retry-After`. Lists are pages: ask again with `cursor` = `next_cursor` until that is null. A path without its last
slash answers the same."""


def document(app: Flask, limits: documented.Limits) -> Json:
    """OpenAPI 3.1."""
    spec: Any = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec
    found: Json = spec.to_dict()
    refusals: Json = {}
    for _, _, operation in operations(found):
        _complete(operation, refusals)
    for path in found["paths"].values():
        _name_ids(path.get("parameters", []))
    found["paths"] |= _others(refusals)
    components = found["components"]
    del components["schemas"]["PaginationMetadata"]
    components["responses"] = refusals
    documented.bounded(components["schemas"], limits)
    components["examples"] = {code.value: {"value": _problem(code)} for code in MEANINGS}
    found["info"] |= {
        "description": DESCRIPTION,
        "license": documented.LICENSE,
        "x-limits": documented.limit_list(limits),
    }
    found["servers"] = [{"url": "/"}]
    found["tags"].append({"name": "Documents", "description": "What the API says of itself"})
    return found


def operations(found: Json) -> Iterator[tuple[str, str, Json]]:
    """(path, method, operation) of each operation in a document."""
    for path, methods in found["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _complete(operation: Json, refusals: Json) -> None:
    """Put in what it refuses, and the examples of its name."""
    codes = [Code(code) for code in operation.pop("x-refuses")]
    answers: Json = operation["responses"]
    for name in ("default", "400"):
        answers.pop(name, None)
    for status, group in groupby(codes, key=lambda code: MEANINGS[code].status):
        answers.setdefault(str(status), _refusal(list(group), refusals))
    operation["responses"] = dict(sorted(answers.items()))
    body = operation.get("requestBody")
    if body is not None:
        media = next(iter(body["content"].values()))
        body["required"] = media.get("schema") != {"$ref": "#/components/schemas/Nothing"}
    for recorded in examples.rest():
        if recorded["operation"] == operation["operationId"]:
            _exemplify(operation, recorded)


def _refusal(codes: list[Code], refusals: Json) -> Json:
    """A reference to the answer that carries one of `codes`, all of one status."""
    name = "_or_".join(code.value for code in codes)
    chosen = {code.value: {"$ref": f"#/components/examples/{code.value}"} for code in codes}
    refusals[name] = {
        "description": ", ".join(f"`{code.value}`: {MEANINGS[code].title}" for code in codes),
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}, "examples": chosen}},
    }
    return {"$ref": f"#/components/responses/{name}"}


def _exemplify(operation: Json, recorded: Json) -> None:
    title = recorded["title"]
    key = title.replace(" ", "_")
    if "body" in recorded:
        for media in operation["requestBody"]["content"].values():
            media.setdefault("examples", {})[key] = {"summary": title, "value": recorded["body"]}
    for parameter in operation.get("parameters", []):
        if parameter["name"] in recorded.get("query", {}):
            value = recorded["query"][parameter["name"]]
            parameter.setdefault("examples", {})[key] = {"summary": title, "value": value}
    answer = operation["responses"][str(recorded["status"])]
    if "answer" in recorded and "content" in answer:  # a refusal's examples are the contract's
        for media in answer["content"].values():
            media.setdefault("examples", {})[key] = {"summary": title, "value": recorded["answer"]}


def _name_ids(parameters: list[Json]) -> None:
    for parameter in parameters:
        if parameter["name"].endswith("_id"):
            parameter["schema"] = {"type": "string", "pattern": f"^{ID.pattern}$"}


def _problem(code: Code) -> Json:
    retry_after = 1.0 if MEANINGS[code].retryable and code is not Code.INTERNAL else None
    return problems.body(Refused(code, retry_after=retry_after), "3f0c9a7e5b1d4c2a")


def _others(refusals: Json) -> Json:
    """Paths that take and give no thing of the contract."""
    token: Json = {"type": "object", "required": ["access_token", "expires_in"]}
    token["properties"] = {"access_token": {"type": "string"}, "expires_in": {"type": "integer"}}
    return {
        "/session/token/": {
            "post": {
                "operationId": "page_token",
                "summary": "A token for a page of ours: its cookie and X-CSRF-Token instead of a bearer",
                "tags": ["Documents"],
                "security": [],
                "responses": {
                    "200": {"description": "OK", "content": {"application/json": {"schema": token}}},
                    "401": _refusal([Code.UNAUTHORIZED], refusals),
                    "403": _refusal([Code.FORBIDDEN], refusals),
                },
            }
        },
        "/metrics": _metrics(refusals),
        "/api/openapi.json": _page("openapi", "This document", "application/json"),
        "/api/asyncapi.json": _page("asyncapi", "The sockets' document", "application/json"),
        "/api/docs/": _page("browse", "Both documents, for people", "text/html"),
    }


def _metrics(refusals: Json) -> Json:
    found = _page("metrics", "Figures for Prometheus; to a peer on the server's own machine", "text/plain")
    found["get"]["responses"]["404"] = _refusal([Code.NOT_FOUND], refusals)
    return found


def _page(name: str, summary: str, media_type: str) -> Json:
    schema = {} if media_type == "application/json" else {"type": "string"}
    answers: Json = {"200": {"description": "OK", "content": {media_type: {"schema": schema}}}}
    operation = {"operationId": name, "summary": summary, "tags": ["Documents"], "security": [], "responses": answers}
    return {"get": operation}
