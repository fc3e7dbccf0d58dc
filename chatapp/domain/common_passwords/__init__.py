"""The passwords that thieves try first. The list is somebody else's work: `source.json` says whose, and its hash."""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import cache
from pathlib import Path

WORDS = frozenset({
    "administrator", "chatapp", "class", "classroom", "lehrer", "lehrerin", "lehrkraft", "passwort", "password",
    "pupil",
    "schueler", "schule", "school", "schüler", "schülerin", "student", "students", "teacher", "teachers", "unterricht",
    "welcome", "willkommen",
})  # fmt: skip
"""What is guessed at a school before anything else."""

FILE = Path(__file__).with_name("common-passwords.txt.gz")


def is_common(password: str) -> bool:
    """Whether it is one of them, however capitalised, or a word of every school with digits and signs around it."""
    plain = unicodedata.normalize("NFKC", password).casefold().strip()
    return plain in _known() or re.sub(r"[\W\d_]", "", plain) in WORDS


@cache
def _known() -> frozenset[str]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)
