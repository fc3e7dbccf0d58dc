"""Cursors: opaque, and harmless in whatever shape they come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chatapp.contract import cursors
from chatapp.contract.errors import Code, Refused


@pytest.mark.parametrize("place", [("a",), ("2026-01-01T00:00:00+00:00", "abc"), ("数学", "x")])
def test_a_place_comes_back_as_it_went(place: tuple[str, ...]) -> None:
    text = cursors.encode(place)
    assert cursors.decode(text, len(place)) == place
    assert text.replace("-", "").replace("_", "").isalnum()


def test_a_number_comes_back_where_a_number_is_expected() -> None:
    assert cursors.decode_whole(cursors.encode((7,))) == 7
    assert cursors.decode_whole(cursors.encode((2**63 - 1,))) == 2**63 - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "!!!!",
        "ä",
        "a" * 401,
        "\x00",
        "bnVsbA",
        "e30",
        "WyJhIl0garbage",
        "W10",
        cursors.encode(("a", "b")),
        cursors.encode((7,)),
        "W251bGxd",
        "W3RydWVd",
        "WzEuNV0",
        "W1tdXQ",
        cursors.encode(("a\x00",)),
        "WyJcdWQ4MDAiXQ",
    ],
)
def test_what_no_server_gave_out_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        cursors.decode(text, 1)
    assert caught.value.code is Code.INVALID_PAYLOAD
    assert cursors.decode(cursors.encode(("a",)), 1) == ("a",)


@pytest.mark.parametrize("place", [("7",), (2**63,), (7, 7), (None,), (1.5,), (True,)])
def test_a_text_or_a_giant_is_no_number(place: tuple[Any, ...]) -> None:
    with pytest.raises(Refused):
        cursors.decode_whole(cursors.encode(place))


def test_a_moment_comes_back_aware() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert cursors.moment(moment.isoformat()) == moment


@pytest.mark.parametrize(
    "part",
    [
        "",
        "now",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "99999-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_moment_of_ours_is_refused(part: str) -> None:
    with pytest.raises(Refused) as caught:
        cursors.moment(part)
    assert caught.value.code is Code.INVALID_PAYLOAD
