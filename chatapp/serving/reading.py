"""Waits for what a client says, without telling the kernel each time that one waits.

eventlet's sockets try to receive, are told that nothing is there, register with epoll, set an alarm, and take both back
when something has come: four system calls and a timer a message. A WebSocket is waited for all its life, so it stays
registered. Tried with eventlet 0.41.3.
"""

from __future__ import annotations

import time
from typing import Any

from eventlet.greenio.base import SOCKET_CLOSED
from eventlet.greenthread import getcurrent
from eventlet.hubs import get_hub


class Reading:
    """The reading side of a green socket: nothing else may read from it until `stop`."""

    __slots__ = ("_alarm", "_listener", "_receive", "_since", "_socket", "_waiting")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._receive = sock.fd.recv
        self._waiting: Any = None
        self._listener: Any = None
        self._alarm: Any = None
        self._since = 0.0

    def receive(self, count: int) -> bytes:
        """At most `count` bytes, b"" at the end. Waits first: who has just been answered has seldom said more yet.

        Raises TimeoutError after the socket's time without anything, OSError.
        """
        while True:
            self._wait()
            try:
                data: bytes = self._receive(count)
            except BlockingIOError:
                continue
            except OSError as fault:
                if fault.errno in SOCKET_CLOSED:
                    return b""
                raise
            return data

    def stop(self) -> None:
        """Let others read."""
        self._unregister()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _wait(self) -> None:
        hub = get_hub()
        if self._listener is None:
            self._listener = hub.add(hub.READ, self._socket.fileno(), self._ready, self._throw, self._gone)
        self._since = time.monotonic()
        if self._alarm is None and (patience := self._socket.gettimeout()) is not None:
            self._alarm = hub.schedule_call_global(patience, self._look_at_the_clock)
        self._waiting = getcurrent()
        try:
            hub.switch()
        finally:
            self._waiting = None

    # Called by the hub

    def _ready(self, _: int) -> None:
        if self._waiting is None:
            self._unregister()  # its reader is busy, and would be called about this again and again
        else:
            self._waiting.switch()

    def _throw(self, fault: BaseException) -> None:
        if self._waiting is not None:
            self._waiting.throw(fault)

    def _gone(self) -> None:
        self._listener = None
        self._socket._mark_as_closed()

    def _look_at_the_clock(self) -> None:
        """One alarm for many waits: it is set anew for what is left of the last one."""
        self._alarm = None
        patience = self._socket.gettimeout()
        if self._waiting is None or patience is None:
            return
        left = self._since + patience - time.monotonic()
        if left > 0:
            self._alarm = get_hub().schedule_call_global(left, self._look_at_the_clock)
        else:
            self._waiting.throw(TimeoutError("timed out"))

    def _unregister(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            get_hub().remove(listener)
