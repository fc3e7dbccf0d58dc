"""Whether a signing key could be guessed."""

import re
from itertools import pairwise

KNOWN_WORDS = re.compile(
    r"change|me|dev|elopment|secret|super|key|pass(word|phrase)|default|example|test|insecure|production|jwt|flask|django"
    r"|your|this|please|replace|not|safe|random|string|token|chatapp|admin|todo|qwerty|letmein|a(?=secret)|[^a-z0-9]"
)
PUBLISHED_KEYS = ("192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",)  # Flask's own documentation


def weakness(key: str) -> str | None:
    """What is wrong with a signing key, as the rest of a sentence; None for one that may be random."""
    if not key:
        return "is required"
    if len(key.encode("utf-8", "surrogateescape")) < 32:
        return "must have 32 bytes or more"
    if key in PUBLISHED_KEYS or len(KNOWN_WORDS.sub("", key.lower())) < 16:
        return "must not be made of well-known words"
    steps = sum(abs(ord(a) - ord(b)) <= 1 for a, b in pairwise(key))
    if len(set(key)) < 8 or key in (key + key)[1:-1] or steps > len(key) / 2:
        return "must be random, not a pattern"
    return None
