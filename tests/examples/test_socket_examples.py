"""The examples of the AsyncAPI document, and the transcript, are what a server really says, and fit the schemas."""

from __future__ import annotations

import json

import pytest

from chatapp.contract import asyncapi, examples
from chatapp.contract.commands import COMMANDS, EVENTS
from chatapp.contract.words import NotificationKind
from chatapp.transports.ws import connection, room_endpoint
from config import limits
from scripts import write_documents
from tests.examples import socket_story
from tests.examples.schemas import Document
from tests.support.server import StartServer

HOW = "add a line to tests/examples/socket_story.py and run scripts/record_examples.py"


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(asyncapi.document(limits(write_documents.defaults())))


@pytest.mark.service
def test_the_examples_are_what_the_server_says(start_server: StartServer) -> None:
    server = start_server(**socket_story.SETTINGS)
    played = socket_story.record(server)
    for now, recorded in zip(played, examples.sockets(), strict=True):
        assert now == recorded, "stale: run scripts/record_examples.py"


def test_every_command_and_every_event_has_an_example() -> None:
    said = {(each["kind"], each["name"]) for each in examples.sockets() if "name" in each}
    assert {("command", name) for name in COMMANDS} - said == set(), HOW
    assert {("event", name) for name in EVENTS} - said == set(), HOW
    kinds = {each["kind"] for each in examples.sockets()}
    assert {"plain_welcome", "plain_refusal", "plain_command", "plain_command_ack", "plain_event"} <= kinds


def test_every_kind_of_notification_has_an_example_that_names_its_room() -> None:
    told = [each["data"] for each in examples.sockets() if each.get("name") == "notification"]
    assert {each["kind"] for each in told} == set(NotificationKind), HOW
    assert [each["kind"] for each in told if not each["data"].get("title")] == []


def test_every_example_fits_its_schema(document: Document) -> None:
    messages = document.document["components"]["messages"]
    for frame in examples.sockets():
        name = frame.get("name", frame["kind"])
        if frame["kind"] == "command" and name in COMMANDS:
            document.check(messages[f"{name}_ack"]["payload"], frame["answer"])
        if frame["kind"] == "event" and name in COMMANDS:
            name += "_event"
        if name in messages and frame.get("answer", {}).get("error", {}).get("code") != "invalid_payload":
            document.check(messages[name]["payload"], frame["data"])


def test_a_frame_that_is_not_as_promised_would_not_fit(document: Document) -> None:
    messages = document.document["components"]["messages"]
    typing = next(
        each["data"] for each in examples.sockets() if (each.get("name"), each["kind"]) == ("typing", "event")
    )
    assert document.fits({"$ref": "#/components/schemas/Typing"}, typing)
    assert not document.fits({"$ref": "#/components/schemas/Typing"}, {**typing, "typing": "yes"})
    assert not document.fits({"$ref": "#/components/schemas/Refusal"}, {"ok": False, "error": {"code": "no"}})
    assert not document.fits(messages["room_leave_ack"]["payload"], {"ok": True, "room": {}})


def test_the_transcript_shows_every_frame_and_no_token() -> None:
    text = write_documents.TRANSCRIPT.read_text()
    frames = [packet for each in examples.sockets() for packet in each["packets"]]
    assert len(frames) == sum(line.count(" → 4") + line.count(" ← ") + line.count(" → {") for line in text.splitlines())
    for _, packet in frames:
        json.loads(packet[min(packet.find(bracket) for bracket in "[{" if bracket in packet) :])
    assert "eyJ…" in text and "eyJh" not in text


def test_every_close_code_of_the_plain_websocket_is_documented(document: Document) -> None:
    used = {*connection.CLOSE_CODES.values(), *room_endpoint.CLOSE_CODES.values(), room_endpoint.ROOM_CLOSED}
    told = {each["code"] for each in document.document["channels"]["room"]["x-close-codes"]}
    assert used | {1003, 1007, 1009, 1011} == told
