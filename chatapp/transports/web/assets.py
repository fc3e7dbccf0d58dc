"""Scripts, styles and pictures of the pages, under an address that changes with them, so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory, url_for

FOLDER = Path(__file__).resolve().parents[2] / "static"
TRANSLATIONS = FOLDER.parent / "translations"
FOR_EVER = "public, max-age=31536000, immutable"

blueprint = Blueprint("assets", __name__, url_prefix="/assets")

_squeezed: dict[tuple[str, str], bytes] = {}


@blueprint.get("/<version>/<path:name>")
def serve(version: str, name: str) -> Response:
    """One file. Asked for under another version (a worker before or after an update), it is not to be kept."""
    response = send_from_directory(FOLDER, name)
    response.headers["Cache-Control"] = FOR_EVER if version == current_version() else "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return squeezed(response, name)


def squeezed(response: Response, name: str) -> Response:
    """`response` with gzip, if its browser takes that. Each file is compressed once a process, not once a reader."""
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or not request.accept_encodings["gzip"] or "Range" in request.headers:
        return response
    response.direct_passthrough = False
    key = (current_version(), name)
    if key not in _squeezed:
        _squeezed[key] = gzip.compress(response.get_data(), 9, mtime=0)
    response.set_data(_squeezed[key])
    response.headers["Content-Encoding"] = "gzip"
    return response


def url(name: str) -> str:
    """The address of one file. Modules import each other by relative paths, and so stay in one version."""
    return url_for("assets.serve", version=current_version(), name=name)


@cache
def modules(*folders: str) -> list[str]:
    """The names of all scripts in `folders`, so that a page can ask for them at once instead of one after another."""
    return [f"{folder}/{path.name}" for folder in folders for path in sorted((FOLDER / folder).glob("*.js"))]


@cache
def current_version() -> str:
    """A digest over all files and catalogues, made once a process."""
    digest = hashlib.sha256()
    for folder in (FOLDER, TRANSLATIONS):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
