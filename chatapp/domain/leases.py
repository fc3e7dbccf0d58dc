"""Tasks that only one worker does at a time. Who serves whom is `workers`; these are about work, not about people."""

from __future__ import annotations

from datetime import timedelta

from chatapp.db import database_now, reading, transaction
from chatapp.models import Lease

SECONDS = 15.0


def hold(*, name: str, worker_id: str) -> bool:
    """Take or keep the lease, if nobody else has it. Written only when it is taken, or half of it has passed."""
    with reading() as session:
        row, moment = session.get(Lease, name), database_now(session)
        if row is not None and row.until > moment:
            if row.holder != worker_id:
                return False
            if row.until - moment > timedelta(seconds=SECONDS / 2):
                return True
    with transaction() as tx:
        moment = database_now(tx.session)
        row = tx.session.get(Lease, name, with_for_update={"key_share": True}, populate_existing=True)
        if row is None:
            tx.session.add(Lease(name=name, holder=worker_id, until=moment + timedelta(seconds=SECONDS)))
        elif row.holder != worker_id and row.until > moment:
            return False
        else:
            row.holder, row.until = worker_id, moment + timedelta(seconds=SECONDS)
    return True
