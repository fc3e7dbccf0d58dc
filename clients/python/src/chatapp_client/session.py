"""A sign-in: holds the refresh token, renews the access token when one is asked for, and speaks REST with it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import time
from collections.abc import Callable
from typing import Any, NotRequired, Self, TypedDict

import aiohttp

from chatapp_client.faults import CodeNeeded, NoAnswer, Refused, SignedOut
from chatapp_client.things import User

MARGIN_SECONDS = 60.0
ANSWER_SECONDS = 15.0
TRIES = 5
PATIENCE_SECONDS = 60.0
"""A server that asks to wait longer is not asked again here: that is for the caller to decide."""


class Device(TypedDict):
    """What is good beyond the session: it says to the next sign-in that this device is known."""

    device_token: NotRequired[str]


class Kept(Device):
    """What to keep, so that a program need not sign in again, and is known when it has to."""

    user: User
    refresh_token: str


Changed = Callable[[Kept], object]
"""Is given what to keep; what it returns is awaited, when it can be."""


class Session:
    """Made by `sign_in`, or from what an earlier one kept. `changed` is called before a new pair is used: the old
    refresh token, used twice, would end the session."""

    def __init__(self, url: str, kept: Kept, *, changed: Changed = lambda kept: None) -> None:
        self.url = url.rstrip("/")
        self.kept = kept
        self._changed = changed
        self._token = ""
        self._good_until = 0.0
        self._renewal: asyncio.Task[str] | None = None
        self._closing = asyncio.Event()
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    async def sign_in(
        cls,
        url: str,
        username: str,
        password: str,
        *,
        otp: str | None = None,
        kept: Device | None = None,
        changed: Changed = lambda kept: None,
    ) -> Self:
        """Sign in with a password, and with the code of an app where the account has a second step. `kept` is what an
        earlier session kept, over as it may be: the server knows this device by it, and lets it in while others guess
        at the account or from the same address. Raises CodeNeeded, SignedOut for a wrong name or password, Refused,
        NoAnswer."""
        asked = {"username": username, "password": password}
        if otp:
            asked["otp"] = otp
        nobody = Kept(user=User(id="", username=username, display_name="", role="student"), refresh_token="")
        if kept is not None and kept.get("device_token"):
            nobody["device_token"] = asked["device_token"] = kept["device_token"]
        session = cls(url, nobody, changed=changed)
        try:
            await session._hold(await session._post("/api/auth/login/", asked))
        except BaseException:
            await session.close()
            raise
        return session

    @property
    def my_id(self) -> str:
        """The signed-in user's id."""
        return self.kept["user"]["id"]

    @property
    def refresh_in(self) -> float:
        """Seconds until a new token should be put under a live connection."""
        return max(1.0, self._good_until - time.monotonic())

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connections, shared by REST and sockets."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        return self._http

    async def token(self) -> str:
        """A token that is good for a while; renewed once, however many ask. Raises SignedOut, Refused, NoAnswer.

        Who stops waiting does not stop the renewal: a pair that was given and is not kept would end the session.
        """
        if self._token and time.monotonic() < self._good_until:
            return self._token
        if self._renewal is None:
            self._renewal = asyncio.ensure_future(self._renew())
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    def forget(self, token: str | None = None) -> None:
        """Do not use this token again: the server did not take it. With `token`, only if it is still that one."""
        if token in (None, self._token):
            self._token = ""

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One REST request; the answer's JSON. Where the token is not taken, it is sent once more with a new one.
        Raises Refused, NoAnswer, SignedOut."""
        token = await self.token()
        try:
            return await self._request(method, path, body, token)
        except Refused as refusal:
            if refusal.code != "unauthorized":
                raise
        self.forget(token)
        return await self._request(method, path, body, await self.token())

    async def close(self) -> None:
        """Let go of the connections, and of a renewal as soon as its pair is kept."""
        if self._renewal is not None:
            self._closing.set()
            await asyncio.wait({self._renewal})
            self._closing.clear()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _renew(self) -> str:
        return await self._hold(await self._post("/api/auth/refresh/", {"refresh_token": self.kept["refresh_token"]}))

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # nobody may be waiting for it any more

    async def _hold(self, told: dict[str, Any]) -> str:
        """Keep what is to be kept, then use the token."""
        kept = Kept(user=told["user"], refresh_token=told["refresh_token"])
        device_token = told.get("device_token") or self.kept.get("device_token")
        if device_token:
            kept["device_token"] = device_token
        self.kept = kept
        done = self._changed(kept)
        if inspect.isawaitable(done):
            await done
        seconds = float(told["expires_in"])
        self._token = str(told["access_token"])
        self._good_until = time.monotonic() + max(seconds - MARGIN_SECONDS, seconds / 2)
        return self._token

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """For tokens: what is retryable says nothing about the credentials."""
        for tried in range(1, TRIES + 1):
            try:
                told = await self._request("POST", path, body)
            except Refused as refusal:
                if refusal.code == "unauthorized":
                    raise _signed_out(refusal) from None
                wait = refusal.retry_after
                if wait is None or wait > PATIENCE_SECONDS or tried == TRIES:
                    raise
                await self._sleep(wait)
            else:
                if not isinstance(told, dict) or "refresh_token" not in told:
                    raise NoAnswer(f"{path}: what answers there is not chatapp")
                return told
        raise AssertionError("the last try returns or raises")

    async def _sleep(self, seconds: float) -> None:
        """Unless the session is closed meanwhile. Raises NoAnswer then."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
            raise NoAnswer("closed")

    async def _request(self, method: str, path: str, body: dict[str, Any] | None, token: str | None = None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
                raw = await answer.read()
            told = json.loads(raw) if raw and "json" in answer.content_type else None
        except (aiohttp.ClientError, ValueError, OSError) as fault:
            raise NoAnswer(f"{method} {path}: {type(fault).__name__}") from fault
        if answer.status >= 400:
            raise Refused(told if isinstance(told, dict) else {"code": "internal", "message": str(answer.status)})
        return told


def _signed_out(refusal: Refused) -> SignedOut:
    needs_code = "otp" in refusal.error.get("errors", {})
    return CodeNeeded(str(refusal)) if needs_code else SignedOut(str(refusal))
