"""What requests need of the running process, which the composition root puts into the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flask import current_app

from chatapp.domain.actor import Actor

EXTENSION = "chatapp"
SERVING = frozenset({"ready", "degraded"})
"""States in which a process should get work."""


class SendOutcome(Protocol):
    """A message that stands in the log, as JSON, and whether it stood there before."""

    @property
    def message(self) -> bytes: ...
    @property
    def duplicate(self) -> bool: ...


class Sends(Protocol):
    """The process's committer, for a caller that waits."""

    def submit_and_wait(
        self, actor: Actor, *, room_id: str, client_id: str, within: float | None = None, **content: str
    ) -> SendOutcome:
        """Store a message with `body` or `file_id`, or raise Refused; unavailable when it is not known to stand
        after so many seconds. Hold no database session meanwhile."""
        ...


class Runtime(Protocol):
    """The running process."""

    @property
    def sends(self) -> Sends: ...

    def readiness(self) -> tuple[str, Sequence[str]]:
        """The state, `ready`, `degraded` or another, and the reasons for it."""
        ...

    def worker_id(self) -> str:
        """The lease that it serves by; empty without one."""
        ...

    def figures(self) -> Mapping[str, tuple[str, float]]:
        """Name -> (what it counts, its value now)."""
        ...


def sends() -> Sends:
    """The committer of the current app's process."""
    return _runtime().sends


def readiness() -> tuple[str, Sequence[str]]:
    """Whether the current app's process should get work, and why not."""
    return _runtime().readiness()


def figures() -> Mapping[str, tuple[str, float]]:
    """What the current app's process can say of itself in numbers."""
    return _runtime().figures()


def worker_id() -> str:
    """Which worker the current app's process is; empty when it is none."""
    return _runtime().worker_id()


def _runtime() -> Runtime:
    runtime: Runtime = current_app.extensions[EXTENSION]
    return runtime
