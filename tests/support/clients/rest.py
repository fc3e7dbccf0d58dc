"""A thin REST client: a verb for each row of the contract, an answer that says what came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from tests.support.clients import contract

TIMEOUT = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is JSON when it was any."""

    status: int
    body: Any
    headers: Any
    asked: str

    def ok(self, *statuses: int) -> Any:
        """The body of a success (one of `statuses`, when given)."""
        good = self.status in statuses if statuses else self.status < 300
        assert good, f"{self.asked} answered {self.status}: {self.body}"
        return self.body

    @property
    def code(self) -> str:
        """ "ok", or the code of the refusal."""
        return "ok" if self.status < 300 else str(self.body["code"])


class Rest:
    """The API at `url`, as the holder of `token` (a function, so that it is asked for late) or as nobody."""

    def __init__(self, url: str, token: Callable[[], str] | None = None) -> None:
        self.url = url
        self.token = token
        self.session = requests.Session()
        self.session.trust_env = False  # it would read os.environ at each request, which pytest changes meanwhile

    def call(self, method: str, path: str, json: Any = None, *, token: str | None = None, **kwargs: Any) -> Answer:
        """One request. `token` replaces the holder's; "" sends none."""
        bearer = token if token is not None else self.token() if self.token else ""
        headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **kwargs.pop("headers", {})}
        response = self.session.request(
            method, self.url + path, json=json, headers=headers, timeout=TIMEOUT, allow_redirects=False, **kwargs
        )
        is_json = "json" in response.headers.get("Content-Type", "")
        body = response.json() if is_json and response.content else response.content
        asked = f"{method} {path}"
        if "problem+json" in response.headers.get("Content-Type", ""):
            contract.problem(self, asked, response.status_code, body)
        return Answer(response.status_code, body, response.headers, asked)

    def get(self, path: str, **params: Any) -> Answer:
        return self.call("GET", path, params=params)

    def post(self, path: str, json: Any = None) -> Answer:
        return self.call("POST", path, {} if json is None else json)

    # Accounts

    def register(self, username: str, password: str, **more: str) -> Answer:
        return self.post("/api/auth/register/", {"username": username, "password": password, **more})

    def login(self, username: str, password: str) -> Answer:
        return self.post("/api/auth/login/", {"username": username, "password": password})

    def refresh(self, refresh_token: str) -> Answer:
        return self.post("/api/auth/refresh/", {"refresh_token": refresh_token})

    def logout(self) -> Answer:
        return self.post("/api/auth/logout/")

    def ticket(self) -> str:
        return str(self.post("/api/auth/ticket/").ok()["ticket"])

    # Rooms

    def create_room(self, title: str = "Class", **more: Any) -> dict[str, Any]:
        return dict(self.post("/api/chat/create/", {"title": title, **more}).ok(201))

    def room(self, room_id: str) -> dict[str, Any]:
        return dict(self.get(f"/api/chat/{room_id}/").ok(200))

    def update_room(self, room_id: str, **changes: Any) -> Answer:
        return self.call("PATCH", f"/api/chat/{room_id}/", changes)

    def close(self, room_id: str) -> Answer:
        return self.post(f"/api/chat/{room_id}/close/")

    def reopen(self, room_id: str) -> Answer:
        return self.post(f"/api/chat/{room_id}/reopen/")

    def leave(self, room_id: str) -> Answer:
        return self.post(f"/api/chat/{room_id}/leave/")

    def participants(self, room_id: str) -> list[dict[str, Any]]:
        return self._all(f"/api/chat/{room_id}/participants/")

    # Lobby

    def knock(self, room_id: str, note: str | None = None) -> Answer:
        return self.post(f"/api/chat/{room_id}/join/", {} if note is None else {"note": note})

    def withdraw(self, room_id: str) -> Answer:
        return self.call("DELETE", f"/api/chat/{room_id}/join/")

    def my_request(self, room_id: str) -> Answer:
        return self.get(f"/api/chat/{room_id}/join/")

    def requests(self, room_id: str, **params: Any) -> list[dict[str, Any]]:
        return self._all(f"/api/chat/{room_id}/requests/", **params)

    def approve(self, room_id: str, **selector: Any) -> Answer:
        return self.post(f"/api/chat/{room_id}/approve/", selector)

    def deny(self, room_id: str, **selector: Any) -> Answer:
        return self.post(f"/api/chat/{room_id}/deny/", selector)

    def remove(self, room_id: str, user_id: str, **more: Any) -> Answer:
        return self.post(f"/api/chat/{room_id}/remove/", {"user_id": user_id, **more})

    # Messages

    def send(self, room_id: str, client_id: str, body: str) -> Answer:
        return self.post(f"/api/chat/{room_id}/messages/", {"client_id": client_id, "body": body})

    def say(self, room_id: str, *bodies: str) -> None:
        """Send these texts, one after the other. Waits as long as it is told to when it was too fast: how fast that is
        depends on the machine."""
        for body in bodies:
            client_id = uuid4().hex
            while (answer := self.send(room_id, client_id, body)).status == 429:
                time.sleep(float(answer.body["retry_after"]))
            answer.ok(201)

    def messages(self, room_id: str, **params: Any) -> Answer:
        return self.get(f"/api/chat/{room_id}/messages/", **params)

    def room_log(self, room_id: str) -> list[dict[str, Any]]:
        """The whole log, from 1 to its head."""
        log: list[dict[str, Any]] = []
        while True:
            page = self.messages(room_id, after=log[-1]["seq"] if log else 0, limit=200).ok(200)
            log += page["items"]
            if not page["has_more"]:
                return log

    # Notifications

    def notifications(self) -> list[dict[str, Any]]:
        return self._all("/api/notifications/")

    def mark_read(self, **which: Any) -> Answer:
        return self.post("/api/notifications/read/", which)

    def _all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=100, **({"cursor": cursor} if cursor else {}), **params).ok(200)
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items
