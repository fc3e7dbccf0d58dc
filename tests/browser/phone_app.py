"""The authenticator app on somebody's phone."""

from __future__ import annotations

import base64
import time

from chatapp.domain import totp


class PhoneApp:
    """Knows the key that was typed into it."""

    def __init__(self, key: str) -> None:
        self._secret = base64.b32decode(key.strip())
        self._last = 0

    def code(self) -> str:
        """Six digits that were not shown before, for each is good once. The next one is taken half a minute early; only
        who asks for more has to wait."""
        self._last = max(self._last + 1, totp.step_at(time.time()))
        while self._last > totp.step_at(time.time()) + totp.WINDOW:
            time.sleep(0.2)
        return totp.code(self._secret, self._last)
