"""Token buckets on a clock that the test sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.realtime import buckets as module
from chatapp.realtime.buckets import Buckets
from tests.realtime.doubles import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(buckets: Buckets, tries: int, key: str = "ada") -> int:
    """How many of so many tries got a token."""
    return sum(not buckets.take(key) for _ in range(tries))


def test_a_burst_then_the_rate(clock: Clock) -> None:
    buckets = Buckets(5, 10, clock)
    assert taken(buckets, 20) == 10
    clock.advance(1)
    assert taken(buckets, 20) == 5
    clock.advance(100)
    assert taken(buckets, 20) == 10


def test_a_refusal_says_when_there_is_a_token_and_then_there_is_one(clock: Clock) -> None:
    buckets = Buckets(5, 1, clock)
    assert buckets.take("ada") == 0
    wait = buckets.take("ada")
    assert wait == pytest.approx(0.2)
    clock.advance(0.1)
    assert buckets.take("ada") == pytest.approx(0.1)
    clock.advance(0.1001)
    assert buckets.take("ada") == 0


def test_refusals_cost_no_tokens(clock: Clock) -> None:
    buckets = Buckets(1, 1, clock)
    taken(buckets, 1000)
    clock.advance(1)
    assert buckets.take("ada") == 0


def test_every_key_has_a_bucket_of_its_own(clock: Clock) -> None:
    buckets = Buckets(1, 2, clock)
    assert taken(buckets, 5, "ada") == 2
    assert taken(buckets, 5, "bob") == 2


def test_less_than_one_token_at_once_is_still_one(clock: Clock) -> None:
    buckets = Buckets(0.5, 0.1, clock)
    assert taken(buckets, 3) == 1
    clock.advance(2)
    assert taken(buckets, 3) == 1


def test_a_forgotten_key_begins_full(clock: Clock) -> None:
    buckets = Buckets(1, 2, clock)
    taken(buckets, 5)
    buckets.forget("ada")
    buckets.forget("nobody")
    assert taken(buckets, 5) == 2


def test_full_buckets_are_forgotten_and_others_are_not(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 10)
    buckets = Buckets(1, 5, clock)
    for n in range(10):
        buckets.take(n)
    clock.advance(10)
    assert taken(buckets, 9, "ada") == 5
    assert set(buckets._levels) == {"ada"}
    assert buckets.take("ada") > 0


def test_many_who_are_all_busy_do_not_make_every_try_look_at_all(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 10)
    buckets = Buckets(1, 5, clock)
    looks: list[int] = []
    forget = buckets._forget_full

    def counted(moment: float) -> None:
        looks.append(len(buckets._levels))
        forget(moment)

    monkeypatch.setattr(buckets, "_forget_full", counted)
    for n in range(1000):
        buckets.take(n)
    assert len(looks) < 10
    clock.advance(100)
    for n in range(2000, 4000):
        buckets.take(n)
    assert 0 not in buckets._levels


@given(st.lists(st.floats(0, 3), max_size=80), st.integers(1, 10), st.integers(1, 10))
def test_in_no_time_are_there_more_tokens_than_burst_and_rate_allow(pauses: list[float], rate: int, burst: int) -> None:
    clock = Clock(0.0)
    buckets = Buckets(rate, burst, clock)
    given_out: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        if not buckets.take("ada"):
            given_out.append(clock())
    for n, first in enumerate(given_out):
        for m, last in enumerate(given_out[n:], start=1):
            assert m <= burst + rate * (last - first) + 1e-6
