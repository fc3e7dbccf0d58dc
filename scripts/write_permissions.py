"""Writes docs/permissions.md from what the server answers: every endpoint, command and page, tried by everybody."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Try everything, write it down."""
    from tests.permissions import table
    from tests.permissions.operations import OPERATIONS, outcomes
    from tests.permissions.world import Status, World, house_in

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        house = house_in(folder)
        found = {}
        for status in Status:
            house.reset()
            world = World(house, status, folder).build()
            found |= {(operation.name, status): outcomes(world, operation) for operation in OPERATIONS}
    table.DOCUMENT.write_text(table.text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
