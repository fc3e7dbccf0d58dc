"""QR codes against vectors of others: ISO/IEC 18004's worked example, and matrices of the encoder `qrcode` 8."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask

from chatapp.transports.web import qr
from tests.support.school import School, Signed
from tests.transports.web.conftest import Visitor

CHATAPP_WITH_MASK_2 = [
    "#######..##.#.#######",
    "#.....#...###.#.....#",
    "#.###.#.###...#.###.#",
    "#.###.#.##.##.#.###.#",
    "#.###.#.###.#.#.###.#",
    "#.....#.####..#.....#",
    "#######.#.#.#.#######",
    "........##...........",
    "#.#####....#..#####..",
    "#...##.#########....#",
    ".##...#.#.#.#.##..##.",
    "#.####.....#####.####",
    "......##.#..#..#.....",
    "........#...#...#.#.#",
    "#######..#.#.#...###.",
    "#.....#.##.....#.####",
    "#.###.#.#..#.#.#.#.#.",
    "#.###.#.#..####.###..",
    "#.###.#.#.#.#.#...#..",
    "#.....#....####..##..",
    "#######.###.#..#...#.",
]
DIGESTS_WITH_MASK_5 = [
    ("https://chat.example/rooms/abcdefghijkmnpqrstuv/", "961a94840c8113d3"),
    ("x" * 120, "faf8db708232d5af"),
    ("x" * 213, "2efdd717bcd01540"),
    ("Grüße", "2d2c83a1a0ba3479"),
]


def test_the_correction_codewords_are_those_of_the_known_example() -> None:
    data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]
    assert qr.correction(data, 10) == [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]


def test_a_code_is_module_for_module_that_of_another_encoder() -> None:
    assert drawn(qr.encode("chatapp", 2)) == CHATAPP_WITH_MASK_2


@pytest.mark.parametrize(("text", "digest"), DIGESTS_WITH_MASK_5)
def test_larger_codes_are_those_of_another_encoder(text: str, digest: str) -> None:
    rows = "\n".join(drawn(qr.encode(text, 5)))
    assert hashlib.sha256(rows.encode()).hexdigest()[:16] == digest


def test_the_mask_of_least_penalty_is_chosen() -> None:
    best = qr.penalty(qr.encode("chatapp"))
    assert best == min(qr.penalty(qr.encode("chatapp", mask)) for mask in range(8))


def test_a_text_too_long_to_be_read_from_a_projector_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        qr.encode("x" * 214)


def test_the_code_of_a_room_is_shown_to_who_is_in_it(
    app: Flask, school: School, teacher: Signed, teachers: Visitor, students: Visitor
) -> None:
    path = f"/rooms/{school.room(teacher)['id']}/qr.svg"
    picture = teachers.client.get(path)
    assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
    assert picture.headers["Cache-Control"] == "no-store"
    assert picture.text.startswith("<svg ")
    assert students.client.get(path).status_code == 404


def drawn(matrix: qr.Matrix) -> list[str]:
    return ["".join("#" if dark else "." for dark in row) for row in matrix]
