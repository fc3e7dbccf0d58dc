"""docs/permissions.md: what comes of every act for everybody. `scripts/write_permissions.py` writes it, the
tests read it back."""

from __future__ import annotations

import re
from collections.abc import Mapping

from config import ROOT
from tests.permissions.operations import OPERATIONS, PUBLIC
from tests.permissions.world import Relation, Status

DOCUMENT = ROOT / "docs" / "permissions.md"
HEAD = """# Who may do what

Every endpoint, command and page, tried by everybody: made by `scripts/write_permissions.py` from what the server
answers, each cell asserted again by `tests/permissions/`. A cell is "ok" (a room shows its "card" to strangers), or the
code of the refusal; where it depends on the room's status it is {statuses}.

What is done to somebody is done to another student who waits, is in the room, or is banned from it. In a closed room
nobody waits any more. "not signed in" is an ended session where a socket is already open. "administrator" and "teacher
elsewhere" are nobody in this room: the school's pages are the administrator's way in, and each look is on record.
"""

Outcomes = Mapping[tuple[str, Status], Mapping[Relation, str]]
"""(operation, status) -> what everybody gets."""


def text(outcomes: Outcomes) -> str:
    """The document."""
    lines = [HEAD.format(statuses=" / ".join(Status))]
    group = ""
    for operation in OPERATIONS:
        if operation.group != group:
            group = operation.group
            lines += [f"\n## {group}\n", f"| | {' | '.join(Relation)} |", f"|---|{'---|' * len(Relation)}"]
        cells = [_cell([outcomes[operation.name, status][relation] for status in Status]) for relation in Relation]
        lines.append(f"| `{operation.name}` | {' | '.join(cells)} |")
    lines += [
        "\n## Without a session\n",
        "What asks for no session, but for a password, a token, or a peer on this machine:",
        "",
    ]
    lines.append(", ".join(f"`{name}`" for name in sorted(PUBLIC)) + ".")
    return "\n".join(lines) + "\n"


def read() -> dict[tuple[str, Status], dict[Relation, str]]:
    """The outcomes that the committed document promises."""
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        if match := re.fullmatch(r"\| `(.+?)` \| (.+) \|", line):
            cells = [cell.split(" / ") for cell in match[2].split(" | ")]
            for place, status in enumerate(Status):
                each = [cell[place] if len(cell) > 1 else cell[0] for cell in cells]
                found[match[1], status] = dict(zip(Relation, each, strict=True))
    return found


def _cell(by_status: list[str]) -> str:
    return by_status[0] if len(set(by_status)) == 1 else " / ".join(by_status)
