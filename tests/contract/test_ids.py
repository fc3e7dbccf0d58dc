"""Ids and codes: not to be guessed, not to be mistaken."""

from __future__ import annotations

import pytest

from chatapp.contract import ids


def test_ids_differ_and_are_taken_for_ids() -> None:
    made = {ids.new_id() for _ in range(2000)}
    assert len(made) == 2000 and all(map(ids.is_id, made))


def test_an_id_uses_its_whole_alphabet_in_every_place() -> None:
    made = [ids.new_id() for _ in range(2000)]
    for place in range(20):
        assert len({one[place] for one in made}) == 32


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        True,
        1.5,
        [],
        {},
        b"a" * 20,
        "",
        "a" * 19,
        "a" * 21,
        "A" * 20,
        "0" * 20,
        "1" * 20,
        "a" * 19 + "\n",
        "a" * 20 + "\n",
        "٣" * 20,
        "ａ" * 20,
        "-1",
        "../../etc/passwd",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_we_never_made_is_no_id(value: object) -> None:
    assert not ids.is_id(value)
    assert ids.is_id("a" * 20)


def test_a_join_code_is_six_letters_without_those_that_look_like_digits() -> None:
    codes = [ids.new_join_code() for _ in range(2000)]
    assert all(ids.CODE.fullmatch(code) for code in codes)
    assert set("".join(codes)) == set("ABCDEFGHJKLMNPQRSTUVWXYZ")
    assert len(set(codes)) > 1990


def test_a_messages_id_follows_from_room_and_seq() -> None:
    room_id = ids.new_id()
    assert ids.message_id(room_id, 7) == f"{room_id}-7"
