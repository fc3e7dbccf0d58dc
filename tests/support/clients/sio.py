"""The Socket.IO client for Python as a wire: over WebSocket, over long-polling, or upgrading from one to the other."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import engineio
import requests
import socketio

from tests.support.clients.member import Member
from tests.support.clients.wire import CHAT, Answered, Data, Wire
from tests.support.people import Person

TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}


class InOrderEngine(engineio.Client):
    """Handles packets in the thread that read them. The library gives each packet a thread, which loses their order."""

    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        return super()._trigger_event(event, *args, **{**kwargs, "run_async": False})


class InOrderClient(socketio.Client):
    """A Socket.IO client that hands over events and acks in the order of the wire."""

    def _engineio_client_class(self) -> type[engineio.Client]:
        return InOrderEngine


class SioWire(Wire):
    """One Socket.IO client on one of `TRANSPORTS`, reconnecting by itself as the library does."""

    def __init__(
        self,
        person: Person,
        transport: str = "websocket",
        *,
        namespaces: tuple[str, ...] = (CHAT,),
        client: type[socketio.Client] = InOrderClient,
    ) -> None:
        self.person = person
        self.transports = TRANSPORTS[transport]
        self.namespaces = namespaces
        self.token = lambda: person.token
        self.client = client
        self.up: set[str] = set()
        self.down = threading.Event()
        self.down.set()
        self.sio = self._new_client()

    def _new_client(self) -> socketio.Client:
        # With trust_env each request reads os.environ, which pytest changes meanwhile: a poll died of it.
        session = requests.Session()
        session.trust_env = False
        sio = self.client(handle_sigint=False, reconnection_delay=0.1, reconnection_delay_max=0.5, http_session=session)
        for namespace in self.namespaces:
            self._register(sio, namespace)
        return sio

    def _register(self, sio: socketio.Client, namespace: str) -> None:
        """Listen to `sio` while it is the one in use: a poll under way may bring news of a connection that was cut."""

        def current(heard: Callable[..., None]) -> Callable[..., None]:
            return lambda *arguments: heard(*arguments) if sio is self.sio else None

        sio.on("connect", current(lambda: self._connected(namespace)), namespace=namespace)
        sio.on("disconnect", current(lambda reason: self._disconnected(namespace, reason)), namespace=namespace)
        sio.on("connect_error", current(self._refused), namespace=namespace)
        sio.on("*", current(self._event), namespace=namespace)

    def _connected(self, namespace: str) -> None:
        self.up.add(namespace)
        if self.up == set(self.namespaces):
            self.down.clear()
            self.listener.on_connect()

    def _disconnected(self, namespace: str, reason: str) -> None:
        was_up = self.up == set(self.namespaces)
        self.up.discard(namespace)
        if was_up:
            self._shut()
            self.listener.on_disconnect(reason)
            self.down.set()

    def _refused(self, error: Any) -> None:
        data = error.get("data") if isinstance(error, dict) else None
        self.listener.on_refused(data if isinstance(data, dict) else {"code": None, "raw": error})

    def _event(self, name: str, data: Any) -> None:
        self.listener.on_event(name, data)

    def connect(self) -> None:
        self.sio.reconnection = True
        with contextlib.suppress(socketio.exceptions.ConnectionError, ValueError):
            # A refusal is told by connect_error, which keeps its data; ValueError: the library is at it by itself.
            self.sio.connect(
                self.person.url,
                auth=lambda: {"token": self.token()},
                namespaces=list(self.namespaces),
                transports=self.transports,
                wait=False,
            )

    def command(self, name: str, data: Data, answered: Answered, namespace: str = CHAT) -> None:
        with contextlib.suppress(socketio.exceptions.BadNamespaceError):
            self.sio.emit(name, data, namespace=namespace, callback=answered)

    def enter(self, room_id: str, resume: Data, answered: Answered) -> None:
        self.command("room_enter", {"room_id": room_id, **resume}, answered)

    def reload(self) -> None:
        self.cut()
        self.connect()

    def cut(self) -> None:
        self.sio.reconnection = False
        engine = self.sio.eio
        if engine.current_transport == "websocket":
            self._wake()
        else:
            self._abandon(engine)
        assert self.down.wait(10), "still connected after the cut"
        self.sio = self._new_client()

    def _wake(self) -> None:
        """Cut the WebSocket under its reader, who notices."""
        with contextlib.suppress(OSError, AttributeError):
            self.sio.eio.ws.sock.shutdown(socket.SHUT_RDWR)

    def _shut(self) -> None:
        """Close the WebSocket; the library would forget it open."""
        self._wake()
        with contextlib.suppress(OSError, AttributeError):
            self.sio.eio.ws.shutdown()

    def close(self) -> None:
        self.sio.reconnection = False
        self._abandon(self.sio.eio)
        self._shut()

    def _abandon(self, engine: engineio.Client) -> None:
        engine.disconnect(abort=True)
        engine.queue.put(None)  # or its writer waits a quarter of a minute for more, and then complains


def sio_member(person: Person, transport: str = "websocket", **options: Any) -> Member:
    """`person` on the Python client, not yet connected."""
    return Member(person, SioWire(person, transport, **options))
