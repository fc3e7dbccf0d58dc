"""Hints between processes: one suite for the queue inside a process and the one on Redis, and what Redis does to it."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, cast

import pytest
import socketio
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.contract.hints import Entry, Evicted, Hint, LogGrew, RoomChanged, Typed, type_names
from chatapp.realtime import queue as module
from chatapp.realtime.queue import MAX_BYTES, MAX_TEXT, HintQueue, LocalQueue, decode, encode, seal, unseal
from chatapp.transports.sio import manager
from chatapp.transports.sio.manager import KIND, RedisManager
from tests.faults.redis_server import RedisServer
from tests.support.wait import eventually

KEY = b"k" * 32
CHANNEL = "chatapp-test"

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
USER = st.dictionaries(TEXT, TEXT, max_size=3)
ENTRY = st.builds(Entry, st.integers(1, 2**53), TEXT.map(str.encode), st.none() | TEXT)


def hints_of(kind: type) -> st.SearchStrategy[Hint]:
    """Every hint of a kind, by the types of its fields."""
    by_type: dict[str, st.SearchStrategy[Any]] = {
        "str": TEXT,
        "int": st.integers(0, 2**53),
        "bool": st.booleans(),
        "tuple[str, ...]": st.lists(TEXT, max_size=4).map(tuple),
        "tuple[Entry, ...]": st.lists(ENTRY, max_size=4).map(tuple),
        "dict[str, Any]": USER,
    }
    return st.builds(kind, **{each.name: by_type[str(each.type)] for each in fields(kind)})


HINT = st.one_of([hints_of(kind) for kind in type_names])


# Encoding


@given(HINT)
def test_every_kind_of_hint_is_the_same_behind_json(hint: Hint) -> None:
    assert decode(json.loads(json.dumps(encode(hint)))) == hint


@given(st.lists(HINT, max_size=8))
def test_what_is_sealed_is_unsealed_the_same_and_in_order(hints: list[Hint]) -> None:
    assert [hint for text in seal(hints, KEY) for hint in unseal(text, KEY)] == hints


@pytest.mark.parametrize(("size", "travels"), [(MAX_BYTES, True), (MAX_BYTES + 1, False)])
def test_an_over_long_hint_travels_without_its_entries(size: int, travels: bool) -> None:
    hint = LogGrew("room", "one", (Entry(1, b"x" * (size - 10)), Entry(2, b"y" * 10)))
    (again,) = unseal(seal([hint], KEY)[0], KEY)
    assert again == (hint if travels else LogGrew("room", "one", ()))


@pytest.mark.parametrize("char", ["x", '"', "\\", "é", "語", "😀", "\u0001"])
def test_no_text_on_the_queue_is_longer_than_what_is_read_of_it(char: str) -> None:
    payload = json.dumps(char * 20_000, ensure_ascii=False).encode()[: MAX_BYTES - 100].decode(errors="ignore").encode()
    hints: list[Hint] = [LogGrew(f"r{n}", "one", (Entry(1, payload),)) for n in range(20)]
    texts = seal(hints, KEY)
    assert len(texts) > 1
    for text in texts:
        assert len(json.dumps({"method": KIND, "host_id": "x" * 32, "sealed": text})) <= MAX_TEXT
    assert [hint for text in texts for hint in unseal(text, KEY)] == hints


def test_small_hints_travel_together() -> None:
    assert len(seal([RoomChanged(f"r{n}") for n in range(100)], KEY)) == 1
    assert seal([], KEY) == []


@settings(max_examples=200)
@given(st.integers(0), st.characters())
def test_a_text_that_was_changed_anywhere_says_nothing(place: int, char: str) -> None:
    (text,) = seal([Evicted("room", "ada", 7, removed=True)], KEY)
    place %= len(text)
    changed = text[:place] + char + text[place + 1 :]
    assert changed == text or unseal(changed, KEY) == []


@pytest.mark.parametrize(
    "sealed",
    [
        None,
        1,
        b"x",
        [],
        {},
        "",
        "x" * 63,
        "x" * 64,
        "0" * 64 + "[]",
        "é" * 64 + "[]",
        "0" * 64 + "\ud800",
        "\ud800" * 64,
    ],
    ids=repr,
)
def test_what_was_never_sealed_says_nothing(sealed: object) -> None:
    assert unseal(sealed, KEY) == []


def test_another_key_says_nothing() -> None:
    assert unseal(seal([RoomChanged("room")], b"other" * 8)[0], KEY) == []


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[1]",
        "[{}]",
        '[{"kind":"Nope"}]',
        '[{"kind":["RoomChanged"]}]',
        '[{"kind":"RoomChanged"}]',
        '[{"kind":"RoomChanged","room_id":"r","more":1}]',
        '[{"kind":"LogGrew","room_id":"r","epoch":"e"}]',
        '[{"kind":"LogGrew","room_id":"r","epoch":"e","entries":[[1]]}]',
        '[{"kind":"LogGrew","room_id":"r","epoch":"e","entries":[["x","{}",null]]}]',
        "[",
        "NaN",
    ],
)
def test_what_was_sealed_by_another_version_says_nothing(body: str) -> None:
    good = module._sealed([b'{"kind":"RoomChanged","room_id":"r"}'], KEY)
    assert unseal(good, KEY) == [RoomChanged("r")]
    assert unseal(hmac.new(KEY, body.encode(), hashlib.sha256).hexdigest() + body, KEY) == []


def test_hints_have_the_fields_that_workers_of_the_version_before_know() -> None:
    """Of another form they would be lost on them in a rolling restart, with all that came with them."""
    assert {kind.__name__: " ".join(each.name for each in fields(kind)) for kind in type_names} == {
        "LogGrew": "room_id epoch entries",
        "LogUncertain": "room_id",
        "Evicted": "room_id user_id seq removed",
        "RoomChanged": "room_id",
        "LobbyChanged": "room_id host_id version request_ids",
        "NotificationsGrew": "user_id head",
        "NotificationsWereRead": "user_id up_to_seq unread",
        "SessionsEnded": "session_ids",
        "ConnectionsEnded": "connection_ids code",
        "PresenceChanged": "room_id user online",
        "Typed": "room_id user typing connection_id",
    }


# One suite for both


class Heard:
    """What one end was told, in order."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.inside = threading.Lock()

    def __call__(self, hints: list[Hint]) -> None:
        with self.inside:
            self.hints += hints


