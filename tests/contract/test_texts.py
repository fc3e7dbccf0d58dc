"""What people may type: kept byte for byte, or refused with a reason. CASES E."""

from __future__ import annotations

import time
import unicodedata

import pytest

from chatapp.contract import texts
from chatapp.contract.errors import Code, Refused

CHARS, BYTES = 4000, 16384


def body(text: str) -> str:
    return texts.body(text, max_chars=CHARS, max_bytes=BYTES)


def refusal(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        body(text)
    return caught.value


KEPT = [
    "hello",
    " leading and trailing ",
    "two\nlines\twith a tab\r\n",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    '"><',
    "{{7*7}} ${7*7} #{7*7} %s %(x)s {0}",
    "'; DROP TABLE messages; -- % _ \\",
    "http://169.254.169.254/ http://localhost:6379 file:///etc/passwd",
    "__proto__ constructor toString",
    "👩‍👩‍👧‍👦 👩🏽‍🏫 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ 👩‍❤️‍💋‍👨 🇩🇪",
    "مرحبا بالعالم \u202bRTL\u202c שלום",
    "数学 한국어 ひらがな",
    "𝒳𝓎𝓏 𐍈 \U0001f9ee",
    "e\u0301 and é stay what they are",
    "क्षत्रिय ไทย பள்ளி",
    "a" + "\u0301" * texts.MAX_MARKS,
    "a\u200bb",
    "\ufeffbom",
    "\U0010ffff",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_body_is_kept_byte_for_byte(text: str) -> None:
    assert body(text).encode() == text.encode()


EMPTY = ["", " ", " \n\t\r\n", "\u200b", "\u200b\u200c\u200d\u2060\ufeff", "\u00a0\u2003\u3000", "\u2028\u2029"]
EMPTY += ["\u00ad", "\u202e\u202c", "\ufe0f", "\u0301", "\u2800", "\u3164\u115f\u1160\uffa0", "\u034f", "\u180e"]


@pytest.mark.parametrize("text", EMPTY)
def test_a_body_that_shows_nothing_is_refused(text: str) -> None:
    assert refusal(text).code is Code.INVALID_PAYLOAD
    assert body(text + "a") == text + "a"


@pytest.mark.parametrize("control", ["\x00", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9b"])
def test_a_control_character_is_refused_wherever_it_stands(control: str) -> None:
    for text in (control, f"{control}a", f"a{control}", f"a{control}b", f"é{control}"):
        assert refusal(text).code is Code.INVALID_PAYLOAD


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc00\ud800", "a\ud800b"])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    assert refusal(text).code is Code.INVALID_PAYLOAD
    with pytest.raises(Refused):
        texts.line("title", text, max_chars=120)


@pytest.mark.parametrize(
    ("text", "too_large"),
    [
        ("a" * 4000, False),
        ("a" * 4001, True),
        ("é" * 4000, False),
        ("数" * 4000, False),
        ("😀" * 4000, False),
        ("😀" * 4001, True),
        ("\n" * 3999 + "a", False),
    ],
)
def test_a_body_has_at_most_4000_code_points(text: str, too_large: bool) -> None:
    if too_large:
        assert refusal(text).code is Code.TOO_LARGE
    else:
        assert body(text) == text


def test_a_body_has_at_most_16_kib_whatever_its_characters() -> None:
    text = "😀" * 4096
    assert len(text.encode()) == BYTES
    assert texts.body(text, max_chars=5000, max_bytes=BYTES) == text
    with pytest.raises(Refused) as caught:
        texts.body(text + "a", max_chars=5000, max_bytes=BYTES)
    assert caught.value.code is Code.TOO_LARGE


def test_ten_marks_on_a_letter_are_kept_and_eleven_refused() -> None:
    assert body("a" + "\u0301" * 10 + "b" + "\u0302" * 10)
    assert refusal("a" + "\u0301" * 11).code is Code.INVALID_PAYLOAD
    assert refusal("H" + "".join(chr(0x300 + n % 100) for n in range(1000))).code is Code.INVALID_PAYLOAD
    assert refusal("a" + "\u20dd" * 11).code is Code.INVALID_PAYLOAD


@pytest.mark.parametrize("between", ["\u200d", "\u200b", "\u2060", "\ufeff", "\u034f", "\u200c"])
def test_invisible_characters_do_not_part_a_stack_of_marks(between: str) -> None:
    assert refusal("a" + (("\u0301" * 9) + between) * 5).code is Code.INVALID_PAYLOAD
    assert body(("a" + "\u0301" * 9 + between) * 5)


@pytest.mark.parametrize(
    "text", ["", "  ", "\u200b", "a\nb", "a\tb", "a\x00b", "a\u2028b", "a\u2029b", "a\x85b", "x" * 121]
)
def test_a_line_is_one_line_that_says_something(text: str) -> None:
    with pytest.raises(Refused) as caught:
        texts.line("title", text, max_chars=120)
    assert caught.value.code is Code.INVALID_PAYLOAD and caught.value.fields and "title" in caught.value.fields


@pytest.mark.parametrize("text", ["x" * 120, "<b>7b</b>", "数学 👩‍🏫", "O'Brien\u00a0%_"])
def test_a_line_is_kept_without_the_space_around_it(text: str) -> None:
    assert texts.line("title", f"  {text}\n", max_chars=120) == text


def test_a_remark_may_say_nothing_but_not_pretend() -> None:
    for nothing in (None, "", "  \n"):
        assert texts.remark("note", nothing, max_chars=10) == ""
    for bad in ("\u200b", "x" * 11, "a\x00", "\ud800"):
        with pytest.raises(Refused):
            texts.remark("note", bad, max_chars=10)
    assert texts.remark("note", "two\nlines", max_chars=10) == "two\nlines"


@pytest.mark.parametrize("name", ["ada", "ada.lovelace", "a_b-c", "Zoë", "李雷", "x" * 40, "007"])
def test_a_username_is_kept_as_typed(name: str) -> None:
    assert texts.username(f" {name} ") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "x" * 41, "a\x00", "a@b", "a/b", "<b>", "a\u200bb", "\u202eada", "\ud800"]
)
def test_a_username_is_made_of_letters_digits_and_three_signs(name: str) -> None:
    with pytest.raises(Refused) as caught:
        texts.username(name)
    assert caught.value.code is Code.INVALID_PAYLOAD


@pytest.mark.parametrize(
    ("one", "same"),
    [("Ada", "ADA"), ("straße", "STRASSE"), ("ﬁn", "fin"), ("e\u0301va", "Éva"), ("Ⅳ", "iv"), ("ａｄａ", "ada")],
)
def test_two_usernames_that_look_the_same_are_the_same(one: str, same: str) -> None:
    assert texts.username_key(one) == texts.username_key(same)
    assert texts.username_key(one) != texts.username_key("somebody-else")


@pytest.mark.parametrize("value", ["a", "A-z_09", "x" * 64])
def test_a_client_id_is_taken(value: str) -> None:
    assert texts.client_id(value, max_chars=64) == value


@pytest.mark.parametrize(
    "value", ["", "x" * 65, "a b", "ä", "😀", "a\n", "a\x00", "٣", {}, [], 7, None, True, 1.5, b"a"]
)
def test_anything_else_is_no_client_id(value: object) -> None:
    with pytest.raises(Refused) as caught:
        texts.client_id(value, max_chars=64)
    assert caught.value.code is Code.INVALID_PAYLOAD


HOSTILE = ["a!", "a ", "\u0301", "aa", "._-", "@a", "a\u200b", "\n", "\ufb03", "é!"]


@pytest.mark.parametrize("unit", HOSTILE)
def test_no_validator_takes_more_than_linear_time(unit: str) -> None:
    """Ten times the text may take thirty times as much CPU; a backtracking expression would take a hundred times."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        best = 1.0
        for _ in range(5):
            began = time.thread_time()
            for check in CHECKS:
                try:
                    check(text)
                except Refused:
                    continue
            best = min(best, time.thread_time() - began)
        return best

    short, long = seconds(5_000), seconds(50_000)
    assert long < 30 * max(short, 0.0005)


CHECKS = (
    lambda text: texts.body(text, max_chars=10**9, max_bytes=10**9),
    lambda text: texts.line("title", text, max_chars=10**9),
    lambda text: texts.remark("note", text, max_chars=10**9),
    texts.username,
    texts.username_key,
    lambda text: texts.client_id(text, max_chars=10**9),
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_what_is_too_long_is_refused_by_its_length_alone(unit: str) -> None:
    text = unit * 50_000
    for check in (
        lambda: texts.body(text, max_chars=CHARS, max_bytes=BYTES),
        lambda: texts.client_id(text, max_chars=64),
        lambda: texts.remark("note", f"a{text}", max_chars=500),
        lambda: texts.line("title", f"a{text}a", max_chars=120),
    ):
        with pytest.raises(Refused):
            check()
