"""What is old goes, and every promise about order, resuming and doubles stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.contract.words import Act
from chatapp.db import now, reading, transaction
from chatapp.domain import entering, history, lobby, messages, overview, participants, retention, rooms
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import AuditEntry, JoinRequest, Message, Notification, StoredFile
from tests.domain.classroom import Classroom, refused, with_limits


def age(room_id: str, seq: int, days: int = 100) -> None:
    """Everything up to `seq` was said so many days ago."""
    moment = now() - timedelta(days=days)
    with transaction() as tx:
        tx.session.execute(
            update(Message).where(Message.room_id == room_id, Message.seq <= seq).values(created_at=moment)
        )


def a_room(classroom: Classroom, texts: int = 10, **wishes: Any) -> tuple[str, Actor, Actor]:
    """Seqs 1 and 2 are the room's own, the texts follow."""
    room_id, host, (student,) = classroom.lesson(1, **wishes)
    for n in range(texts):
        classroom.say(student, room_id, f"text {n}", client_id=f"c{n}")
    return room_id, host, student


def bodies(room_id: str) -> list[str | None]:
    with reading() as session:
        return list(session.scalars(select(Message.body).where(Message.room_id == room_id).order_by(Message.seq)))


def apply(**options: Any) -> dict[str, Any]:
    return {name: count for name, count in retention.apply(OPERATOR, **options).items() if count}


def test_without_a_setting_nothing_goes(classroom: Classroom) -> None:
    room_id, _, _ = a_room(classroom)
    age(room_id, 12, days=3000)
    assert apply() == {}
    assert len(bodies(room_id)) == 12 and classroom.row(room_id).floor == 0


def test_a_dry_run_counts_what_then_goes_and_changes_nothing(classroom: Classroom) -> None:
    room_id, _, _ = a_room(classroom)
    age(room_id, 8)
    with_limits(message_days=90)
    counted = apply(dry_run=True)
    assert counted == {"dry_run": True, "rooms": 1, "messages": 8}
    assert classroom.row(room_id).floor == 0 and len([body for body in bodies(room_id) if body]) == 10
    done = apply()
    assert done == {"rooms": 1, "messages": 8}
    assert classroom.row(room_id).floor == 8
    assert [body for body in bodies(room_id) if body] == ["text 6", "text 7", "text 8", "text 9"]
    assert apply() == {}, "a second run finds nothing"
    assert [entry for entry in classroom.acts() if entry[0] is Act.RETENTION_APPLIED] == [
        (Act.RETENTION_APPLIED, None, None)
    ]


def test_the_order_goes_on_and_whoever_is_below_the_floor_starts_anew(classroom: Classroom) -> None:
    room_id, _, student = a_room(classroom)
    epoch = classroom.row(room_id).epoch
    age(room_id, 8)
    with_limits(message_days=90)
    apply()

    from_floor = entering.enter(student, room_id=room_id, after=8, epoch=epoch).answer
    assert not from_floor["reset"] and [each["seq"] for each in from_floor["messages"]] == [9, 10, 11, 12]
    assert (from_floor["oldest"], from_floor["head"], from_floor["epoch"]) == (9, 12, epoch)
    for after in (0, 7):
        below = entering.enter(student, room_id=room_id, after=after, epoch=epoch).answer
        assert below["reset"] and [each["seq"] for each in below["messages"]] == [9, 10, 11, 12]
        assert entering.messages_after(student, room_id=room_id, after=after)["reset"]
    assert not entering.messages_after(student, room_id=room_id, after=8)["reset"]
    back = entering.messages_before(student, room_id=room_id, before=11)
    assert [each["seq"] for each in back["messages"]] == [9, 10] and not back["more"]
    page = history.read(student, room_id=room_id, before=11, limit=1)
    assert page["has_more"] and page["oldest"] == 9
    assert not history.read(student, room_id=room_id, before=11)["has_more"]
    assert history.read(student, room_id=room_id, after=0)["items"][0]["seq"] == 9
    assert classroom.say(student, room_id, "on") == 13


