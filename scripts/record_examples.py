"""Writes chatapp/contract/examples/ from what a running app says, then the documents that show it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "chatapp" / "contract" / "examples"


def rest(folder: Path) -> list[dict[str, Any]]:
    """What the lesson over REST said."""
    from tests.examples import rest_story
    from tests.support.backend import SqliteBackend
    from tests.support.school import House, every_table

    backend = SqliteBackend(folder)
    house = House(folder, backend, backend.make(every_table), rest_story.SETTINGS)
    house.reset()
    return rest_story.record(house.app)


def sockets(folder: Path) -> list[dict[str, Any]]:
    """What the lesson over sockets said."""
    from tests.examples import socket_story
    from tests.support.server import a_school

    with a_school(folder, **socket_story.SETTINGS) as server:
        return socket_story.record(server)


def main() -> int:
    """Record all, or with `rest` or `sockets` one of the two."""
    wanted = sys.argv[1:] or ["rest", "sockets"]
    for name, record in {"rest": rest, "sockets": sockets}.items():
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                said = record(Path(folder))
            (FOLDER / f"{name}.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    return subprocess.run([sys.executable, ROOT / "scripts" / "write_documents.py"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
