"""One process for one SQLite file: the in-process queue and the one write lock know of no other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

from chatapp.serving.errors import CannotStartError


@contextmanager
def only_process(database_url: str) -> Iterator[None]:
    """Hold the lock file beside an SQLite file; nothing for other databases. The system frees it when we die.

    The CLI does not take it: what it writes reaches a running server by its poll. Raises CannotStartError.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    try:
        descriptor = os.open(f"{url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotStartError(f"cannot lock {url.database}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStartError(f"another process is serving {url.database}; SQLite is for one") from None
        yield
    finally:
        os.close(descriptor)