def test_a_client_id_stays_used_whatever_went(classroom: Classroom) -> None:
    room_id, _, student = a_room(classroom)
    age(room_id, 8)
    with_limits(message_days=90)
    apply()
    again = messages.send(student, room_id=room_id, client_id="c0", body="text 0")
    assert again.duplicate and again.seq == 3 and b"text" not in again.payload.replace(b'"type":"text"', b"")
    kept = messages.send(student, room_id=room_id, client_id="c9", body="text 9")
    assert kept.duplicate and kept.seq == 12
    with refused(Code.CONFLICT):
        messages.send(student, room_id=room_id, client_id="c9", body="another")
    assert classroom.row(room_id).last_seq == 12


def test_of_what_went_only_that_it_was_is_left(classroom: Classroom) -> None:
    room_id, _, _ = a_room(classroom)
    age(room_id, 8)
    with_limits(message_days=90)
    apply()
    with reading() as session:
        rows = session.scalars(select(Message).where(Message.room_id == room_id, Message.seq <= 8)).all()
    assert len(rows) == 6, "the room's own lines are gone altogether"
    for row in rows:
        assert (row.body, row.body_hash, row.file_id, row.params) == (None, None, None, None)
        assert now() - row.created_at < timedelta(hours=1), "not even when it was"


def test_the_newest_message_stays_without_its_words(classroom: Classroom) -> None:
    room_id, _, student = a_room(classroom)
    age(room_id, 12)
    with_limits(message_days=90)
    assert apply(dry_run=True)["messages"] == 12
    assert apply() == {"rooms": 1, "messages": 12}
    entered = entering.enter(student, room_id=room_id).answer
    assert [(each["seq"], each["body"]) for each in entered["messages"]] == [(12, None)]
    assert not any(bodies(room_id)) and apply() == {}


def test_in_an_ended_class_the_line_that_says_so_stays(classroom: Classroom) -> None:
    room_id, host, student = a_room(classroom)
    rooms.close(host, room_id=room_id)
    age(room_id, 13)
    with_limits(message_days=90)
    apply()
    assert [each["code"] for each in entering.enter(student, room_id=room_id).answer["messages"]] == ["room_closed"]
    assert overview.summary(host, room_id=room_id)["messages"] == 0


@pytest.mark.parametrize(
    ("school", "own", "floor"), [(90, None, 4), (90, 30, 8), (0, 30, 8), (30, 365, 8), (0, 365, 0)]
)
def test_a_room_keeps_for_less_and_never_for_longer(
    classroom: Classroom, school: int, own: int | None, floor: int
) -> None:
    room_id, host, _ = a_room(classroom)
    shown = rooms.update(host, room_id=room_id, changes={"retention_days": own})
    assert shown["retention_days"] == own
    age(room_id, 8, days=60)
    age(room_id, 4, days=120)
    with_limits(message_days=school)
    apply()
    assert classroom.row(room_id).floor == floor


def test_one_message_with_a_wrong_time_keeps_what_is_behind_it(classroom: Classroom) -> None:
    """The clock of a worker may have been wrong: the log goes from its beginning, without a hole."""
    room_id, _, student = a_room(classroom)
    age(room_id, 8)
    with transaction() as tx:
        young = update(Message).where(Message.room_id == room_id, Message.seq == 5).values(created_at=now())
        tx.session.execute(young)
    with_limits(message_days=90)
    apply()
    assert classroom.row(room_id).floor == 4
    assert [each["seq"] for each in history.read(student, room_id=room_id)["items"]] == list(range(5, 13))


