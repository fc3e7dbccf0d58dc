"""The generated documents are current, complete, and shown; the figures are shown to this machine alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from chatapp.contract import asyncapi
from chatapp.contract.commands import COMMANDS, EVENTS, CommandSpec, EventSpec
from config import Settings, limits
from scripts import write_documents


@pytest.fixture(scope="module")
def sockets() -> dict[str, Any]:
    return asyncapi.document(limits(write_documents.defaults()))


def test_what_is_committed_is_what_the_contract_says() -> None:
    wanted = write_documents.files()
    assert len(wanted) == 4
    for path, text in wanted.items():
        assert path.read_text() == text, f"{path.name} is stale: run scripts/write_documents.py"
    assert "| `message_send` | /chat | " in write_documents.PROTOCOL.read_text()


def test_every_command_and_event_is_in_the_document(sockets: dict[str, Any]) -> None:
    named = {name for name in sockets["components"]["messages"] if not name.startswith("plain_")}
    events = {f"{name}_event" if name in COMMANDS else name: spec for name, spec in EVENTS.items()}
    assert named == {*COMMANDS, *(f"{name}_ack" for name in COMMANDS), *events}
    specs: dict[str, CommandSpec | EventSpec] = {**COMMANDS, **events}
    for name, spec in specs.items():
        assert sockets["components"]["messages"][name]["name"] == spec.name
        for namespace in spec.namespaces:
            operation = sockets["operations"][f"{namespace.strip('/')}_{name}"]
            assert operation["action"] == ("receive" if isinstance(spec, CommandSpec) else "send")


def test_every_reference_in_the_document_leads_somewhere(sockets: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for each in value.values() for found in references(each)]
        return [found for each in value for found in references(each)] if isinstance(value, list) else []

    found = references(sockets)
    assert len(found) > 50
    for reference in found:
        place: Any = sockets
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def test_the_limits_in_the_documents_are_the_schools(client: FlaskClient, settings: Settings) -> None:
    for name in ("openapi.json", "asyncapi.json"):
        document = client.get(f"/api/{name}").get_json()
        told = {each["name"]: each["value"] for each in document["info"]["x-limits"]}
        assert told == {name: value for name, (value, _) in limits(settings).items()}
        schema = document["components"]["schemas"]["RoomCreateInput"]["properties"]["title"]
        assert schema["maxLength"] == settings.limit_title


@pytest.mark.parametrize("name", ["openapi.json", "asyncapi.json"])
def test_the_documents_are_served_to_everybody(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/{name}").get_json() == json.loads((write_documents.FOLDER / name).read_text())


def test_people_read_both_documents_with_nothing_from_another_host(client: FlaskClient) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"message_send" in page.data and b"/api/chat/create/" in page.data
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_figures_are_for_a_peer_on_this_machine_alone(client: FlaskClient) -> None:
    assert b"chatapp_connections 0.0" in client.get("/metrics").data
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 404
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 404


@pytest.mark.service
def test_the_specifications_own_validators_find_nothing_wrong(tmp_path: Path) -> None:
    assert _judged(write_documents.FOLDER) == (0, "")
    for name, place in (("openapi.json", "paths"), ("asyncapi.json", "channels")):
        broken = tmp_path / name.partition(".")[0]
        shutil.copytree(write_documents.FOLDER, broken)
        document = json.loads((broken / name).read_text())
        document[place] = ["nonsense"]
        (broken / name).write_text(json.dumps(document))
        status, faults = _judged(broken)
        assert status == 1 and faults.startswith(name), faults


def _judged(folder: Path) -> tuple[int, str]:
    node = shutil.which("node")
    assert node, "node is not installed: `make services` installs it"
    script = write_documents.ROOT / "tests" / "js" / "validate.mjs"
    done = subprocess.run([node, script, folder], capture_output=True, text=True, timeout=100, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.strip()
