"""Files that hold a school's words are readable by the account that runs it, and by nobody else."""

from __future__ import annotations

import stat
from pathlib import Path

from chatapp.db import keep_private


def test_a_new_database_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "chat.db"
    keep_private(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_database_that_others_could_read_is_closed_and_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    path.write_bytes(b"content")
    path.chmod(0o644)
    keep_private(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"content"


def test_a_server_database_is_nobodys_file(tmp_path: Path) -> None:
    keep_private("postgresql+psycopg://somebody@127.0.0.1/chat")
    assert list(tmp_path.iterdir()) == []
