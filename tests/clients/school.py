"""A school that plays tricks: what a session of the Python client meets at its door, and a real server does not do on
demand. It keeps the contract's rule that a refresh token is good once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

BEN = {"id": "u", "username": "ben", "display_name": "Ben", "role": "student"}
DEVICE = "the-device-token"
Json = dict[str, Any]


def problem(status: int, code: str, **more: Any) -> web.Response:
    """A refusal of the contract."""
    return web.json_response({"code": code, "detail": code, "status": status, **more}, status=status)


class School:
    """`login` and `refresh` may be answers in place of its own, one for each request; `slow` holds renewals."""

    def __init__(self) -> None:
        self.url = ""
        self.logins: list[Json] = []
        self.refreshed = 0
        self.sockets = 0
        self.login: list[web.Response] = []
        self.refresh: list[web.Response] = []
        self.good: str | None = None
        """The one access token that requests are taken with; None: whichever was given last."""
        self.silent = False
        """Its sockets open, and then say nothing."""
        self.slow = asyncio.Event()
        self.slow.set()
        self.asked = asyncio.Event()
        self._given = 0
        self._ended = False

    def tokens(self, **more: Any) -> Json:
        """The next pair."""
        self._given += 1
        pair = {"access_token": f"access-{self._given}", "refresh_token": f"refresh-{self._given}", "expires_in": 3600}
        return {"user": BEN, **pair, **more}

    async def sign_in(self, request: web.Request) -> web.Response:
        self.logins.append(await request.json())
        return self.login.pop(0) if self.login else web.json_response(self.tokens(device_token=DEVICE))

    async def renew(self, request: web.Request) -> web.Response:
        self.refreshed += 1
        if self.refresh:
            return self.refresh.pop(0)
        shown = (await request.json())["refresh_token"]
        self._ended = self._ended or shown != f"refresh-{self._given}"
        if self._ended:
            return problem(401, "unauthorized")
        answer = web.json_response(self.tokens())
        self.asked.set()
        await self.slow.wait()
        return answer

    async def show(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        taken = token == (self.good or f"access-{self._given}")
        return web.json_response({"token": token}) if taken else problem(401, "unauthorized")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """It opens, and says goodbye instead of hello."""
        self.sockets += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.silent:
            await socket.receive()
        await socket.close(code=1012)
        return socket


@asynccontextmanager
async def a_school() -> AsyncIterator[School]:
    """One, on a free port of this event loop."""
    school = School()
    app = web.Application()
    app.router.add_post("/api/auth/login/", school.sign_in)
    app.router.add_post("/api/auth/refresh/", school.renew)
    app.router.add_get("/socket.io/", school.socket)
    app.router.add_get("/thing/", school.show)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        school.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield school
    finally:
        await runner.cleanup()


def run(test: Coroutine[Any, Any, None], *, debug: bool = False) -> None:
    """In an event loop of a thread of its own, for this one may have the loop of a browser; and not for ever."""

    async def running() -> None:
        await asyncio.wait_for(test, 30)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, running(), debug=debug).result()
