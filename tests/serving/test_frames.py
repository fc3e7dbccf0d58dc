"""The frame reader alone, fed byte by byte and all at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatapp.serving.frames import MAX_FRAGMENTS, FrameError, FrameReader
from tests.support.rawsocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, build_frame


def feed(data: bytes, piece: int) -> Callable[[int], bytes]:
    rest = bytearray(data)

    def receive(count: int) -> bytes:
        taken = bytes(rest[: min(count, piece)])
        del rest[: len(taken)]
        return taken

    return receive


def reader(*frames: bytes, piece: int = 4096, max_bytes: int = 32768) -> FrameReader:
    return FrameReader(feed(b"".join(frames), piece), max_bytes=max_bytes)


@pytest.mark.parametrize("piece", [1, 3, 4096])
def test_messages_come_whole_and_in_order_however_the_bytes_arrive(piece: int) -> None:
    texts = ["", "a", "ž" * 100, "x" * 70_000, "😀" * 50]
    frames = [build_frame(TEXT, text.encode()) for text in texts]
    reading = reader(*frames, build_frame(BINARY, b"\xff"), piece=piece, max_bytes=100_000)
    assert [reading.read() for _ in texts] == [(TEXT, text) for text in texts]
    assert reading.read() == (BINARY, b"\xff")
    with pytest.raises(EOFError):
        reading.read()


def test_a_control_frame_may_come_between_fragments() -> None:
    reading = reader(
        build_frame(TEXT, "zá".encode()[:2], fin=False),
        build_frame(PING, b"p"),
        build_frame(CONTINUATION, "zá".encode()[2:], fin=False),
        build_frame(CONTINUATION, b"!"),
    )
    assert reading.read() == (PING, b"p")
    assert reading.read() == (TEXT, "zá!")


def test_as_many_fragments_as_allowed_pass() -> None:
    frames = [build_frame(TEXT, b"a", fin=False)]
    frames += [build_frame(CONTINUATION, b"", fin=False)] * (MAX_FRAGMENTS - 2)
    assert reader(*frames, build_frame(CONTINUATION, b"b")).read() == (TEXT, "ab")


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        pytest.param(1002, [build_frame(TEXT, b"a", masked=False)], id="unmasked"),
        pytest.param(1002, [build_frame(TEXT, b"a", rsv=4)], id="compressed"),
        pytest.param(1002, [build_frame(TEXT, b"a", rsv=1)], id="reserved bit"),
        pytest.param(1002, [build_frame(3, b"a")], id="unknown data opcode"),
        pytest.param(1002, [build_frame(0xB, b"a")], id="unknown control opcode"),
        pytest.param(1002, [build_frame(PING, b"a", fin=False)], id="fragmented control"),
        pytest.param(1002, [build_frame(PING, b"a" * 126)], id="long control"),
        pytest.param(1002, [build_frame(CONTINUATION, b"a")], id="continuation of nothing"),
        pytest.param(1002, [build_frame(TEXT, b"a", fin=False), build_frame(TEXT, b"b")], id="text inside a text"),
        pytest.param(1007, [build_frame(TEXT, b"\xff")], id="no text"),
        pytest.param(1007, [build_frame(TEXT, b"\xed\xa0\x80")], id="lone surrogate"),
        pytest.param(1009, [build_frame(TEXT, b"a" * 32769)], id="too long"),
        pytest.param(1009, [build_frame(TEXT, b"a" * 32768, fin=False), build_frame(CONTINUATION, b"a")], id="in sum"),
        pytest.param(
            1009,
            [build_frame(TEXT, b"", fin=False), *[build_frame(CONTINUATION, b"", fin=False)] * MAX_FRAGMENTS],
            id="too many fragments",
        ),
    ],
)
def test_what_a_client_must_not_send_has_its_close_code(code: int, frames: list[bytes]) -> None:
    reading = reader(*frames)
    with pytest.raises(FrameError) as refused:
        reading.read()
    assert refused.value.code == code


def test_a_frame_of_exactly_the_limit_passes() -> None:
    assert reader(build_frame(TEXT, b"a" * 32768)).read() == (TEXT, "a" * 32768)


def test_a_close_frame_comes_as_it_is() -> None:
    assert reader(build_frame(CLOSE, b"\x03\xe8")).read() == (CLOSE, b"\x03\xe8")
