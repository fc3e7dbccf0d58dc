"""A sign-in: holds the refresh token, renews the access token when one is asked for, and speaks REST with it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Self, TypedDict

import aiohttp

from chatapp_client.faults import NoAnswer, Refused, SignedOut
from chatapp_client.things import User

MARGIN_SECONDS = 60.0
ANSWER_SECONDS = 15.0
TRIES = 5


class Kept(TypedDict):
    """What to keep, so that a program need not sign in again."""

    user: User
    refresh_token: str


class Session:
    """Made by `sign_in`, or from what an earlier one kept. `changed` is called before a new pair is used: the old
    refresh token, used twice, would end the session."""

    def __init__(self, url: str, kept: Kept, *, changed: Callable[[Kept], object] = lambda kept: None) -> None:
        self.url = url.rstrip("/")
        self.kept = kept
        self._changed = changed
        self._token = ""
        self._good_until = 0.0
        self._renewing = asyncio.Lock()
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    async def sign_in(
        cls, url: str, username: str, password: str, *, changed: Callable[[Kept], object] = lambda kept: None
    ) -> Self:
        """Sign in with a password. Raises SignedOut for a wrong name or password, Refused, NoAnswer."""
        session = cls(
            url, {"user": User(id="", username=username, display_name="", role="student"), "refresh_token": ""}
        )
        try:
            session._hold(await session._post("/api/auth/login/", {"username": username, "password": password}))
        except BaseException:
            await session.close()
            raise
        session._changed = changed
        changed(session.kept)
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
        """A token that is good for a while; renewed once, however many ask. Raises SignedOut, Refused, NoAnswer."""
        async with self._renewing:
            if not self._token or time.monotonic() >= self._good_until:
                told = await self._post("/api/auth/refresh/", {"refresh_token": self.kept["refresh_token"]})
                self._hold(told)
                self._changed(self.kept)
            return self._token

    def forget(self) -> None:
        """Do not use this token again: the server did not take it."""
        self._token = ""

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One REST request; the answer's JSON. Raises Refused, NoAnswer, SignedOut."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        return await self._request(method, path, body, headers)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _hold(self, told: dict[str, Any]) -> None:
        self.kept = {"user": told["user"], "refresh_token": told["refresh_token"]}
        seconds = float(told["expires_in"])
        self._token = told["access_token"]
        self._good_until = time.monotonic() + max(seconds - MARGIN_SECONDS, seconds / 2)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """For tokens: what is retryable says nothing about the credentials."""
        for _ in range(TRIES):
            try:
                return dict(await self._request("POST", path, body, {}))
            except Refused as refusal:
                if refusal.code == "unauthorized":
                    raise SignedOut(str(refusal)) from None
                if refusal.retry_after is None:
                    raise
                await asyncio.sleep(refusal.retry_after)
        raise NoAnswer(f"{path} was not to be had")

    async def _request(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        try:
            async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
                raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise NoAnswer(f"{method} {path}: {type(fault).__name__}") from fault
        told = json.loads(raw) if raw and "json" in answer.content_type else None
        if answer.status >= 400:
            raise Refused(told if isinstance(told, dict) else {"code": "internal", "message": str(answer.status)})
        return told
