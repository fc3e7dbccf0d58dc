"""What may go wrong, as exceptions."""

from __future__ import annotations

from typing import Any

RETRYABLE = frozenset({"rate_limited", "unavailable", "internal"})
"""Codes of the contract that say nothing about the next try. REST does not say so beside them."""


class Refused(Exception):
    """The server said no. `code` is of the contract; `error` is all that it told."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.error = error
        self.code: str = error.get("code", "internal")
        self.retryable: bool = error.get("retryable", self.code in RETRYABLE)
        self.retry_after: float | None = error.get("retry_after")
        super().__init__(f"{self.code}: {error.get('message') or error.get('detail')}")


class NoAnswer(Exception):
    """Nothing came back: the outcome is unknown."""


class SignedOut(Exception):
    """The session has ended, or the password is wrong: only signing in again helps."""


class CodeNeeded(SignedOut):
    """The password was right, and this account has a second step: sign in again with `otp`, the code of its app."""
