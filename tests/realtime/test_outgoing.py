"""What goes out: the same thing as a Socket.IO packet, as a plain WebSocket's text, and as frames of both."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import ACK, EVENT, Packet

from chatapp.realtime.outgoing import Ack, Bundle, Event, Outgoing, text_frame
from tests.realtime.doubles import payloads

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
DATA = st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), max_size=4)


@given(DATA)
def test_an_event_reads_as_the_library_would_have_written_it(data: dict[str, object]) -> None:
    event = Event.of("/chat", "message", data)
    packet = Packet(encoded_packet=event.packet)
    assert (packet.packet_type, packet.namespace, packet.id, packet.data) == (EVENT, "/chat", None, ["message", data])
    assert json.loads(event.text) == {"event": "message", "data": data}


@given(st.integers(0, 999_999_999), DATA)
def test_an_ack_reads_as_the_library_would_have_written_it(ref: int, data: dict[str, object]) -> None:
    ack = Ack.of("/chat", ref, {"ok": True} | data)
    packet = Packet(encoded_packet=ack.packet)
    assert (packet.packet_type, packet.namespace, packet.id) == (ACK, "/chat", ref)
    assert packet.data == [{"ok": True} | data]


@pytest.mark.parametrize("ref", [0, -5, 2**53 - 1, "", "a", 'x"\\y', "é"])
def test_a_plain_answer_carries_the_ref_that_the_client_chose(ref: int | str) -> None:
    assert json.loads(Ack.of("/chat", ref, {"ok": True, "n": 1}).text) == {"ref": ref, "ok": True, "n": 1}


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_frames_of_every_length_are_read_back(length: int) -> None:
    assert payloads(text_frame(b"x" * length)) == ["x" * length]


def test_a_bundle_is_its_items_back_to_back() -> None:
    items: list[Outgoing] = [Event.of("/chat", "message", {"n": n}) for n in range(3)]
    items.append(Ack.of("/chat", 7, {"ok": True}))
    bundle = Bundle(items)
    assert payloads(bundle.sio_frame) == [f"4{item.packet}" for item in items]
    assert payloads(bundle.ws_frame) == [item.text for item in items]


def test_a_thing_is_encoded_once_for_all_its_readers() -> None:
    event = Event.of("/chat", "message", {"n": 1})
    assert event.sio_frame is event.sio_frame
    assert event.ws_frame is event.ws_frame
    bundle = Bundle([event])
    assert bundle.sio_frame is bundle.sio_frame
