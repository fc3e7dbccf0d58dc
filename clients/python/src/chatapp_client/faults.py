"""What may go wrong, as exceptions."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The server said no. `code` is of the contract; `error` is all that it told."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.error = error
        self.code: str = error.get("code", "internal")
        self.retryable: bool = error.get("retryable", "retry_after" in error)
        self.retry_after: float | None = error.get("retry_after")
        super().__init__(f"{self.code}: {error.get('message') or error.get('detail')}")


class NoAnswer(Exception):
    """Nothing came back: the outcome is unknown."""


class SignedOut(Exception):
    """The session has ended, or the password is wrong: only signing in again helps."""
