"""The sweep: files that no message shows any more, and bytes that no row names. Safe to run at any time and twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from chatapp.domain import files
from chatapp.filestore.folder import Folder
from chatapp.transports.uploads import Uploads

ORPHAN_SECONDS = 3600.0
"""Younger bytes may be an upload between file and row."""

QUARANTINED = 20
QUARANTINE_SECONDS = 30 * 86400.0
PAGE = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """How many files were dropped that no message showed, and how many stored or incoming bytes that nobody owned;
    `missing` are the files whose bytes are gone, which nothing here can bring back."""

    drafts: int
    orphans: int
    missing: list[str]


def sweep(uploads: Uploads, *, drafts_older_than: float, orphans_older_than: float = ORPHAN_SECONDS) -> Swept:
    """Once over everything."""
    uploads.run(uploads.prepare)
    drafts = _drop_drafts(uploads, drafts_older_than)
    stored: dict[str, float] = dict(uploads.run(lambda: list(uploads.store.entries())))
    orphans = 0
    old = (name for name, age in stored.items() if age > orphans_older_than)
    while page := list(islice(old, PAGE)):
        unowned = files.without_row(page)
        uploads.delete(unowned)
        orphans += len(unowned)
    orphans += uploads.run(_clear, uploads.incoming, orphans_older_than)
    uploads.run(_clear, uploads.quarantine, QUARANTINE_SECONDS, QUARANTINED)
    return Swept(drafts, orphans, [key for key in _all_keys() if key not in stored])


def _drop_drafts(uploads: Uploads, older_than: float) -> int:
    dropped = 0
    while keys := files.drop_drafts(older_than=older_than, limit=PAGE):
        uploads.delete(keys)
        dropped += sum(1 for key in keys if "." not in key)
    return dropped


def _all_keys() -> Iterator[str]:
    page = files.all_keys(limit=PAGE)
    while page:
        yield from page
        page = files.all_keys(after=page[-1], limit=PAGE)


def _clear(folder: Folder, older_than: float, most: int = 0) -> int:
    """Take away what is older, and with `most` what is more than that."""
    found = sorted(folder.entries(), key=lambda entry: entry[1])
    gone = [name for n, (name, age) in enumerate(found) if age > older_than or (most and n >= most)]
    for name in gone:
        folder.remove(name)
    return len(gone)
