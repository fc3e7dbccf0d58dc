"""A member of a class on chatapp-client for Python, told what to do line by line: see driver.py.

python member.py async|sync '{"url", "username", "password", "room", "kept"}'
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any

from chatapp_client import aio, events, sync
from chatapp_client.faults import Refused
from chatapp_client.session import Session


def say(kind: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **fields}) + "\n")
    sys.stdout.flush()


def tell(event: events.Event) -> None:
    match event:
        case events.Said(message, fresh):
            say("said", seq=message["seq"], body=message["body"], code=message["code"], fresh=fresh)
        case events.Inside():
            say("inside")
        case events.Outside(_, pending):
            say("outside", pending=pending)
        case events.State(state, why):
            say("state", state=state, why=why)


async def on_asyncio(asked: dict[str, Any]) -> None:
    session = await Session.sign_in(
        asked["url"], asked["username"], asked["password"], kept=asked["kept"], changed=lambda kept: say("kept", **kept)
    )
    async with aio.Client(session) as client:
        room = client.room(asked["room"])

        async def listen() -> None:
            async for event in room.events():
                tell(event)

        async def send(body: str) -> None:
            try:
                await room.send(body)
                say("stood", body=body)
            except Refused as refusal:
                say("failed", body=body, code=refusal.code)

        tasks = {asyncio.ensure_future(listen())}
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            if order["op"] == "send":
                tasks.add(asyncio.ensure_future(send(order["body"])))
            elif order["op"] == "knock":
                await room.command("join_request_create")
                room.come_back()
        for task in tasks:
            task.cancel()


def in_threads(asked: dict[str, Any]) -> None:
    with sync.Client.sign_in(
        asked["url"], asked["username"], asked["password"], kept=asked["kept"], changed=lambda kept: say("kept", **kept)
    ) as client:
        room = client.room(asked["room"])

        def listen() -> None:
            for event in room.events():
                tell(event)

        def send(body: str) -> None:
            try:
                room.send(body)
                say("stood", body=body)
            except Refused as refusal:
                say("failed", body=body, code=refusal.code)

        threading.Thread(target=listen, daemon=True).start()
        for line in sys.stdin:
            order = json.loads(line)
            if order["op"] == "send":
                threading.Thread(target=send, args=(order["body"],), daemon=True).start()
            elif order["op"] == "knock":
                room.command("join_request_create")
                room.come_back()


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    if sys.argv[1] == "async":
        asyncio.run(on_asyncio(given))
    else:
        in_threads(given)
