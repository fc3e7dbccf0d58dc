"""Signing in and staying so: one good refresh token at a time, and an end that is an end."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint, SessionsEnded
from chatapp.db import database, now
from chatapp.domain import accounts, passwords, sessions, tickets
from chatapp.domain.actor import OPERATOR
from chatapp.domain.passwords import Passwords
from tests.support.school import PASSWORD, School, Signed, acts

UNAUTHORIZED = Code.UNAUTHORIZED


@pytest.fixture(autouse=True)
def each_backend(app: Flask, engine: Engine) -> None:
    """The app's rules, on each database."""
    database.bind(engine)


def code(caught: pytest.ExceptionInfo[Refused]) -> Code:
    return caught.value.code


def test_a_wrong_name_and_a_wrong_password_sound_the_same(student: Signed) -> None:
    texts = set()
    for name, password in [
        (student.actor.username, "wrong password"),
        (student.actor.username, ""),
        (student.actor.username, "p" * 100_000),
        ("nobody", PASSWORD),
        ("no such name at all, it cannot be one", PASSWORD),
        ("\0", PASSWORD),
        ("ﷺ" * 40, PASSWORD),
        ("", ""),
    ]:
        with pytest.raises(Refused) as caught:
            sessions.login(username=name, password=password)
        texts.add((code(caught), caught.value.message))
    assert texts == {(UNAUTHORIZED, "Wrong username or password.")}
    assert acts().count("login_failed") == 8
    assert sessions.login(username=student.actor.username.upper(), password=PASSWORD).user["id"] == student.id