def test_years_go_in_steps_that_nobody_waits_for(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    room_id, _, student = a_room(classroom)
    age(room_id, 8)
    with_limits(message_days=90)
    monkeypatch.setattr(retention, "STEP", 3)
    floors = []
    let_go = retention._let_go

    def seen(tx: Any, room: Any, floor: int) -> Any:
        floors.append(floor)
        if len(floors) == 2:
            raise KeyboardInterrupt
        return let_go(tx, room, floor)

    monkeypatch.setattr(retention, "_let_go", seen)
    with pytest.raises(KeyboardInterrupt):
        apply()
    assert classroom.row(room_id).floor == 3 and classroom.say(student, room_id, "meanwhile") == 13
    apply()
    assert floors == [3, 6, 6, 8] and classroom.row(room_id).floor == 8


def a_file(room_id: str, uploader: Actor, days: int = 0) -> str:
    file_id = ids.new_id()
    with transaction() as tx:
        tx.session.add(
            StoredFile(
                id=file_id,
                room_id=room_id,
                uploader_id=uploader.user_id,
                name="a.pdf",
                media_type="application/pdf",
                size=1,
                sha256="0" * 64,
                storage_key=file_id,
                created_at=now() - timedelta(days=days),
            )
        )
    return file_id


def file_ids() -> set[str]:
    with reading() as session:
        return set(session.scalars(select(StoredFile.id)))


def test_a_file_goes_with_its_last_message(classroom: Classroom) -> None:
    room_id, _, student = a_room(classroom, texts=0)
    old, twice = a_file(room_id, student), a_file(room_id, student)
    for n, file_id in enumerate((old, twice, twice)):
        messages.send(student, room_id=room_id, client_id=f"f{n}", file_id=file_id)
    age(room_id, 4)
    with_limits(message_days=90)
    assert apply() == {"rooms": 1, "messages": 4, "files": 1}
    assert file_ids() == {twice}


def test_files_may_go_before_their_messages(classroom: Classroom) -> None:
    room_id, _, student = a_room(classroom, texts=0)
    old, young = a_file(room_id, student, days=40), a_file(room_id, student, days=20)
    for file_id in (old, young):
        messages.send(student, room_id=room_id, client_id=file_id, file_id=file_id)
    with_limits(file_days=30)
    assert apply(dry_run=True) == {"dry_run": True, "files": 1}
    assert apply() == {"files": 1} and file_ids() == {young}
    shown = history.read(student, room_id=room_id)["items"][-2:]
    assert [each["type"] for each in shown] == ["file", "file"]
    assert shown[0]["file"] is None and shown[1]["file"]["id"] == young


def test_the_words_of_old_join_requests_go_too(classroom: Classroom) -> None:
    room_id, student = classroom.lesson(0)[0], classroom.student()
    lobby.knock(student, room_id=room_id, note="my mother is ill")
    lobby.withdraw(student, room_id=room_id)
    lobby.knock(student, room_id=room_id, note="again")
    with transaction() as tx:
        tx.session.execute(update(JoinRequest).values(created_at=now() - timedelta(days=100)))
    with_limits(message_days=90)
    assert apply() == {"rooms": 1, "notes": 1}
    with reading() as session:
        assert sorted(session.scalars(select(JoinRequest.note))) == ["", "again"], "who waits is still to be decided"


def test_the_reasons_that_people_were_told_go_as_well(classroom: Classroom) -> None:
    room_id, host, (old, young) = classroom.lesson(2)
    denied = classroom.student()
    participants.remove(host, room_id=room_id, user_id=old.user_id, reason="he swore")
    classroom.knock(denied, room_id)
    lobby.deny(host, room_id=room_id, selector={"all": True}, reason="not your class")
    with transaction() as tx:
        tx.session.execute(update(JoinRequest).values(created_at=now() - timedelta(days=100)))
        tx.session.execute(update(Notification).values(created_at=now() - timedelta(days=100)))
    participants.remove(host, room_id=room_id, user_id=young.user_id, reason="he swore, too")
    rooms.close(host, room_id=room_id)
    assert apply() == {}
    with_limits(message_days=90)
    assert apply(dry_run=True) == {"dry_run": True, "rooms": 1, "notes": 3}
    assert apply() == {"rooms": 1, "notes": 3} and apply() == {}
    with reading() as session:
        told = session.scalars(select(Notification).order_by(Notification.created_at)).all()
    assert sorted(row.data["reason"] for row in told if "reason" in row.data) == ["", "", "he swore, too"]
    assert {row.data["title"] for row in told} == {"Class 7b"}, "what else they say stays"


def test_audit_entries_go_when_the_school_says_so(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    a_room(classroom)
    monkeypatch.setattr(retention, "STEP", 1)
    with transaction() as tx:
        tx.session.execute(update(AuditEntry).values(at=now() - timedelta(days=400)))
    a_room(classroom)
    with_limits(audit_days=365)
    assert apply(dry_run=True) == {"dry_run": True, "audit_entries": 2}
    assert apply() == {"audit_entries": 2}
    assert len(classroom.acts()) == 3


def test_only_who_runs_the_school_lets_go(classroom: Classroom) -> None:
    with refused(Code.FORBIDDEN):
        retention.apply(classroom.teacher())
