"""What the poll learns of sessions that ended: lately, and by the database's own clock."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from chatapp.db import now, transaction
from chatapp.domain import sessions
from chatapp.models import SignIn, User
from tests.domain.classroom import Classroom


def test_sessions_that_ended_within_the_window_are_told_and_no_others(classroom: Classroom) -> None:
    revoked, long_ago, deactivated, good = (classroom.student() for _ in range(4))
    moment = now()
    with transaction() as tx:
        for actor, when in ((revoked, moment), (long_ago, moment - timedelta(seconds=120))):
            tx.session.execute(update(SignIn).where(SignIn.id == actor.session_id).values(revoked_at=when))
        tx.session.execute(update(User).where(User.id == deactivated.user_id).values(deactivated_at=moment))
    assert sessions.ended_lately() == {revoked.session_id, deactivated.session_id}
    assert sessions.ended_lately(seconds=300) == {revoked.session_id, deactivated.session_id, long_ago.session_id}
    assert good.session_id not in sessions.ended_lately(seconds=86400)


def test_a_session_that_the_domain_ends_is_told(classroom: Classroom) -> None:
    pupil = classroom.student()
    assert sessions.ended_lately() == set()
    sessions.logout(pupil)
    assert sessions.ended_lately() == {pupil.session_id}
