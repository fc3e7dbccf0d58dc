"""Stand-ins for whatever differs from one run to the next: ids, times, tokens. The same thing always gets the same one,
so that a recorded lesson can be compared with what is committed, and reads as one story."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from chatapp.contract.ids import _ALPHABET, ID

MOMENT = "2026-09-07T08:15:00.000Z"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJleGFtcGxlIn0.bm90LWEtc2lnbmF0dXJl"
FIXED: dict[str, Any] = {
    "access_token": TOKEN,
    "refresh_token": TOKEN,
    "token": TOKEN,
    "device_token": "WyJleGFtcGxlIl0.aqXyUA.bm90LWEtc2lnbmF0dXJl",
    "ticket": "q3hV8sYk2mXw9RbYc7PdLs1JfNuE8aQ0",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "setup_key": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "uri": "otpauth://totp/chatapp:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=chatapp",
    "recovery_codes": ["k7m2px-4wznhc-3dtq8v-e5rjya", "9hc3dt-q8vek7-m2px4w-znh5rj"],
    "request_id": "3f0c9a7e5b1d4c2a",
    "join_code": "QWERTZ",
    "cursor": "WyJleGFtcGxlIl0",
    "next_cursor": "WyJleGFtcGxlIl0",
    "closes_in": 60.0,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "size": 2048,
    "sid": "worker1.lv_VI97HAXpY6yYWAAAB",
    "retry_after": 1.0,
    "expires_at": 1788768900.0,
    "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}
_IDS = re.compile(rf"(?<![A-Za-z0-9]){ID.pattern}(?![A-Za-z0-9])")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


class StandIns:
    """Gives them out in the order in which it meets what they stand for."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def of(self, value: Any, key: str = "") -> Any:
        """`value` with stand-ins; nothing else is changed."""
        if isinstance(value, dict):
            return {name: self.of(each, name) for name, each in value.items()}
        if isinstance(value, list) and key not in FIXED:
            return [self.of(each) for each in value]
        if key == "otp" and isinstance(value, str) and value.isdigit():
            return "287082"
        if key == "otp" and isinstance(value, str):
            return "k7m2px-4wznhc-3dtq8v-e5rjya"
        if isinstance(value, str) and value.startswith("chatapp_"):
            return "chatapp_pjw4mhs9u2c7k5ybetzf_Zk2mXw9RbYc7PdLs1JfNuE8aQ4hVgq0sT6oUiMvCyDx"
        if value is not None and key in FIXED and not (key == "expires_at" and isinstance(value, str)):
            return FIXED[key]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """The same for what may stand anywhere in a text."""
        text = _JWT.sub(TOKEN, _TIME.sub(MOMENT, text))
        return _IDS.sub(lambda found: self._ids.setdefault(found[0], _id(len(self._ids))), text)


def _id(number: int) -> str:
    digest = hashlib.sha256(f"example {number}".encode()).digest()
    return "".join(_ALPHABET[byte % 32] for byte in digest[:20])
