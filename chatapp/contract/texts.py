"""What people type, checked once for every way in and every database: one validator before any storage.

Texts are stored verbatim; only usernames have a second, folded form for comparing.
"""

from __future__ import annotations

import re
import unicodedata

from chatapp.contract.errors import Code, Refused, invalid

MAX_MARKS = 10
"""Combining marks on one base; more is a stack that covers its neighbours."""

USERNAME = re.compile(r"[\w.\-]{1,40}")
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_LINE_CONTROLS = frozenset("\n\t\r")


def body(text: str, *, max_chars: int, max_bytes: int) -> str:
    """A message's body as it may be stored. Raises too_large, invalid_payload."""
    if len(text) > max_chars:
        raise Refused(Code.TOO_LARGE, f"A message has at most {max_chars} characters.", fields={"body": ["too long"]})
    if len(text.encode(errors="replace")) > max_bytes:
        raise Refused(Code.TOO_LARGE, f"A message has at most {max_bytes} bytes.", fields={"body": ["too long"]})
    return _checked("body", text, multiline=True)


def line(field: str, text: str, *, max_chars: int) -> str:
    """One line that must say something: a title, a display name. Raises invalid_payload."""
    text = text.strip()
    if len(text) > max_chars:
        raise invalid(field, f"At most {max_chars} characters.")
    return _checked(field, text, multiline=False)


def remark(field: str, text: str | None, *, max_chars: int) -> str:
    """A text that may be left empty: a note, a reason, a description. Raises invalid_payload."""
    if text is None or not text.strip():
        return ""
    if len(text) > max_chars:
        raise invalid(field, f"At most {max_chars} characters.")
    return _checked(field, text, multiline=True)


def username(text: str) -> str:
    """A username as typed: letters, digits, `_`, `.` and `-`. Raises invalid_payload."""
    text = unicodedata.normalize("NFC", text.strip())
    if not USERNAME.fullmatch(text) or "\x00" in text:
        raise invalid("username", "Use 1 to 40 letters, digits, dots, dashes or underscores.")
    return text


def username_key(text: str) -> str:
    """What makes two usernames the same: NFKC and casefold (Unicode UAX #15, and section 3.13 of the standard)."""
    folded = unicodedata.normalize("NFKC", text.strip()).casefold()
    return unicodedata.normalize("NFKC", folded)


def client_id(text: object, *, max_chars: int) -> str:
    """A client's own id of a send. Raises invalid_payload."""
    if not isinstance(text, str) or len(text) > max_chars or not CLIENT_ID.fullmatch(text):
        raise invalid("client_id", f"1 to {max_chars} of A-Z, a-z, 0-9, _ and -.")
    return text


def _checked(field: str, text: str, *, multiline: bool) -> str:
    if text.isascii() and text.isprintable():
        if not text.strip():
            raise invalid(field, "Write something.")
        return text
    return _checked_unicode(field, text, multiline=multiline)


def _checked_unicode(field: str, text: str, *, multiline: bool) -> str:
    visible = False
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            marks += 1
            if marks > MAX_MARKS:
                raise invalid(field, f"More than {MAX_MARKS} marks on one letter.")
            continue
        if category != "Cf":  # an invisible character would part a stack of marks for us, and for no eye
            marks = 0
        if category == "Cc" and not (multiline and char in _LINE_CONTROLS):
            raise invalid(field, "Control characters are not allowed.")
        if category in ("Zl", "Zp") and not multiline:
            raise invalid(field, "One line only.")
        if category == "Cs":
            raise invalid(field, "Not valid Unicode text.")
        if category not in _INVISIBLE and char not in _BLANK:
            visible = True
    if not visible:
        raise invalid(field, "Write something.")
    return text


_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""
