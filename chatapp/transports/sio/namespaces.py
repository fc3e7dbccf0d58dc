"""The namespaces: who may connect, and what each declares. Commands are dispatched by the gate.

`connect` fails closed: whatever goes wrong in it refuses. `disconnect` only notes the fact, for it may run inside
another connection's emit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from flask_socketio import ConnectionRefusedError as Refusal
from flask_socketio import Namespace

from chatapp.contract.commands import COMMANDS
from chatapp.contract.errors import Code, Refused
from chatapp.contract.names import CHAT, NOTIFICATIONS
from chatapp.db import is_outage

Admit = Callable[[str, str, object, str], None]
"""(Engine.IO sid, namespace, auth, address): admit this connection to a namespace. Raises Refused."""

Leave = Callable[[str, str], None]
"""(Engine.IO sid, namespace): note that a connection has left a namespace. Must not block."""

log = structlog.get_logger(__name__)


class GatedNamespace(Namespace):
    """Handlers registered with the library are `connect` and `disconnect` only; `commands` are for the gate.

    They are called without a request's context: nothing behind them asks Flask who is asking, and to make one, with
    its session and its routes, was a fifteenth of what a connection costs.
    """

    def __init__(self, namespace: str, admit: Admit, leave: Leave) -> None:
        super().__init__(namespace)  # type: ignore[no-untyped-call]
        self._admit = admit
        self._leave = leave
        self.commands = frozenset(name for name, spec in COMMANDS.items() if namespace in spec.namespaces)

    def trigger_event(self, event: str, sid: str, *details: Any) -> None:
        """`connect` with the handshake's WSGI environment and the CONNECT packet's auth, `disconnect` with a reason.
        Raises Refusal."""
        if event == "connect":
            environ, auth = details
            self.on_connect(sid, environ.get("REMOTE_ADDR", ""), auth)
        elif event == "disconnect":
            self._leave(self._eio_sid(sid), self.namespace)

    def on_connect(self, sid: str, address: str, auth: object) -> None:
        """Admit or refuse."""
        try:
            self._admit(self._eio_sid(sid), self.namespace, auth, address)
        except Refused as refusal:
            raise _refusal(refusal) from None
        except Exception as fault:
            log.exception("connect_failed")
            raise _refusal(
                Refused(Code.UNAVAILABLE, retry_after=1) if is_outage(fault) else Refused(Code.INTERNAL)
            ) from fault

    def _eio_sid(self, sid: str) -> str:
        server: Any = self.server
        return str(server.manager.eio_sid_from_sid(sid, self.namespace))


class ChatNamespace(GatedNamespace):
    """/chat: rooms, messages, the lobby."""

    def __init__(self, admit: Admit, leave: Leave) -> None:
        super().__init__(CHAT, admit, leave)


class NotificationsNamespace(GatedNamespace):
    """/notifications: what a user should know, wherever they are."""

    def __init__(self, admit: Admit, leave: Leave) -> None:
        super().__init__(NOTIFICATIONS, admit, leave)


def _refusal(refusal: Refused) -> Refusal:
    """Two arguments: a dict alone would arrive as text, without `data`."""
    return Refusal(refusal.code.value, refusal.as_socket_error())
