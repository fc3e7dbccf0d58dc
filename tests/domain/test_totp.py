"""One-time codes against the RFCs' own tables."""

from __future__ import annotations

import pytest

from chatapp.domain import totp
from chatapp.transports.web import qr_picture

RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("count", "code"), [(0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314"), (9, "520489")]
)
def test_codes_are_those_of_rfc_4226(count: int, code: str) -> None:
    assert totp.code(RFC_SECRET, count) == code


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(moment: int, code: str) -> None:
    assert totp.code(RFC_SECRET, totp.step_at(moment)) == code


def test_a_clock_may_be_half_a_minute_wrong_and_no_code_counts_twice() -> None:
    moment, here = 1_000_000.0, totp.step_at(1_000_000)
    for step in (here - 1, here, here + 1):
        assert totp.matching_step(RFC_SECRET, totp.code(RFC_SECRET, step), moment=moment, after=0) == step
        assert totp.matching_step(RFC_SECRET, totp.code(RFC_SECRET, step), moment=moment, after=step) is None
    for step in (here - 2, here + 2):
        assert totp.matching_step(RFC_SECRET, totp.code(RFC_SECRET, step), moment=moment, after=0) is None


@pytest.mark.parametrize("given", ["", "12345", "1234567", "٣٣٣٣٣٣", "abcdef", "12 456", "１２３４５６", "\ud800" * 6])
def test_what_is_no_code_matches_nothing(given: str) -> None:
    assert totp.matching_step(RFC_SECRET, given, moment=59, after=0) is None


def test_what_an_app_reads_fits_into_a_picture_whatever_the_name() -> None:
    assert totp.uri(RFC_SECRET, "ada") == (
        "otpauth://totp/chatapp:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=chatapp"
    )
    for name in ("x" * 40, "數" * 40, "ﬁ.ä-" * 10):
        assert qr_picture.svg(totp.uri(RFC_SECRET, name)).startswith("<svg")


def test_secrets_differ_and_are_as_long_as_the_rfc_asks() -> None:
    assert len({totp.new_secret() for _ in range(50)}) == 50 and len(totp.new_secret()) == 20
