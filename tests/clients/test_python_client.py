"""The Python client where a real server cannot be made to misbehave: an outbox on disk, a room's people, what it does
when there is nothing more to do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from chatapp_client import Client, NoAnswer, Refused, Room, Session, SignedOut, aio, events, sync
from chatapp_client import room as rooms
from chatapp_client.log import Log
from chatapp_client.outbox import Outbox
from chatapp_client.things import Message, Snapshot

from tests.clients.school import BEN, School, a_school, problem, run

ADA = {**BEN, "id": "ada", "username": "ada"}
Json = dict[str, Any]


@asynccontextmanager
async def at_school() -> AsyncIterator[tuple[School, Client]]:
    """A client with a session, at a school whose sockets say goodbye at once."""
    async with a_school() as school, Client(await Session.sign_in(school.url, "ben", "secret")) as client:
        yield school, client


async def until(so: Callable[[], bool]) -> None:
    while not so():
        await asyncio.sleep(0.01)


# A connection


def test_a_websocket_that_closes_before_it_opens_does_not_end_the_client() -> None:
    async def test() -> None:
        async with at_school() as (school, client):
            await until(lambda: school.sockets >= 2)
            assert client.state == "offline"

    run(test())


def test_a_websocket_through_which_nothing_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "OPEN_SECONDS", 0.2)

    async def test() -> None:
        async with at_school() as (school, _):
            school.silent = True
            await until(lambda: school.sockets >= 3)

    run(test())


class Answered(Client):
    """Its commands are answered with these, then with `{ok: true}`."""

    def __init__(self, session: Session, *answers: Exception) -> None:
        super().__init__(session)
        self.answers = list(answers)
        self.sent: list[tuple[str, Json]] = []
        self.takes = 0.0

    async def command(self, name: str, data: Json, **how: Any) -> Json:
        self.sent.append((name, data))
        await asyncio.sleep(self.takes)
        if self.answers:
            raise self.answers.pop(0)
        return {"ok": True}


class Hasty(Session):
    """Its token is to be renewed at once, and then not for long."""

    due = 0.05

    @property
    def refresh_in(self) -> float:
        due, self.due = self.due, 3600.0
        return due


@pytest.mark.parametrize(
    ("fault", "second"),
    [
        (NoAnswer("lost"), "access-1"),
        (Refused({"code": "unavailable"}), "access-1"),
        (Refused({"code": "unauthorized"}), "access-2"),
    ],
    ids=["no answer", "busy", "not taken"],
)
def test_a_renewal_that_did_not_succeed_is_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, second: str
) -> None:
    monkeypatch.setattr(aio, "RENEW_AGAIN_SECONDS", 0.05)

    async def test() -> None:
        async with a_school() as school:
            client = Answered(await Hasty.sign_in(school.url, "ben", "secret"), fault)
            client.spawn(client._renew())
            await until(lambda: len(client.sent) == 2)
            assert [data["token"] for _, data in client.sent] == ["access-1", second]
            await client.close()

    run(test())


# The end


def test_when_the_session_has_ended_events_end_and_who_waits_for_a_send_is_told(tmp_path: Path) -> None:
    async def test() -> None:
        async with at_school() as (school, client):
            room = client.room("r", outbox=tmp_path / "outbox")
            waiting = room.send("Hello!")
            client.session.forget()
            school.refresh = [problem(401, "unauthorized")]
            told = [event async for event in room.events()]
            assert told[-1] == events.State("stopped", "signed_out")
            assert [event async for event in room.events()] == [told[-1]], "whoever asks again is told again"
            for each in (waiting, room.send("Still there?")):
                with pytest.raises(SignedOut):
                    await each
            assert list(json.loads((tmp_path / "outbox").read_text()).values()) == ["Hello!", "Still there?"]
            late = client.room("another")
            assert [event async for event in late.events()] == [told[-1]]

    run(test())


def test_a_client_that_is_closed_ends_its_readers_and_senders_in_other_threads() -> None:
    ended: list[object] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    school_open = a_school()
    school = asyncio.run_coroutine_threadsafe(school_open.__aenter__(), loop).result(10)
    client = sync.Client.sign_in(school.url, "ben", "secret")
    room = client.room("r")

    def read() -> None:
        ended.append(list(room.events())[-1])

    def send() -> None:
        try:
            room.send("Hello!")
        except NoAnswer as fault:
            ended.append(str(fault))

    threads = [threading.Thread(target=work, daemon=True) for work in (read, send)]
    for each in threads:
        each.start()
    deadline = time.monotonic() + 10
    while not room._room.outbox.items and time.monotonic() < deadline:
        time.sleep(0.01)
    client.close()
    client.close()
    for each in threads:
        each.join(10)
    asyncio.run_coroutine_threadsafe(school_open.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    assert sorted(ended, key=str) == [
        events.State("stopped", "closed"),
        "the client has stopped: closed",
    ]


# The outbox


def test_a_text_of_an_earlier_run_that_is_refused_is_told_and_not_just_gone(tmp_path: Path) -> None:
    kept = tmp_path / "outbox.json"
    kept.write_text('{"c1": "too long", "c2": "fine"}')

    async def test() -> None:
        sent: list[str] = []
        failed: list[tuple[str, str, str]] = []

        async def send(client_id: str, body: str) -> Message:
            sent.append(body)
            if body == "too long":
                raise Refused({"code": "too_large"})
            return cast("Message", {})

        outbox = Outbox(send, kept, lambda client_id, body, refusal: failed.append((client_id, body, refusal.code)))
        outbox.open()
        running = asyncio.ensure_future(outbox.run())
        await until(lambda: len(sent) == 2 and not outbox.items)
        running.cancel()
        assert failed == [("c1", "too long", "too_large")] and kept.read_text() == "{}"

    run(test())


def test_what_does_not_wait_is_settled_without_the_disk(tmp_path: Path) -> None:
    async def test() -> None:
        async def send(client_id: str, body: str) -> Message:
            raise AssertionError("nothing is sent")

        kept = tmp_path / "outbox"
        outbox = Outbox(send, kept)
        outbox.add("one")
        before = kept.stat()
        for number in range(3):
            outbox.settle(f"of an earlier run {number}", cast("Message", {}))
        after = kept.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    run(test())


def test_a_disk_that_is_full_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()

    async def test() -> None:
        async def send(client_id: str, body: str) -> Message:
            return cast("Message", {"client_id": client_id})

        outbox = Outbox(send, folder / "outbox")
        first = outbox.add("one")
        (folder / "outbox").unlink()
        folder.rmdir()  # as good as full: nothing can be written
        with pytest.raises(FileNotFoundError):
            outbox.add("two")
        assert list(outbox.items.values()) == ["one"]
        outbox.open()
        running = asyncio.ensure_future(outbox.run())
        assert (await first)["client_id"]
        folder.mkdir()
        assert (await outbox.add("three"))["client_id"], "it goes on"
        running.cancel()

    run(test())


def test_an_outbox_writes_to_no_file_of_a_neighbour(tmp_path: Path) -> None:
    async def test() -> None:
        async def send(client_id: str, body: str) -> Message:
            raise NoAnswer(body)

        (tmp_path / "outbox.new").mkdir()
        for name in ("outbox.physics", "outbox.chemistry"):
            Outbox(send, tmp_path / name).add(name)
            assert list(json.loads((tmp_path / name).read_text()).values()) == [name]

    run(test())


# A room


def system(seq: int, code: str) -> Json:
    return {"seq": seq, "code": code, "params": {"user": ADA}, "sender": None, "client_id": None, "created_at": "now"}


def snapshot(messages: list[Json], *people: Json) -> Json:
    answer = {"room": {"id": "r"}, "participants": list(people), "messages": messages, "head": len(messages)}
    return {**answer, "epoch": "e", "more": False, "reset": False}


def test_who_left_and_came_back_is_as_the_snapshot_says() -> None:
    async def test() -> None:
        async with a_school() as school:
            client = Answered(await Session.sign_in(school.url, "ben", "secret"))
            room = Room(client, "r", None)
            person = {"user": ADA, "role": "participant", "online": True, "joined_at": "then"}
            past = [system(1, "participant_joined"), system(2, "participant_left"), system(3, "participant_joined")]
            room._entered(snapshot(past, person))
            assert room.people == {"ada": person}
            room.heard("/chat", "message", {**system(4, "participant_left"), "room_id": "r"})
            assert room.people == {}
            await client.close()

    run(test())


def test_however_many_messages_come_behind_a_hole_the_room_is_entered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "GAP_SECONDS", 0.05)

    async def test() -> None:
        async with a_school() as school:
            client = Answered(
                await Session.sign_in(school.url, "ben", "secret"), *[Refused({"code": "not_found"}) for _ in range(9)]
            )
            room = Room(client, "r", None)
            room._entered(snapshot([system(1, "room_created")]))
            client.takes = 0.1
            for seq in (3, 4, 5):
                room.heard("/chat", "message", {**system(seq, "host_away"), "room_id": "r"})
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            assert client.sent == [("room_enter", {"room_id": "r", "after": 1, "epoch": "e"})]
            await client.close()

    run(test())


def notice(seq: int, kind: str, *, read: bool = False) -> Json:
    return {"seq": seq, "kind": kind, "room_id": "r", "data": {}, "read": read}


def test_a_notification_is_told_once_also_when_it_was_missed_and_connects_bring_it_again() -> None:
    async def test() -> None:
        async with a_school() as school:
            client = Answered(await Session.sign_in(school.url, "ben", "secret"))
            room = Room(client, "r", None)
            items = [notice(3, "mention"), notice(2, "mention", read=True), notice(1, "mention")]
            room.heard("/notifications", "notifications", {"items": items, "unread": 2, "head": 3})
            room.heard("/notifications", "notification", notice(4, "mention"))
            items = [notice(5, "mention"), notice(4, "mention"), *items]
            room.heard("/notifications", "notifications", {"items": items, "unread": 4, "head": 5})
            room.heard("/notifications", "notifications", {"items": [], "unread": 0, "head": 2})
            room.heard("/notifications", "notification", notice(3, "mention"))
            room.heard("/notifications", "notifications_read", {"up_to_seq": 3, "unread": 0})
            await client.close()
            room.state_changed(events.State("stopped", "closed"))
            told = [event.notification["seq"] async for event in room.events() if isinstance(event, events.Told)]
            assert told == [1, 3, 4, 5, 3]

    run(test())


def test_a_removal_that_was_taken_back_while_nobody_was_connected_is_taken_back() -> None:
    async def test() -> None:
        async with a_school() as school:
            client = Answered(await Session.sign_in(school.url, "ben", "secret"), *[Refused({"code": "not_found"})] * 2)
            room = Room(client, "r", None)
            room.heard("/chat", "bye", {"room_id": "r", "code": "removed"})
            items = [notice(1, "participant_removed")]
            room.heard("/notifications", "notifications", {"items": items, "unread": 1, "head": 1})
            room.state_changed(events.State("online"))
            await asyncio.sleep(0.05)
            assert client.sent == []
            items = [notice(2, "join_request_approved"), *items]
            room.heard("/notifications", "notifications", {"items": items, "unread": 2, "head": 2})
            await until(lambda: [name for name, _ in client.sent] == ["room_enter"])
            await client.close()

    run(test())


class Kept(Client):
    """Before seq 12 the server has what it has kept: from `oldest` on, which rises."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.oldest = 9
        self.asked = 0

    async def command(self, name: str, data: Json, **how: Any) -> Json:
        assert name == "messages_before"
        self.asked += 1
        page = [{"seq": seq} for seq in range(max(self.oldest, data["before"] - data["limit"]), data["before"])]
        return {"messages": page, "epoch": "e", "oldest": self.oldest}


