"""The way of a file from a request into a room: received, recognised, looked at, kept, and only then a row.

Whatever happens in between, nothing half-made is seen: bytes without a row are nobody's, and the sweep takes them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from flask import Flask, current_app

from chatapp.contract.errors import Code, Refused
from chatapp.db import is_outage
from chatapp.domain import files
from chatapp.domain.actor import Actor
from chatapp.domain.passwords import call
from chatapp.filestore import names
from chatapp.filestore.examination import Examiner, Picture
from chatapp.filestore.folder import Folder, room_on_disk
from chatapp.filestore.incoming import Incoming, Received, measured, write
from chatapp.filestore.kinds import Family, Kind
from chatapp.filestore.patience import Patience
from chatapp.filestore.scanner import Scanner, ScannerDown
from chatapp.filestore.sniffing import kind_of
from chatapp.filestore.store import FolderStore, Store
from config import Settings

MAX_AT_ONCE = 256
"""Uploads under way in this process; each holds a connection and some hundred KiB."""

SMALL = ".small"
EXTENSION = "chatapp.uploads"

log = structlog.get_logger(__name__)


class Uploads:
    """The folders, the store and the helpers of one app. `run` calls a function that blocks, off the loop if there is
    one; the serving process puts its thread pool there."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.run: Callable[..., Any] = call
        self.incoming = Folder(settings.upload_dir / "incoming")
        self.quarantine = Folder(settings.upload_dir / "quarantine")
        self._kept = Folder(settings.upload_dir / "files")
        self.store = _store(settings, self._kept)
        self.max_bytes = settings.limit_file_bytes
        self._examiner = Examiner(max_pixels=settings.limit_pixels)
        self._scanner = Scanner(settings.scanner) if settings.scanner else None
        self._scanner_required = settings.scanner_required
        self._places = threading.BoundedSemaphore(MAX_AT_ONCE)
        app.extensions[EXTENSION] = self

    def prepare(self) -> None:
        """Make the folders, if they are not there."""
        for folder in (self.incoming, self.quarantine, self._kept):
            folder.prepare()

    def take(
        self,
        actor: Actor,
        *,
        room_id: str,
        name: str | None,
        blocks: Iterable[bytes],
        key: str | None,
        patience: Patience,
    ) -> files.Added:
        """Make a file of `blocks`; `patience` begins when all have come. Raises what is wrong with it, or with who
        brings it; unavailable when there was no time, and then the same again is welcome."""
        name = names.checked(name)
        if not self._places.acquire(blocking=False):
            raise Refused(Code.UNAVAILABLE, "Too many uploads at once.", retry_after=2)
        try:
            with room_on_disk(), self._desk() as new:
                received = self._receive(new(), blocks)
                patience.begin()
                stands = files.known(actor, room_id=room_id, key=key, given_sha256=received.sha256)
                if stands is not None:
                    return files.Added(stands, duplicate=True)
                return self._keep(actor, room_id, name, received, key, new, patience)
        finally:
            self._places.release()

    @contextmanager
    def _desk(self) -> Iterator[Callable[[], Incoming]]:
        """Makes files for incoming bytes. What was not kept is gone in the end."""
        self.run(self.prepare)
        made: list[Incoming] = []

        def new() -> Incoming:
            made.append(Incoming(*self.run(self.incoming.create)))
            return made[-1]

        try:
            yield new
        finally:
            for each in made:
                each.file.close()
                self.run(self.incoming.remove, each.name)

    def _receive(self, incoming: Incoming, blocks: Iterable[bytes]) -> Received:
        digest = hashlib.sha256()
        size = 0
        for block in blocks:
            size += len(block)
            if size > self.max_bytes:
                raise Refused(Code.TOO_LARGE, f"A file has at most {self.max_bytes} bytes.")
            self.run(write, incoming, digest, block)
        self.run(incoming.file.flush)
        return Received(incoming, size, digest.hexdigest())

    def _keep(
        self,
        actor: Actor,
        room_id: str,
        name: str,
        received: Received,
        key: str | None,
        new: Callable[[], Incoming],
        patience: Patience,
    ) -> files.Added:
        file = received.incoming.file
        kind: Kind = self.run(kind_of, file, name.casefold().rpartition(".")[2])
        self._must_be_clean(actor, room_id, received.incoming, patience)
        kept, small, picture = received, None, None
        if kind.family is Family.PACKAGE:
            kind = self._examiner.package(patience, file.fileno())
        elif kind.family is Family.PICTURE:
            made, small = new(), new()
            picture = self._examiner.picture(patience, kind, file.fileno(), made.file.fileno(), small.file.fileno())
            kept = self.run(measured, made)
        return self._store_all(
            actor, room_id, kept, small, _row(names.fitting(name, kind), kind, kept, received, picture, key)
        )

    def _store_all(
        self, actor: Actor, room_id: str, kept: Received, small: Incoming | None, row: dict[str, Any]
    ) -> files.Added:
        """The bytes, then the row. When there is no row in the end, the bytes go again."""
        storage_key = secrets.token_hex(20)
        thumbnail_key = storage_key + SMALL if small is not None else None
        keys = [(kept.incoming, storage_key)] + ([(small, storage_key + SMALL)] if small is not None else [])
        try:
            for incoming, stored_as in keys:
                self.run(self._put, incoming, stored_as)
            added = files.add(
                actor, room_id=room_id, kept=files.Kept(storage_key=storage_key, thumbnail_key=thumbnail_key, **row)
            )
        except Exception as fault:
            if not is_outage(fault):  # whether a COMMIT that nobody answered was one, the sweep will see
                self.delete([stored_as for _, stored_as in keys])
            raise
        if added.duplicate:
            self.delete([stored_as for _, stored_as in keys])
        return added

    def _put(self, incoming: Incoming, stored_as: str) -> None:
        incoming.file.flush()
        os.fsync(incoming.file.fileno())
        self.store.put(self.incoming, incoming.name, stored_as)

    def delete(self, keys: Iterable[str]) -> None:
        """Take bytes away that nobody's row names."""
        for each in keys:
            self.run(self.store.delete, each)

    def _must_be_clean(self, actor: Actor, room_id: str, incoming: Incoming, patience: Patience) -> None:
        """Raises content_rejected for what the scanner knows; unavailable while it gives no verdict, if it must."""
        if self._scanner is None:
            return
        try:
            found = self._scanner.scan(incoming.file, patience.left())
        except ScannerDown as fault:
            log.error("scanner_down", fault=str(fault), let_in=not self._scanner_required)
            if self._scanner_required:
                raise Refused(Code.UNAVAILABLE, "Files cannot be checked at the moment.", retry_after=30) from fault
            return
        if found is not None:
            kept_as = secrets.token_hex(20)
            self.run(self.quarantine.take, self.incoming, incoming.name, kept_as)
            log.warning("upload_quarantined", found=found, user=actor.user_id, room=room_id, kept_as=kept_as)
            raise Refused(Code.CONTENT_REJECTED, "The virus scanner does not let this file in.")


def current() -> Uploads:
    """The uploads of the app that handles the current request."""
    uploads: Uploads = current_app.extensions[EXTENSION]
    return uploads


def _row(
    name: str, kind: Kind, kept: Received, received: Received, picture: Picture | None, key: str | None
) -> dict[str, Any]:
    return {
        "name": name,
        "media_type": kind.media_type,
        "size": kept.size,
        "sha256": kept.sha256,
        "given_sha256": received.sha256,
        "width": picture and picture.width,
        "height": picture and picture.height,
        "key": key,
    }


def _store(settings: Settings, kept: Folder) -> Store:
    if not settings.s3_bucket:
        return FolderStore(kept)
    from chatapp.filestore.s3 import Bucket, BucketStore

    return BucketStore(
        Bucket(
            name=settings.s3_bucket,
            prefix=settings.s3_prefix,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            key_id=settings.s3_access_key_id,
            secret=settings.s3_secret_access_key,
        )
    )