Ends = Callable[[int], list[tuple[HintQueue, Heard]]]


def an_end(url: str, key: bytes = KEY) -> RedisManager:
    """One process's end, its Socket.IO server without a network."""
    made = RedisManager(url, CHANNEL, key)
    server = socketio.Server(async_mode="threading", client_manager=made)
    server.manager_initialized = True
    made.initialize()
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that takes seconds takes tenths."""
    monkeypatch.setattr(manager, "ECHO_SECONDS", 0.1)
    monkeypatch.setattr(manager, "UNWELL_SECONDS", 0.3)


@pytest.fixture
def open_end(redis: RedisServer, quick: None) -> Iterator[Callable[..., tuple[RedisManager, Heard]]]:
    """Makes an end on Redis that is subscribed and healthy; ends them all."""
    opened: list[RedisManager] = []

    def make(key: bytes = KEY) -> tuple[RedisManager, Heard]:
        end, heard = an_end(f"redis://127.0.0.1:{redis.port}/0", key), Heard()
        end.listen(heard)
        opened.append(end)
        eventually(lambda: end.healthy, within=10, message="never healthy")
        return end, heard

    yield make
    for end in opened:
        end.stop()
    for end in opened:
        eventually(lambda end=end: not end.thread.is_alive(), within=10, message="still listening")  # type: ignore[misc]


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.service)])
def ends(request: pytest.FixtureRequest) -> Ends:
    """Makes so many ends of one queue, each with what it hears."""
    if request.param == "redis":
        make = cast("Callable[[], tuple[RedisManager, Heard]]", request.getfixturevalue("open_end"))
        return lambda count: [make() for _ in range(count)]

    def local(count: int) -> list[tuple[HintQueue, Heard]]:
        queue = LocalQueue()
        made = [(queue.end(), Heard()) for _ in range(count)]
        for end, heard in made:
            end.listen(heard)
        return made

    return local


def test_what_one_publishes_the_others_hear_once_in_order_and_itself_never(ends: Ends) -> None:
    (first, own), (_, second), (_, third) = ends(3)
    said: list[Hint] = []
    for n in range(200):
        batch: list[Hint] = [
            LogGrew("room", "one", (Entry(n, json.dumps({"n": n, "body": 'é "quoted" \\ 😀'}).encode()),)),
            Typed("room", {"id": "ada"}, typing=True),
        ]
        first.publish(batch)
        said += batch
    eventually(lambda: len(second.hints) >= 400 and len(third.hints) >= 400, within=10)
    assert second.hints == third.hints == said
    assert own.hints == []


def test_every_end_hears_every_other(ends: Ends) -> None:
    made = ends(3)
    for n, (end, _) in enumerate(made):
        end.publish([RoomChanged(str(n))])
    for n, (_, heard) in enumerate(made):
        others = {RoomChanged(str(m)) for m in range(3) if m != n}
        eventually(lambda heard=heard, others=others: set(heard.hints) >= others, within=10)  # type: ignore[misc]
        assert len(heard.hints) == 2


def test_a_listener_that_fails_hears_the_next_all_the_same(ends: Ends) -> None:
    (first, _), (second, heard) = ends(2)

    def failing(hints: list[Hint]) -> None:
        heard(hints)
        if hints == [RoomChanged("bad")]:
            raise RuntimeError

    second.listen(failing)
    for name in ("bad", "good"):
        try:
            first.publish([RoomChanged(name)])
        except RuntimeError:
            assert isinstance(first, LocalQueue._End)  # the hub catches what is its own
    eventually(lambda: heard.hints == [RoomChanged("bad"), RoomChanged("good")], within=10)


def test_a_stopped_end_hears_nothing_more(ends: Ends) -> None:
    (first, _), (second, gone), (_, heard) = ends(3)
    second.stop()
    if isinstance(second, RedisManager):
        eventually(lambda: not second.thread.is_alive(), within=10)
    first.publish([RoomChanged("room")])
    eventually(lambda: heard.hints, within=10)
    assert gone.hints == []


def test_publishing_nothing_is_nothing(ends: Ends) -> None:
    (first, _), (_, heard) = ends(2)
    first.publish([])
    first.publish([RoomChanged("room")])
    eventually(lambda: heard.hints, within=10)
    assert heard.hints == [RoomChanged("room")]


# Redis


@pytest.mark.service
def test_whatever_else_is_on_the_channel_is_not_even_looked_at(
    redis: RedisServer, open_end: Callable[..., tuple[RedisManager, Heard]]
) -> None:
    (first, _), (second, heard) = open_end(), open_end()
    obeyed: list[object] = []
    for name in ("emit", "callback", "disconnect", "enter_room", "leave_room", "close_room"):
        setattr(second, f"_handle_{name}", obeyed.append)
    strangers: list[bytes | str] = [
        b"\x80\x04\x95garbage",
        pickle.dumps({"method": "emit", "event": "message", "data": "x"}),
        b"\xff" * 5_000_000,
        json.dumps({"method": KIND, "host_id": "x", "sealed": "é" * 64 + "[]"}),
        json.dumps({"method": KIND, "sealed": "x" * 5_000_000}),
        "[" * 100_000,
        "{}",
        "null",
        "NaN",
        json.dumps({"method": KIND}),
        json.dumps({"method": KIND, "host_id": "x", "sealed": None}),
        json.dumps({"method": KIND, "host_id": "x", "sealed": seal([RoomChanged("forged")], b"other" * 8)[0]}),
    ]
    strangers += [
        json.dumps({"method": name, "namespace": "/chat", "sid": "x", "room": "x", "event": "x", "data": "x"})
        for name in ("emit", "callback", "disconnect", "enter_room", "leave_room", "close_room", "unknown")
    ]
    for message in strangers:
        redis.call("PUBLISH", CHANNEL, message)
    first.publish([RoomChanged("room")])
    eventually(lambda: heard.hints, within=10)
    assert heard.hints == [RoomChanged("room")]
    assert obeyed == []
    assert second.healthy


@pytest.mark.service
def test_another_deployments_key_is_not_ours(open_end: Callable[..., tuple[RedisManager, Heard]]) -> None:
    (first, _), (_, other), (_, heard) = open_end(), open_end(b"other" * 8), open_end()
    first.publish([RoomChanged("room")])
    eventually(lambda: heard.hints, within=10)
    assert other.hints == []


@pytest.mark.service
@pytest.mark.parametrize("trouble", ["frozen", "killed", "subscriber cut"])
def test_without_redis_nobody_waits_and_with_it_all_goes_on(
    redis: RedisServer, open_end: Callable[..., tuple[RedisManager, Heard]], trouble: str
) -> None:
    (first, _), (second, heard) = open_end(), open_end()
    if trouble == "frozen":
        redis.freeze()
    elif trouble == "killed":
        redis.stop()
    else:
        redis.call("CLIENT", "KILL", "TYPE", "pubsub")
    longest, unwell = 0.0, False
    deadline = time.monotonic() + 10
    while not unwell:
        assert time.monotonic() < deadline
        begun = time.monotonic()
        first.publish([LogGrew("lost", "one", (Entry(1, b"x" * 10_000),))])
        longest = max(longest, time.monotonic() - begun)
        unwell = not first.healthy
        time.sleep(0.001)
    assert longest < 0.05
    if trouble == "frozen":
        redis.thaw()
    elif trouble == "killed":
        redis.start()
    eventually(lambda: first.healthy and second.healthy, within=10, message="never well again")

    def told() -> bool:
        first.publish([RoomChanged("room")])  # again: the other may be cut and not know it yet
        return RoomChanged("room") in heard.hints

    eventually(told, within=10, message="deaf")


@pytest.mark.service
def test_what_waits_for_redis_is_bounded_and_the_newest_is_kept(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "MAX_WAITING", 100_000)
    end = RedisManager(f"redis://127.0.0.1:{redis.port}/0", CHANNEL, KEY)
    for n in range(1000):
        end.publish([LogGrew(str(n), "one", (Entry(1, b"x" * 10_000),))])
    assert end._waiting_size == sum(len(text) for text in end._waiting) <= 100_000
    (newest,) = unseal(end._waiting[-1], KEY)
    assert isinstance(newest, LogGrew) and newest.room_id == "999"


@pytest.mark.service
def test_after_a_failure_old_news_are_not_tried_one_by_one(redis: RedisServer) -> None:
    redis.stop()
    end = RedisManager(f"redis://127.0.0.1:{redis.port}/0", CHANNEL, KEY)
    for n in range(100):
        end.publish([RoomChanged(str(n))])
    end._publish_now(end._waiting.popleft())
    assert (len(end._waiting), end._waiting_size) == (0, 0)
    assert not end.healthy


@pytest.mark.service
def test_making_an_end_opens_no_connection(redis: RedisServer) -> None:
    """`flask --app wsgi …` composes the app, too."""
    redis.stop()
    end = RedisManager(f"redis://127.0.0.1:{redis.port}/0", CHANNEL, KEY)
    assert not end.healthy
    end.publish([RoomChanged("room")])
