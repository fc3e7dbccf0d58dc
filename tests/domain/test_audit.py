"""The audit log is only added to."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from chatapp.contract.words import Act, Role
from chatapp.db import reading, transaction
from chatapp.domain import audit
from chatapp.models import AuditEntry
from config import ROOT
from tests.domain.classroom import Classroom


def test_an_entry_is_never_changed_or_taken_away(classroom: Classroom) -> None:
    admin = classroom.person(Role.ADMIN)
    with transaction() as tx:
        audit.record(tx, admin.user_id, Act.SESSION_REVOKED, subject_id="a-session", why="lost")
    with pytest.raises(TypeError), transaction() as tx:
        tx.session.scalars(select(AuditEntry)).one().data = {"why": "nothing"}
    with pytest.raises(TypeError), transaction() as tx:
        tx.session.delete(tx.session.scalars(select(AuditEntry)).one())
    with reading() as session:
        assert session.scalars(select(AuditEntry)).one().data == {"why": "lost"}


def test_no_statement_of_the_house_writes_over_the_log() -> None:
    """What goes past the objects: bulk statements, and SQL as text. What is no longer kept, and what an erased person
    wrote, are the two exceptions, each on record itself."""
    over = re.compile(r"(update|delete)\(\s*AuditEntry|(update|delete\s+from|truncate)\s+audit_entries", re.IGNORECASE)
    assert over.search("delete(AuditEntry)") and over.search("UPDATE audit_entries SET")
    found = {path.name for path in (ROOT / "chatapp").rglob("*.py") if over.search(path.read_text())}
    assert found == {"retention.py", "erasure.py"}
