"""Django Channels as its tutorial shows a chat, on uvicorn, with every message stored by the ORM.

The channel layer is the one in memory, which is quicker than Redis and does for one process; it has room for what would
otherwise be dropped. SQLite is set as Django's documentation recommends for a server,
and its connection is kept.
"""

import json
import os
from pathlib import Path
from typing import Any

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a benchmark guards nothing",
    INSTALLED_APPS=["channels"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "CONN_MAX_AGE": None,
            "NAME": Path(os.environ["BENCH_FOLDER"]) / "channels.db",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            },
        }
    },
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 100_000}}},
    USE_TZ=True,
)
django.setup()

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.db import connection, models
from django.urls import path


class Message(models.Model):
    """What somebody said."""

    room = models.CharField(max_length=64, db_index=True)
    sender = models.CharField(max_length=64)
    client_id = models.CharField(max_length=64)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A module of its own, and no migrations."""

        app_label = "chat"


with connection.schema_editor() as editor:
    if Message._meta.db_table not in connection.introspection.table_names():
        editor.create_model(Message)
connection.close()


class ChatConsumer(AsyncWebsocketConsumer):
    """One member of a room."""

    async def connect(self) -> None:
        """Join the room's group."""
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"event": "welcome"}))

    async def disconnect(self, code: int) -> None:
        """Leave it."""
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        """Store a message, tell the group, acknowledge it."""
        data = json.loads(text_data)
        stored = await self._store(data["client_id"], data["body"])
        message = {
            "id": f"{self.room}.{stored.pk}",
            "room_id": self.room,
            "seq": stored.pk,
            "type": "text",
            "sender": {"id": self.channel_name, "username": "student", "display_name": "A student", "role": "student"},
            "client_id": stored.client_id,
            "body": stored.body,
            "created_at": stored.created_at.isoformat(),
        }
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "message": message})
        await self.send(text_data=json.dumps({"ref": data["ref"], "ok": True, "seq": stored.pk}))

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Pass on what the group was told."""
        await self.send(text_data=json.dumps({"event": "message", "data": event["message"]}))

    @database_sync_to_async
    def _store(self, client_id: str, body: str) -> Message:
        return Message.objects.create(room=self.room, sender=self.channel_name[:64], client_id=client_id, body=body)


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("ws/chat/<str:room>/", ChatConsumer.as_asgi())])}
)
