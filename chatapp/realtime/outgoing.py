"""What goes out, encoded once for each wire form and shared by all readers. Who gets it is decided elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

import orjson

T = TypeVar("T")

TEXT_FRAME = 0x81
"""FIN and opcode text of RFC 6455 section 5.2."""

_SHORT, _MEDIUM, _LONG = (struct.Struct(head).pack for head in ("!BB", "!BBH", "!BBQ"))


def text_frame(payload: bytes) -> bytes:
    """`payload` as one unmasked WebSocket text frame, as a server sends it (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return _SHORT(TEXT_FRAME, length) + payload
    if length < 65536:
        return _MEDIUM(TEXT_FRAME, 126, length) + payload
    return _LONG(TEXT_FRAME, 127, length) + payload


class once(Generic[T]):  # noqa: N801 — a decorator, like property
    """A property that is worked out once: functools' own takes a lock for that until Python 3.12, 1.5 us each time."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> once[T]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: object | None, kind: type) -> T | once[T]:
        if owner is None:
            return self
        made = owner.__dict__[self._name] = self._make(owner)
        return made


class Outgoing:
    """One thing on its way out, UTF-8: `sio` is a Socket.IO packet with Engine.IO's leading `4`, `ws` the same as the
    plain WebSocket's JSON."""

    sio: bytes
    ws: bytes

    @once
    def packet(self) -> str:
        """The Socket.IO packet without Engine.IO's leading `4`, for the library's own ways."""
        return self.sio[1:].decode()

    @once
    def sio_frame(self) -> bytes:
        """The whole WebSocket frame for a Socket.IO reader."""
        return text_frame(self.sio)

    @once
    def ws_frame(self) -> bytes:
        """The whole WebSocket frame for a reader of the plain WebSocket."""
        return text_frame(self.ws)

    @once
    def text(self) -> str:
        """The plain WebSocket's text."""
        return self.ws.decode()


class Event(Outgoing):
    """An event with its payload, already JSON (UTF-8 bytes of one object)."""

    def __init__(self, namespace: str, name: str, payload: bytes) -> None:
        self.namespace = namespace
        self.name = name
        self.payload = payload

    @classmethod
    def of(cls, namespace: str, name: str, data: Any) -> Event:
        """The event `name` carrying `data`, any JSON value."""
        return cls(namespace, name, orjson.dumps(data))

    @once
    def sio(self) -> bytes:
        return f'42{self.namespace},["{self.name}",'.encode() + self.payload + b"]"

    @once
    def ws(self) -> bytes:
        return f'{{"event":"{self.name}","data":'.encode() + self.payload + b"}"


class Ack(Outgoing):
    """The answer to one command: `ref` is Socket.IO's packet id, or the `ref` a plain WebSocket's client chose."""

    def __init__(self, namespace: str, ref: int | str, payload: bytes) -> None:
        self.namespace = namespace
        self.ref = ref
        self.payload = payload

    @classmethod
    def of(cls, namespace: str, ref: int | str, data: dict[str, Any]) -> Ack:
        """The ack of `ref` carrying `data`, which begins with `ok`."""
        return cls(namespace, ref, orjson.dumps(data))

    @once
    def sio(self) -> bytes:
        return f"43{self.namespace},{self.ref}[".encode() + self.payload + b"]"

    @once
    def ws(self) -> bytes:
        return b'{"ref":' + orjson.dumps(self.ref) + b"," + self.payload[1:]


class Bundle:
    """Several events in order, whose frames are joined once so that each reader costs one write."""

    def __init__(self, items: Sequence[Outgoing]) -> None:
        self.items = items

    @once
    def sio_frame(self) -> bytes:
        """All frames for a Socket.IO reader, back to back."""
        return b"".join([item.sio_frame for item in self.items])

    @once
    def ws_frame(self) -> bytes:
        """All frames for a reader of the plain WebSocket, back to back."""
        return b"".join([item.ws_frame for item in self.items])
