"""Which of the user's notifications are news: a connect brings the newest page of them anew, with what was missed."""

from __future__ import annotations

from typing import Any

from chatapp_client.things import Notification


class News:
    """Pure bookkeeping."""

    def __init__(self) -> None:
        self._told = 0

    def fresh(self, name: str, data: dict[str, Any]) -> list[Notification]:
        """Take what /notifications says: the notifications that were not here before, in their order."""
        if name == "notifications":
            self._told = min(self._told, data["head"])  # a restored school counts anew
        items = {"notification": [data], "notifications": data.get("items", [])}.get(name, [])
        fresh = [item for item in reversed(items) if item["seq"] > self._told]
        if fresh:
            self._told = fresh[-1]["seq"]
        return fresh
