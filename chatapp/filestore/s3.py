"""Kept files in a bucket of anything that speaks S3. Its client is Rust: it waits without the interpreter's lock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from chatapp.contract.errors import Code, Refused
from chatapp.filestore.folder import NAME, Folder, NotThere

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where it is and who we are there. `prefix` is ours alone: what lies under it without a row is swept away."""

    name: str
    prefix: str
    endpoint: str
    region: str
    key_id: str
    secret: str = field(repr=False)


class BucketStore:
    """Files under `prefix`, by their random names."""

    def __init__(self, bucket: Bucket) -> None:
        self._store = S3Store(
            bucket.name,
            prefix=bucket.prefix,
            config={
                **({"endpoint": bucket.endpoint} if bucket.endpoint else {}),
                "region": bucket.region,
                "access_key_id": bucket.key_id,
                "secret_access_key": bucket.secret,
                "virtual_hosted_style_request": not bucket.endpoint,
            },
            client_options={
                "timeout": timedelta(seconds=5),  # of one request: a large file goes up in parts, side by side
                "connect_timeout": timedelta(seconds=2),
                "allow_http": bucket.endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=3)},
        )

    def put(self, incoming: Folder, name: str, new_name: str) -> None:
        with incoming.open(name) as file, _answering():
            obstore.put(self._store, new_name, file)
        incoming.remove(name)

    def read(self, name: str, start: int, length: int) -> bytes:
        with _answering():
            return bytes(obstore.get_range(self._store, name, start=start, length=length))

    def size(self, name: str) -> int:
        with _answering():
            return int(obstore.head(self._store, name)["size"])

    def delete(self, name: str) -> None:
        with suppress(NotThere), _answering():
            obstore.delete(self._store, name)

    def entries(self) -> Iterator[tuple[str, float]]:
        moment = time.time()
        with _answering():
            for page in obstore.list(self._store):
                for found in page:
                    if NAME.fullmatch(found["path"]):
                        yield found["path"], moment - found["last_modified"].timestamp()


@contextmanager
def _answering() -> Iterator[None]:
    """The client's faults in our words."""
    try:
        yield
    except FileNotFoundError as fault:
        raise NotThere from fault
    except BaseError as fault:
        log.error("file_store_failed", fault=type(fault).__name__)
        raise Refused(Code.UNAVAILABLE, "The file store does not answer.", retry_after=5) from fault