def test_signing_in_renews_a_hash_of_weaker_parameters(
    student: Signed, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real_hash = Passwords.hash

    def noting(pool: Passwords, password: str) -> str:
        hashed.append(real_hash(pool, password))
        return hashed[-1]

    monkeypatch.setattr(Passwords, "hash", noting)
    school.sign_in(student.actor.username)
    assert hashed == []
    monkeypatch.setattr(Passwords, "is_outdated", lambda pool, stored: stored not in hashed)
    school.sign_in(student.actor.username)
    school.sign_in(student.actor.username)
    assert len(hashed) == 1 and passwords.current().matches(hashed[0], PASSWORD)


def test_each_refresh_gives_a_new_right_and_takes_the_old_one(student: Signed) -> None:
    opened = sessions.login(username=student.actor.username, password=PASSWORD)
    second = sessions.refresh(session_id=opened.session_id, refresh_id=opened.refresh_id)
    third = sessions.refresh(session_id=opened.session_id, refresh_id=second.refresh_id)
    assert len({opened.refresh_id, second.refresh_id, third.refresh_id}) == 3
    assert sessions.actor_of(opened.session_id).user_id == student.id


def test_a_stolen_refresh_token_ends_its_session(student: Signed, hints: list[Hint]) -> None:
    opened = sessions.login(username=student.actor.username, password=PASSWORD)
    good = sessions.refresh(session_id=opened.session_id, refresh_id=opened.refresh_id)
    for presented in (opened.refresh_id, good.refresh_id, opened.refresh_id):
        with pytest.raises(Refused) as caught:
            sessions.refresh(session_id=opened.session_id, refresh_id=presented)
        assert code(caught) is UNAUTHORIZED
    assert hints == [SessionsEnded((opened.session_id,))]
    assert acts().count("refresh_reused") == 1
    with pytest.raises(Refused):
        sessions.actor_of(opened.session_id)
    assert sessions.actor_of(student.actor.session_id) == student.actor, "the user's other sessions go on"


def test_a_session_that_is_not_refreshed_expires(student: Signed) -> None:
    opened = sessions.login(username=student.actor.username, password=PASSWORD)
    with time_machine.travel(now() + timedelta(days=29)):
        renewed = sessions.refresh(session_id=opened.session_id, refresh_id=opened.refresh_id)
        with pytest.raises(Refused):
            sessions.refresh(session_id="unknown", refresh_id=renewed.refresh_id)
    with time_machine.travel(now() + timedelta(days=31)):
        assert sessions.actor_of(opened.session_id).user_id == student.id
        with pytest.raises(Refused) as caught:
            sessions.actor_of(student.actor.session_id)
        assert code(caught) is UNAUTHORIZED
    with time_machine.travel(now() + timedelta(days=60)), pytest.raises(Refused):
        sessions.refresh(session_id=opened.session_id, refresh_id=renewed.refresh_id)


def test_a_session_ends_at_last_however_often_it_is_refreshed(student: Signed) -> None:
    opened = sessions.login(username=student.actor.username, password=PASSWORD)
    begun, right = now(), opened.refresh_id
    for days in (25, 50, 75, 89):
        with time_machine.travel(begun + timedelta(days=days)):
            renewed = sessions.refresh(session_id=opened.session_id, refresh_id=right)
            right = renewed.refresh_id
            assert sessions.actor_of(opened.session_id).user_id == student.id
    assert abs(renewed.expires_at - begun - timedelta(days=90)) < timedelta(minutes=1)
    with time_machine.travel(begun + timedelta(days=91)):
        with pytest.raises(Refused) as caught:
            sessions.refresh(session_id=opened.session_id, refresh_id=right)
        assert code(caught) is UNAUTHORIZED
        with pytest.raises(Refused):
            sessions.actor_of(opened.session_id)
        sessions.login(username=student.actor.username, password=PASSWORD)


def test_a_password_that_the_school_made_is_over_after_a_while_and_so_is_what_it_opened(student: Signed) -> None:
    name, begun = student.actor.username, now()
    _, given = accounts.reset_password(OPERATOR, user_id=student.id)
    opened = sessions.login(username=name, password=given)
    assert opened.password_is_given and abs(opened.expires_at - begun - timedelta(days=14)) < timedelta(minutes=1)
    with time_machine.travel(begun + timedelta(days=13)):
        renewed = sessions.refresh(session_id=opened.session_id, refresh_id=opened.refresh_id)
        assert renewed.expires_at == opened.expires_at
    with time_machine.travel(begun + timedelta(days=15)):
        with pytest.raises(Refused):
            sessions.actor_of(opened.session_id)
        with pytest.raises(Refused, match="is over") as caught:
            sessions.login(username=name, password=given)
        assert code(caught) is UNAUTHORIZED
        with pytest.raises(Refused, match="Wrong username or password"):
            sessions.login(username=name, password="not the password")
        _, again = accounts.reset_password(OPERATOR, user_id=student.id)
        sessions.login(username=name, password=again)


def test_a_password_of_ones_own_lasts(student: Signed) -> None:
    _, given = accounts.reset_password(OPERATOR, user_id=student.id)
    actor = sessions.actor_of(sessions.login(username=student.actor.username, password=given).session_id)
    assert accounts.password_until(actor) is not None
    accounts.change_profile(actor, password="one of my own", current_password=given)
    assert accounts.password_until(actor) is None
    with time_machine.travel(now() + timedelta(days=400)):
        assert not sessions.login(username=student.actor.username, password="one of my own").password_is_given


def test_logging_out_ends_this_session_and_tells_delivery(student: Signed, school: School, hints: list[Hint]) -> None:
    other = school.sign_in(student.actor.username)
    sessions.logout(student.actor)
    assert hints == [SessionsEnded((student.actor.session_id,))]
    assert acts()[-1] == "session_revoked"
    with pytest.raises(Refused):
        sessions.actor_of(student.actor.session_id)
    assert sessions.actor_of(other.actor.session_id) == other.actor


def test_only_ones_own_live_sessions_are_listed_and_ended(student: Signed, school: School) -> None:
    phone, stranger = school.sign_in(student.actor.username), school.student()
    listed = sessions.mine(student.actor, limit=50)["items"]
    assert {row["id"]: row["current"] for row in listed} == {
        student.actor.session_id: True,
        phone.actor.session_id: False,
    }
    for not_mine in (stranger.actor.session_id, "unknown"):
        with pytest.raises(Refused) as caught:
            sessions.end(student.actor, session_id=not_mine)
        assert code(caught) is Code.NOT_FOUND
    sessions.end(student.actor, session_id=phone.actor.session_id)
    assert [row["id"] for row in sessions.mine(student.actor, limit=50)["items"]] == [student.actor.session_id]
    assert sessions.actor_of(stranger.actor.session_id) == stranger.actor


def test_all_other_sessions_end_at_once_and_this_one_stays(student: Signed, school: School, hints: list[Hint]) -> None:
    others = {school.sign_in(student.actor.username).actor.session_id for _ in range(2)}
    stranger = school.student()
    assert sessions.end_others(student.actor) == 2
    (told,) = hints
    assert isinstance(told, SessionsEnded) and set(told.session_ids) == others
    assert acts().count("session_revoked") == 2
    assert sessions.end_others(student.actor) == 0
    for kept in (student, stranger):
        assert sessions.actor_of(kept.actor.session_id) == kept.actor


def test_sessions_are_listed_page_by_page(student: Signed, school: School) -> None:
    wanted = {student.actor.session_id, *(school.sign_in(student.actor.username).actor.session_id for _ in range(4))}
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = sessions.mine(student.actor, limit=2, cursor=cursor)
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None and len(seen) == 5 and set(seen) == wanted


def test_last_seen_moves_once_a_minute_and_never_back(student: Signed) -> None:
    session_id = student.actor.session_id
    first = sessions.resolve(session_id)
    with time_machine.travel(first.last_seen_at + timedelta(seconds=59)):
        assert not sessions.is_stale(first)
    with time_machine.travel(first.last_seen_at + timedelta(seconds=61)):
        assert sessions.is_stale(first)
        moment = now()
        sessions.were_seen({session_id: moment, "b" * 20: moment})
        moved = sessions.resolve(session_id)
        assert moved.last_seen_at == moment and not sessions.is_stale(moved)
    sessions.were_seen({session_id: first.last_seen_at})
    assert sessions.resolve(session_id).last_seen_at == moved.last_seen_at


def test_a_device_name_is_kept_short_and_printable(student: Signed) -> None:
    sessions.login(username=student.actor.username, password=PASSWORD, device="Evil\r\n\x1b[31m" + "x" * 500)
    devices = {row["device"] for row in sessions.mine(student.actor, limit=50)["items"]}
    assert devices == {"pytest", ("Evil[31m" + "x" * 500)[:200]}


def test_a_ticket_works_once(student: Signed) -> None:
    ticket = tickets.create(student.actor)
    assert ticket["expires_in"] == 60
    assert tickets.use(ticket["ticket"]).actor == student.actor
    for used in (ticket["ticket"], "guess", "", "x" * 5000, "\ud800"):
        with pytest.raises(Refused) as caught:
            tickets.use(used)
        assert code(caught) is UNAUTHORIZED


def test_a_ticket_is_good_for_a_minute_and_for_a_live_session(student: Signed, school: School) -> None:
    old, orphan = tickets.create(student.actor), tickets.create(school.student().actor)
    assert orphan != old
    with time_machine.travel(now() + timedelta(seconds=61)), pytest.raises(Refused):
        tickets.use(old["ticket"])
    signed_out = school.student()
    ticket = tickets.create(signed_out.actor)
    sessions.logout(signed_out.actor)
    with pytest.raises(Refused):
        tickets.use(ticket["ticket"])
    assert tickets.use(tickets.create(student.actor)["ticket"]).actor == student.actor
