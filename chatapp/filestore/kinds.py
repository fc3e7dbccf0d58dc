"""The allow list: the kinds of file that a class needs. What is not here is not taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What is done with a file before it is kept: pictures are made anew, packages looked into, texts read through."""

    PICTURE = "picture"
    PACKAGE = "package"
    TEXT = "text"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Kind:
    """`suffixes` are the endings that a name of this kind may have; the first is given to a name without one."""

    media_type: str
    suffixes: tuple[str, ...]
    family: Family = Family.PLAIN


PNG = Kind("image/png", ("png",), Family.PICTURE)
JPEG = Kind("image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), Family.PICTURE)
GIF = Kind("image/gif", ("gif",), Family.PICTURE)
WEBP = Kind("image/webp", ("webp",), Family.PICTURE)
PDF = Kind("application/pdf", ("pdf",))
TEXT = Kind("text/plain", ("txt", "md", "csv", "tsv", "log", "tex", "bib", "srt", "vtt", "json"), Family.TEXT)
RTF = Kind("application/rtf", ("rtf",))

_OOXML = "application/vnd.openxmlformats-officedocument"
DOCX = Kind(f"{_OOXML}.wordprocessingml.document", ("docx",), Family.PACKAGE)
XLSX = Kind(f"{_OOXML}.spreadsheetml.sheet", ("xlsx",), Family.PACKAGE)
PPTX = Kind(f"{_OOXML}.presentationml.presentation", ("pptx",), Family.PACKAGE)
_ODF = "application/vnd.oasis.opendocument"
ODT = Kind(f"{_ODF}.text", ("odt",), Family.PACKAGE)
ODS = Kind(f"{_ODF}.spreadsheet", ("ods",), Family.PACKAGE)
ODP = Kind(f"{_ODF}.presentation", ("odp",), Family.PACKAGE)
ODG = Kind(f"{_ODF}.graphics", ("odg",), Family.PACKAGE)
DOC = Kind("application/msword", ("doc",))
XLS = Kind("application/vnd.ms-excel", ("xls",))
PPT = Kind("application/vnd.ms-powerpoint", ("ppt",))

MP3 = Kind("audio/mpeg", ("mp3",))
M4A = Kind("audio/mp4", ("m4a",))
AAC = Kind("audio/aac", ("aac",))
OGG_AUDIO = Kind("audio/ogg", ("ogg", "oga", "opus"))
WAV = Kind("audio/wav", ("wav",))
FLAC = Kind("audio/flac", ("flac",))
MP4 = Kind("video/mp4", ("mp4", "m4v"))
QUICKTIME = Kind("video/quicktime", ("mov",))
THREE_GP = Kind("video/3gpp", ("3gp",))
WEBM = Kind("video/webm", ("webm",))
OGG_VIDEO = Kind("video/ogg", ("ogv",))

KINDS = (
    PNG, JPEG, GIF, WEBP, PDF, TEXT, RTF, DOCX, XLSX, PPTX, ODT, ODS, ODP, ODG, DOC, XLS, PPT,
    MP3, M4A, AAC, OGG_AUDIO, WAV, FLAC, MP4, QUICKTIME, THREE_GP, WEBM, OGG_VIDEO,
)  # fmt: skip
BY_SUFFIX = {suffix: kind for kind in KINDS for suffix in kind.suffixes}
BY_MEDIA_TYPE = {kind.media_type: kind for kind in KINDS}

ACCEPTED = ",".join(["image/jpeg", "image/png", *(f".{suffix}" for suffix in BY_SUFFIX)])
"""For a page's chooser. Named by their media types, photos come out of a phone as JPEG, whatever it keeps them in."""


def is_inline(media_type: str) -> bool:
    """Whether a browser shows it where it stands. Everything else it saves."""
    return media_type.startswith(("image/", "audio/", "video/"))
