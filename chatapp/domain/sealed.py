"""Secrets that have to be read again, sealed for the database: AES-256-GCM under a key made from SECRET_KEY. Passwords
and codes, which only have to be compared, are hashed instead."""

from __future__ import annotations

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class UnreadableError(Exception):
    """Sealed under another key, for another owner, or damaged."""


class Seal:
    """What is sealed for one owner opens for no other."""

    def __init__(self, secret_key: str) -> None:
        self._key = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"chatapp sealed secrets").derive(secret_key.encode()))

    def close(self, secret: bytes, *, owner: str) -> str:
        """`secret` as text to store."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._key.encrypt(nonce, secret, owner.encode())).decode()

    def open(self, sealed: str, *, owner: str) -> bytes:
        """What was sealed. Raises UnreadableError."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as fault:
            raise UnreadableError from fault


_current: list[Seal] = []


def use(seal: Seal) -> None:
    """Seal with this from now on, in this process."""
    _current[:] = [seal]


def current() -> Seal:
    """The seal in force."""
    return _current[0]
