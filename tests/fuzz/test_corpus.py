"""The corpus again, and what hypothesis thinks of: packets and texts that no honest client sends break no promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatapp.contract.commands import COMMANDS
from tests.fuzz.targets import CORPUS, TARGETS, packet, text
from tests.wire.test_packet_gate import BROKEN

INPUTS = sorted(path for name in TARGETS for path in (CORPUS / name).iterdir())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.name[:12]}")
def test_what_was_once_tried_still_holds(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_the_packets_that_we_know_to_be_bad(broken: str) -> None:
    packet(broken[1:].encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
events = st.builds(
    lambda kind, namespace, ref, name, rest: f"{kind}{namespace}{ref}{json.dumps([name, *rest])}",
    st.sampled_from("01234567"),
    st.sampled_from(["", "/chat,", "/notifications,", "/admin,", "/chat?x=1,", "/,"]),
    st.sampled_from(["", "0", "7", "999999999", "1234567890"]),
    st.sampled_from([*COMMANDS, "nope", "connect", "disconnect", ""]) | json_values,
    st.lists(json_values, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300).map(lambda data: data) | events.map(str.encode))
@example(b"2")
@example(b'2/chat,["typing",{}]')
def test_no_packet_breaks_the_gate(data: bytes) -> None:
    packet(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda given: given.encode("utf-8", "surrogatepass")))
@example("é".encode())
@example("a\u0301\ufeff".encode())
@example(b'{"a": 1e400}')
def test_no_text_breaks_the_validators(data: bytes) -> None:
    text(data)
