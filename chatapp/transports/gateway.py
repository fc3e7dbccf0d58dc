"""A socket's command on its way: limit, validate, authorise, operate, acknowledge. Nothing fails silently.

The packet gate and the plain WebSocket hand over here what they have parsed; what a command does is `operations`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from marshmallow import ValidationError

from chatapp import meters, worklog
from chatapp.contract.commands import COMMANDS, CommandSpec
from chatapp.contract.errors import Code, Refused
from chatapp.contract.names import Command
from chatapp.contract.words import Bye
from chatapp.db import is_outage
from chatapp.domain import sessions
from chatapp.domain.messages import Sent
from chatapp.realtime.buckets import Buckets
from chatapp.realtime.connection import Connection
from chatapp.realtime.outgoing import Ack, Bundle, Outgoing
from chatapp.transports.apart import Apart, here
from chatapp.transports.operations import Call, Operations
from chatapp.transports.sends import Sends

Ref = int | str | None
Refresh = Callable[[Connection, str], dict[str, Any]]
"""(connection, token) -> what the ack of `token_refresh` carries. Raises unauthorized, or PermissionError for a token
of somebody else."""

log = structlog.get_logger(__name__)


class Gateway:
    """`refresh` is the door's; everything else is asked of the domain, each time anew. `apart` is where what asks the
    database at once is done."""

    def __init__(
        self, operations: Operations, sends: Sends, packets: Buckets, refresh: Refresh, apart: Apart = here
    ) -> None:
        self._operations = operations
        self._sends = sends
        self._packets = packets
        self._refresh = refresh
        self.apart = apart
        self._flooding: set[str] = set()

    def dispatch(self, connection: Connection, namespace: str, name: str, data: dict[str, Any], ref: Ref) -> None:
        """Carry a command out and acknowledge it, if it has a `ref`. Never raises."""
        started = time.monotonic()
        wait = self._packets.take(connection.id)
        if wait:
            refuse(connection, namespace, ref, Refused(Code.RATE_LIMITED, "Too many commands.", retry_after=wait))
            if connection.id not in self._flooding:  # one line for a flood, not a flood of lines
                self._flooding.add(connection.id)
                _note(connection, name, ref, Code.RATE_LIMITED, started)
            return
        self._flooding.discard(connection.id)
        outcome: Code | None = None
        try:
            if not self._carry_out(connection, namespace, _spec(name, namespace), data, ref, started):
                return
        except Refused as refusal:
            outcome = refusal.code
            refuse(connection, namespace, ref, refusal)
        except Exception as fault:
            failure = Refused(Code.UNAVAILABLE, retry_after=1) if is_outage(fault) else Refused(Code.INTERNAL)
            outcome = failure.code
            log.exception("command_failed", command=name, connection_id=connection.id)
            refuse(connection, namespace, ref, failure)
        _note(connection, name, ref, outcome, started)

    def gone(self, connection: Connection) -> None:
        """The connection has ended."""
        self._packets.forget(connection.id)
        self._flooding.discard(connection.id)

    def _carry_out(
        self,
        connection: Connection,
        namespace: str,
        spec: CommandSpec,
        data: dict[str, Any],
        ref: Ref,
        started: float,
    ) -> bool:
        """Do it. Whether that was all: a send's outcome comes later."""
        values = validated(spec, data)
        if spec.name is Command.MESSAGE_SEND:
            self._send(connection, namespace, values, ref, started)
            return False
        self.apart(partial(self._operate, connection, namespace, spec, values, ref))
        return True

    def _operate(
        self, connection: Connection, namespace: str, spec: CommandSpec, values: dict[str, Any], ref: Ref
    ) -> None:
        if spec.name is Command.TOKEN_REFRESH:
            try:
                answer(connection, namespace, ref, self._refresh(connection, values["token"]))
            except PermissionError:
                connection.bye(Bye.BAD_PACKET)
            return
        actor = sessions.actor_of(connection.session_id)
        call = Call(connection, actor, lambda payload: _written(namespace, ref, payload))
        result = self._operations.table[spec.name](call, **values)
        if result is not None:
            answer(connection, namespace, ref, result)

    def _send(self, connection: Connection, namespace: str, values: dict[str, Any], ref: Ref, started: float) -> None:
        def reply(sent: Sent | Refused) -> None:
            if isinstance(sent, Refused):
                refuse(connection, namespace, ref, sent)
            elif ref is not None:
                duplicate = b"true" if sent.duplicate else b"false"
                payload = b'{"ok":true,"message":' + sent.payload + b',"duplicate":' + duplicate + b"}"
                connection.send(Ack(namespace, ref, payload))
            _note(connection, Command.MESSAGE_SEND, ref, sent.code if isinstance(sent, Refused) else None, started)

        self._sends.submit(connection, reply, **values)


def _note(connection: Connection, name: str, ref: Ref, outcome: Code | None, started: float) -> None:
    """One line for one command."""
    worklog.note(
        "command",
        started=started,
        command=name if name in COMMANDS else None,
        connection_id=connection.id,
        ref=ref,
        actor_id=connection.user_id,
        outcome="ok" if outcome is None else outcome.value,
    )


def validated(spec: CommandSpec, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a command. Raises invalid_payload with what is wrong in which field."""
    try:
        values: dict[str, Any] = spec.schema.load(data)
    except ValidationError as fault:
        fields = {str(name): _texts(faults) for name, faults in _by_field(fault).items()}
        raise Refused(Code.INVALID_PAYLOAD, fields=fields) from None
    return values


def answer(connection: Connection, namespace: str, ref: Ref, payload: dict[str, Any]) -> None:
    """Acknowledge with a result."""
    if ref is not None:
        connection.send(Ack.of(namespace, ref, {"ok": True} | payload))


def refuse(connection: Connection, namespace: str, ref: Ref, refusal: Refused) -> None:
    """Acknowledge with an error."""
    meters.REFUSED.add(1, refusal.code)
    if ref is not None:
        connection.send(Ack.of(namespace, ref, {"ok": False, "error": refusal.as_socket_error()}))


def _written(namespace: str, ref: Ref, payload: dict[str, Any]) -> Outgoing | Bundle:
    """An ack for who writes it himself; nothing where the client asked for none."""
    return Bundle([]) if ref is None else Ack.of(namespace, ref, payload)


def _spec(name: str, namespace: str) -> CommandSpec:
    spec = COMMANDS.get(name)
    if spec is None or namespace not in spec.namespaces:
        raise Refused(Code.UNKNOWN_COMMAND)
    meters.COMMANDS.add(1, name)
    return spec


def _by_field(fault: ValidationError) -> dict[Any, Any]:
    messages = fault.messages
    return messages if isinstance(messages, dict) else {"payload": messages}


def _texts(faults: Any) -> list[str]:
    if isinstance(faults, dict):
        return [text for nested in faults.values() for text in _texts(nested)]
    return [str(fault) for fault in faults] if isinstance(faults, list) else [str(faults)]
