"""The examples of the OpenAPI document are what an app really answers, fit its schemas, and leave nothing out."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from flask import Flask

from chatapp.contract import documented, examples
from chatapp.contract.errors import MEANINGS, Refused
from chatapp.transports import problems
from chatapp.transports.rest import openapi
from tests.examples import rest_story
from tests.examples.schemas import Document

HOW = "add a line to tests/examples/rest_story.py and run scripts/record_examples.py"


@pytest.fixture
def document(app: Flask) -> Document:
    return Document(app.extensions["chatapp.documents"].openapi())


@pytest.mark.settings(**rest_story.SETTINGS)
def test_the_examples_are_what_the_app_answers(app: Flask) -> None:
    played = rest_story.record(app)
    for now, recorded in zip(played, examples.rest(), strict=True):
        assert now == recorded, "stale: run scripts/record_examples.py"


def test_every_operation_and_every_refusal_has_an_example(document: Document) -> None:
    recorded = {each["operation"] for each in examples.rest()}
    asked = {
        operation["operationId"]
        for _, _, operation in openapi.operations(document.document)
        if operation["tags"] != ["Documents"]
    }
    assert asked - recorded == set(), HOW
    codes = {each["answer"]["code"] for each in examples.rest() if each["status"] >= 400}
    others = {"unknown_command", "method_not_allowed", "content_rejected", *documented.UNPROVOKED}
    assert codes | others == {code.value for code in MEANINGS}, HOW


def test_every_example_fits_its_schema(document: Document) -> None:
    operations = {op["operationId"]: op for _, _, op in openapi.operations(document.document)}
    checked = 0
    for recorded in examples.rest():
        operation = operations[recorded["operation"]]
        body = document.follow(operation.get("requestBody", {})).get("content", {}).get("application/json")
        if "body" in recorded and body and recorded["status"] < 400:
            document.check(body["schema"], recorded["body"])
        answer = document.follow(operation["responses"][str(recorded["status"])])
        for media in answer.get("content", {}).values():
            if media["schema"].get("format") == "binary":
                continue  # bytes are no example for readers
            document.check(media["schema"], recorded["answer"])
            checked += 1
    assert checked > 50


def test_an_answer_with_a_field_too_many_or_too_few_would_not_fit(document: Document) -> None:
    user = next(each["answer"] for each in examples.rest() if each["operation"] == "show_me")
    schema = {"$ref": "#/components/schemas/User"}
    document.check(schema, user)
    for wrong in ({**user, "age": 12}, {"id": user["id"]}, {**user, "role": "headmaster"}):
        assert not document.fits(schema, wrong)
        with pytest.raises(jsonschema.ValidationError):
            document.check(schema, wrong)


def test_the_examples_of_errors_are_what_a_refusal_becomes(app: Flask, document: Document) -> None:
    shown = document.document["components"]["examples"]
    for code in MEANINGS:
        with app.test_request_context("/api/"):
            given: Any = problems.problem(Refused(code)).get_json()
        example = shown[code.value]["value"]
        document.check({"$ref": "#/components/schemas/Error"}, example)
        example = {key: value for key, value in example.items() if key != "retry_after"}
        assert {**given, "request_id": example["request_id"]} == example


def test_operations_have_names_of_their_own(document: Document) -> None:
    names = [operation["operationId"] for _, _, operation in openapi.operations(document.document)]
    assert len(names) == len(set(names))
