"""What a file may be called. A name says nothing about the content, but where the file is saved it is believed."""

from __future__ import annotations

import re
import unicodedata

from chatapp.contract.errors import Code, Refused, invalid
from chatapp.filestore.kinds import BY_SUFFIX, Kind

MAX_CHARS = 200

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)
_UNSAFE = frozenset('<>:"|?*\\/')
"""What Windows takes for a path, a stream (`name::$DATA`) or a pattern."""

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the reading direction: `photo\u202egnp.exe` reads as a picture."""

_RUNS = frozenset((
    "app", "apk", "bash", "bat", "bin", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe", "gadget", "hta", "htm",
    "html", "inf", "ins", "iso", "jar", "js", "jse", "lnk", "mht", "mhtml", "mjs", "msc", "msi", "msp", "pht", "phtml",
    "php", "phar", "pif", "pl", "ps1", "py", "pyc", "rb", "reg", "scf", "scr", "sct", "sh", "svg", "svgz", "swf", "url",
    "vb", "vbe", "vbs", "ws", "wsf", "wsh", "xht", "xhtml", "xml", "xsl",
))  # fmt: skip
"""Suffixes that some system runs, or some browser renders, wherever in a name they stand."""


def checked(name: str | None) -> str:
    """A name as it was sent, without a path. Raises invalid_payload, unsupported_media_type."""
    name = unicodedata.normalize("NFC", (name or "").replace("\\", "/").rpartition("/")[2])
    if not name.strip():
        raise invalid("file", "It has no name.")
    if len(name) > MAX_CHARS:
        raise invalid("file", f"Its name has more than {MAX_CHARS} characters.")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        raise invalid("file", "Its name has control characters.")
    *_, suffix = name.casefold().rpartition(".")
    if name[-1] in ". " or _UNSAFE & set(name) or _TURNING & set(name) or _DEVICE.fullmatch(name):
        raise unsupported("A file of this name is not taken.")
    if _RUNS & set(name.casefold().split(".")[1:]) or ("." in name[1:] and suffix not in BY_SUFFIX):
        raise unsupported("Files that end like this are not taken.")
    return name


def fitting(name: str, kind: Kind) -> str:
    """`name` with a suffix of what the file is: where it is saved, the name decides what opens it."""
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and suffix.casefold() in kind.suffixes:
        return name
    return f"{stem if dot and stem else name}.{kind.suffixes[0]}"


def unsupported(message: str) -> Refused:
    """The refusal of a file for what it is."""
    return Refused(Code.UNSUPPORTED_MEDIA_TYPE, message)
