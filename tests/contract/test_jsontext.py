"""JSON as it is taken: one reading or none."""

from __future__ import annotations

import json

import pytest

from chatapp.contract import jsontext
from chatapp.contract.jsontext import BadJson, DuplicateKey


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        1.5,
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        "",
        "数学 👩‍🏫",
        [],
        {},
        {"a": [1, {"b": None}]},
        [[[[]]]],
    ],
)
def test_what_is_given_is_taken_as_it_was(value: object) -> None:
    assert jsontext.decode(jsontext.encode(value)) == value
    assert jsontext.decode(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "nul",
        "{'a': 1}",
        '{"a": 1,}',
        "[1] [2]",
        "NaN",
        '{"a": NaN}',
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "[1e400]",
        "01",
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '{"\\ud800": 1}',
        '"\x00"',
        '"\n"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        "1" * 25,
        "-" + "1" * 25,
        "1" * 5000,
        '{"seq": ' + "9" * 5000 + "}",
        str(2**64),
        str(-(2**63) - 1),
        "9" * 20,
        "[" * 5000 + "]" * 5000,
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
    ids=lambda text: repr(text)[:24],
)
def test_what_two_readers_could_take_differently_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadJson):
        jsontext.decode(text)


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"a":1,"b":{"c":1,"c":2}}', '[{"":1,"":2}]', '{"a":1,"\\u0061":2}'])
def test_a_key_named_twice_is_refused_and_says_so(text: str) -> None:
    with pytest.raises(DuplicateKey):
        jsontext.decode(text)


def test_an_object_has_at_most_a_thousand_keys() -> None:
    assert len(jsontext.decode(json.dumps({str(n): n for n in range(1000)}))) == 1000
    for count in (1001, 10_000):
        with pytest.raises(BadJson):
            jsontext.decode(json.dumps({str(n): n for n in range(count)}))


def test_nesting_as_deep_as_anybody_needs_is_taken() -> None:
    assert jsontext.decode("[" * 100 + "]" * 100) is not None


def test_keys_that_mean_something_to_javascript_are_only_keys() -> None:
    assert jsontext.decode('{"__proto__":{"x":1},"constructor":2}') == {"__proto__": {"x": 1}, "constructor": 2}
