"""Writes what the client libraries share with the server: the pages' client modules, and the types of everything on the
wire, from the AsyncAPI document. `--check` says if they are current."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGES = ROOT / "chatapp" / "static" / "client"
JAVASCRIPT = ROOT / "clients" / "javascript"
PYTHON = ROOT / "clients" / "python" / "src" / "chatapp_client"
Json = dict[str, Any]

LIBRARY = 'export { Manager } from "socket.io-client";'
MADE = "Made from chatapp's contract by scripts/write_clients.py; nobody edits it."
SKIPPED = re.compile(r"(Input|InRoom|Nothing|Done|Page|.*Ack|Refusal|Error)$")
"""What a client builds itself, and frames around things."""


def modules() -> dict[Path, str]:
    """The pages' modules as the package has them: with the library by its name."""
    found = {}
    for path in sorted(PAGES.glob("*.js")):
        text = path.read_text()
        if path.name == "socket.js":
            text = re.sub(r"^export \{ Manager \}.*$", LIBRARY, text, flags=re.MULTILINE)
        found[JAVASCRIPT / "src" / path.name] = text
    return found


def things() -> Json:
    """Schemas of the things on the wire by name."""
    from chatapp.contract import asyncapi
    from config import limits
    from scripts.write_documents import defaults

    schemas: Json = asyncapi.document(limits(defaults()))["components"]["schemas"]
    return {name: schema for name, schema in sorted(schemas.items()) if not SKIPPED.search(name)}


def typescript() -> str:
    """things.d.ts."""
    lines = [f"/** {MADE} */"]
    for name, schema in things().items():
        lines += ["", f"export interface {name} {{"]
        for field, kind in schema.get("properties", {}).items():
            mark = "" if field in schema.get("required", []) else "?"
            lines.append(f"  {field}{mark}: {_typescript(kind)};")
        lines.append("}")
    codes = " | ".join(f'"{code}"' for code in _codes())
    lines += ["", f"export type ErrorCode = {codes};", "", "export interface AckError {", "  code: ErrorCode;"]
    lines += ["  message: string;", "  retryable: boolean;", "  fields?: Record<string, string[]>;"]
    return "\n".join([*lines, "  retry_after?: number;", "}"]) + "\n"


def python() -> str:
    """things.py."""
    lines = [
        '"""What goes over the wire, as typed dictionaries.',
        "",
        f'{MADE}"""',
        "",
        "from __future__ import annotations",
    ]
    lines += ["", "from typing import Any, Literal, NotRequired, TypedDict"]
    for name, schema in things().items():
        lines += ["", "", f"class {name}(TypedDict):"]
        for field, kind in schema.get("properties", {}).items():
            typed = _python(kind)
            lines.append(f"    {field}: {typed if field in schema.get('required', []) else f'NotRequired[{typed}]'}")
    codes = "\n".join(f'    "{code}",' for code in _codes())
    lines += ["", "", f"ErrorCode = Literal[\n{codes}\n]"]
    return "\n".join(lines) + "\n"


def _codes() -> list[str]:
    from chatapp.contract.errors import MEANINGS

    return [code.value for code in MEANINGS]


def _typescript(schema: Json) -> str:
    if "anyOf" in schema:
        return " | ".join(_typescript(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join("null" if word is None else f'"{word}"' for word in schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    named = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
    named["object"] = "Record<string, any>"
    named["array"] = f"{_typescript(schema['items'])}[]" if "items" in schema else "any[]"
    return " | ".join(named[kind] for kind in kinds)


def _python(schema: Json) -> str:
    if "anyOf" in schema:
        return " | ".join(_python(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        words = ["None" if word is None else f'"{word}"' for word in schema["enum"]]
        line = ", ".join(words)
        return f"Literal[{line}]" if len(line) < 90 else "Literal[\n        " + ",\n        ".join(words) + ",\n    ]"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    named = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
    named["object"] = "dict[str, Any]"
    named["array"] = f"list[{_python(schema['items'])}]" if "items" in schema else "list[Any]"
    return " | ".join(named[kind] for kind in kinds)


def files() -> dict[Path, str]:
    """Every file that is made here, as it should be."""
    return modules() | {JAVASCRIPT / "things.d.ts": typescript(), PYTHON / "things.py": python()}


def main() -> int:
    """Exit status 1 when `--check` finds a stale copy."""
    stale = []
    for path, wanted in files().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            stale.append(str(path.relative_to(ROOT)))
    if stale:
        print(f"stale: {', '.join(stale)}; run scripts/write_clients.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
