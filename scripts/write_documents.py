"""Writes docs/api/*.json, docs/transcript.md and the tables of docs/protocol.md; `--check` says if they are current."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "docs" / "api"
PROTOCOL = ROOT / "docs" / "protocol.md"
TRANSCRIPT = ROOT / "docs" / "transcript.md"


def documents() -> dict[str, Any]:
    """File name -> document."""
    from chatapp import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(defaults(f"sqlite:///{folder}/none.db"))
        made = app.extensions["chatapp.documents"]
    return {"openapi.json": made.openapi(), "asyncapi.json": made.asyncapi()}


def defaults(database_url: str = "sqlite:///none.db") -> Any:
    """The settings of a school that changes none."""
    from config import load_settings

    keys = {"SECRET_KEY": "4hVgq0ZkT2mXw9RbYc7PdLs1JfNuE8aQ", "JWT_SECRET_KEY": "Wb3xK6tHr1ZoU5yMv0SgCq9EjDn2FpLi"}
    return load_settings({**keys, "DATABASE_URL": database_url})


MARKER = "<!-- made from chatapp/contract by scripts/write_documents.py; do not edit below -->"


def reference() -> str:
    """The tables that end docs/protocol.md."""
    from chatapp.contract.commands import COMMANDS, EVENTS
    from chatapp.contract.errors import MEANINGS
    from chatapp.contract.plain import CLOSE_CODES
    from config import limits

    lines = [
        MARKER,
        "",
        "## Commands",
        "",
        "| command | namespaces | fields (? may be left out) | its ack, beside `ok` | plain WebSocket |",
        "|---|---|---|---|---|",
    ]
    for command in COMMANDS.values():
        fields = ", ".join(name if field.required else f"{name}?" for name, field in command.schema.fields.items())
        gives = ", ".join(command.answers().fields)
        plain = "yes" if command.plain else "no"
        lines.append(f"| `{command.name.value}` | {' '.join(command.namespaces)} | {fields} | {gives} | {plain} |")
    lines += ["", "## Events", "", "| event | namespaces | fields | |", "|---|---|---|---|"]
    for event in EVENTS.values():
        fields = ", ".join(event.schema().fields) if event.schema else ""
        lasting = "never lost" if event.durable else "volatile"
        lines.append(f"| `{event.name.value}` | {' '.join(event.namespaces)} | {fields} | {lasting} |")
    lines += ["", "## Error codes", "", "| code | HTTP | retryable | |", "|---|---|---|---|"]
    for code, meaning in MEANINGS.items():
        lines.append(
            f"| `{code.value}` | {meaning.status} | {'yes' if meaning.retryable else 'no'} | {meaning.title} |"
        )
    lines += ["", "## Close codes of the plain WebSocket", "", "| code | |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in CLOSE_CODES.items()]
    lines += [
        "",
        "## Limits, as a school has them that changes none",
        "",
        "| setting | default | bounds |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {value} | {bounds} |" for name, (value, bounds) in limits(defaults()).items()]
    return "\n".join(lines) + "\n"


def with_reference(text: str) -> str:
    """docs/protocol.md with its tables as they should be."""
    return text.partition(MARKER)[0].rstrip() + "\n\n" + reference()


def transcript() -> str:
    """docs/transcript.md: the recorded lesson, frame by frame."""
    from chatapp.contract import examples

    lines = [
        "# A lesson on the wire",
        "",
        "Every frame was recorded by `scripts/record_examples.py` from a running server; a test plays it again",
        "and compares. Ids, times and tokens are stand-ins. `→` is what a client sends, `←` what it gets; what the",
        "server says in between and nobody waits for is left out. What it means: [protocol.md](protocol.md).",
    ]
    inside = False
    for noted in examples.sockets():
        if noted["kind"] == "remark":
            lines += ["```"] * inside + ["", noted["title"], "", "```text"]
            inside = True
        elif noted["kind"] in ("open", "plain_welcome", "plain_refusal"):
            lines.append(f"{noted['who']} → {noted['title']}")
        lines += [f"{noted['who']} {way} {_short(packet)}" for way, packet in noted["packets"]]
    return "\n".join([*lines, "```"]) + "\n"


def _short(packet: str) -> str:
    """A packet whose tokens are shown to be there, not what they are."""
    return re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "eyJ…", packet)


def as_text(document: Any) -> str:
    """The document as it is committed."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Every generated file, as it should be."""
    found = {FOLDER / name: as_text(document) for name, document in documents().items()}
    return found | {PROTOCOL: with_reference(PROTOCOL.read_text()), TRANSCRIPT: transcript()}


def main() -> int:
    """Exit status 1 when `--check` finds a stale copy."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for path, wanted in files().items():
        if "--check" not in sys.argv:
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            stale.append(path.name)
    if stale:
        print(f"stale: {', '.join(stale)}; run scripts/write_documents.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