def test_what_the_server_no_longer_keeps_is_not_asked_for() -> None:
    async def test() -> None:
        async with a_school() as school:
            client = Kept(await Session.sign_in(school.url, "ben", "secret"))
            room = Room(client, "r", None)
            assert await room.older() == [], "nothing is here yet"
            page: Json = {"messages": [{"seq": 12}], "epoch": "e", "oldest": 9, "more": False, "reset": True}
            room.log.enter(cast("Snapshot", page))
            assert [message["seq"] for message in await room.older(limit=2)] == [10, 11]
            client.oldest = 10  # seq 9 is let go of meanwhile
            assert await room.older(limit=2) == []
            assert client.asked == 2
            assert await room.older() == [] and client.asked == 2, "it knows now"
            room.log.enter(cast("Snapshot", page | {"messages": [{"seq": 9}]}))
            assert await room.older() == [] and client.asked == 2
            await client.close()

    run(test())


def test_an_older_page_that_was_asked_for_before_the_log_began_anew_makes_no_hole() -> None:
    log = Log()
    page: Json = {"messages": [{"seq": 500}], "epoch": "e", "oldest": 1, "more": False, "reset": True}
    log.enter(cast("Snapshot", page))
    assert log.prepend([cast("Message", {"seq": 50})]) == []
    assert len(log.prepend([cast("Message", {"seq": 499})])) == 1
    assert [message["seq"] for message in log.items] == [499, 500]
