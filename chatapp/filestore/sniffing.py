"""What a file is, by its content alone: neither its name nor what the client says of it counts.

The signatures are puremagic's. What is sure is only what a file is not; whoever shows one must still say `nosniff`.
"""

from __future__ import annotations

import codecs
import re
from typing import IO

import puremagic

from chatapp.filestore import kinds
from chatapp.filestore.kinds import Kind
from chatapp.filestore.names import unsupported

HEAD = 64 * 1024
BLOCK = 256 * 1024

_BY_SIGNATURE = {
    ".png": kinds.PNG, ".jpg": kinds.JPEG, ".jpeg": kinds.JPEG, ".jfif": kinds.JPEG, ".jpe": kinds.JPEG,
    ".gif": kinds.GIF, ".webp": kinds.WEBP, ".pdf": kinds.PDF, ".rtf": kinds.RTF,
    ".doc": kinds.DOC, ".mp3": kinds.MP3, ".mpga": kinds.MP3, ".m4a": kinds.M4A, ".f4a": kinds.M4A,
    ".aac": kinds.AAC, ".ogg": kinds.OGG_AUDIO, ".oga": kinds.OGG_AUDIO, ".opus": kinds.OGG_AUDIO,
    ".ogv": kinds.OGG_AUDIO, ".wav": kinds.WAV, ".flac": kinds.FLAC, ".mp4": kinds.MP4, ".m4v": kinds.MP4,
    ".mov": kinds.QUICKTIME, ".3gp": kinds.THREE_GP, ".3ga": kinds.THREE_GP, ".3gpp": kinds.THREE_GP,
    ".webm": kinds.WEBM,
}  # fmt: skip
"""By puremagic's name for a signature. The old office files share one."""

_OLD_OFFICE = {"xls": kinds.XLS, "ppt": kinds.PPT}
_MARKUP = re.compile(rb"<[a-z!?%/]|#!", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def kind_of(file: IO[bytes], suffix: str) -> Kind:
    """The kind of a seekable file; of a package, only that it is one. Raises unsupported_media_type.

    `suffix`, of its name, decides between the three old office formats alone, which share their container.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        raise unsupported("The file is empty.")
    encoding = _encoding(head)
    if encoding is not None and not head.startswith((b"%PDF-", b"{\\rtf")):
        _must_be_harmless_text(file, encoding)
        return kinds.TEXT
    return _by_signature(head, suffix)


def _by_signature(head: bytes, suffix: str) -> Kind:
    if head.startswith(b"PK\x03\x04"):
        return kinds.DOCX
    try:
        # Without what stands at the end: anybody can put the end of a PDF behind a program.
        matches = [match for match in puremagic.magic_string(head) if match.offset >= 0]
    except puremagic.PureError:
        matches = []
    best = max((match.confidence for match in matches), default=0)
    found = next((_BY_SIGNATURE.get(m.extension) for m in matches if m.confidence == best), None)
    if found is None:
        raise unsupported("Files of this kind are not taken.")
    if found is kinds.DOC:
        return _OLD_OFFICE.get(suffix, kinds.DOC)
    if found is kinds.OGG_AUDIO and (b"theora" in head[:512] or b"video/" in head[:512]):
        return kinds.OGG_VIDEO
    return found


def _encoding(head: bytes) -> str | None:
    """The encoding of what may be a text, by its beginning."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if b"\0" in head:
        return None
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        text = head.decode("cp1252", "replace")
        return None if _CONTROLS.search(text) or "\ufffd" in text else "cp1252"
    return None if _CONTROLS.search(text) else "utf-8"


def _must_be_harmless_text(file: IO[bytes], encoding: str) -> None:
    """Read it through: a text to its end, and nothing that a browser or a shell would take for a program."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    begin = True
    try:
        while block := file.read(BLOCK):
            text = decoder.decode(block)
            if _CONTROLS.search(text):
                raise unsupported("Files of this kind are not taken.")
            if begin and (first := text.lstrip("\ufeff \t\r\n\f")):
                begin = False
                if _MARKUP.match(first[:2].encode(errors="replace")):
                    raise unsupported("Web pages, drawings in SVG and scripts are not taken.")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise unsupported("This is no text.") from None
