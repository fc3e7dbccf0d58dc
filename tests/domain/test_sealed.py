"""Sealed secrets: open for their owner under the same key, and for nobody else."""

from __future__ import annotations

import base64

import pytest

from chatapp.domain.sealed import Seal, UnreadableError

KEY, OTHER = "4hVgq0ZkT2mXw9RbYc7PdLs1JfNuE8aQ", "Wb3xK6tHr1ZoU5yMv0SgCq9EjDn2FpLi"


def test_a_secret_comes_back_to_its_owner() -> None:
    sealed = Seal(KEY).close(b"a secret", owner="ada")
    assert Seal(KEY).open(sealed, owner="ada") == b"a secret"
    assert b"a secret" not in base64.b64decode(sealed)
    assert sealed != Seal(KEY).close(b"a secret", owner="ada"), "the same secret twice does not look the same"


def test_nobody_else_opens_it() -> None:
    sealed = Seal(KEY).close(b"a secret", owner="ada")
    raw = bytearray(base64.b64decode(sealed))
    raw[-1] ^= 1
    for seal, text, owner in (
        (Seal(OTHER), sealed, "ada"),
        (Seal(KEY), sealed, "ben"),
        (Seal(KEY), base64.b64encode(raw).decode(), "ada"),
        (Seal(KEY), "", "ada"),
        (Seal(KEY), "no base64!", "ada"),
    ):
        with pytest.raises(UnreadableError):
            seal.open(text, owner=owner)
