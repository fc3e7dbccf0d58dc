"""Connecting fails closed, and says what kind of failure it was."""

from __future__ import annotations

from typing import Any

import pytest
from flask_socketio import ConnectionRefusedError as Refusal
from sqlalchemy.exc import OperationalError

from chatapp.transports.sio.namespaces import ChatNamespace


class Known(ChatNamespace):
    """Without a server behind it."""

    def _eio_sid(self, sid: str) -> str:
        return sid


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OperationalError("SELECT 1", {}, Exception("gone")), "unavailable"),
        (KeyError("planted"), "internal"),
        (TypeError("planted"), "internal"),
    ],
)
def test_whatever_goes_wrong_in_connecting_refuses(fault: Exception, code: str) -> None:
    def admit(*_: object) -> None:
        raise fault

    namespace = Known(admit, lambda *_: None)
    with pytest.raises(Refusal) as caught:
        namespace.trigger_event("connect", "sid", {"REMOTE_ADDR": "192.0.2.1"}, {"token": "any"})
    said: Any = caught.value.error_args
    assert said["message"] == said["data"]["code"] == code


def test_who_connects_is_named_by_sid_namespace_auth_and_address() -> None:
    admitted: list[tuple[object, ...]] = []
    left: list[tuple[object, ...]] = []
    namespace = Known(lambda *who: admitted.append(who), lambda *who: left.append(who))
    namespace.trigger_event("connect", "sid", {"REMOTE_ADDR": "192.0.2.1"}, {"token": "any"})
    namespace.trigger_event("disconnect", "sid", "client disconnect")
    assert admitted == [("sid", "/chat", {"token": "any"}, "192.0.2.1")]
    assert left == [("sid", "/chat")]


def test_what_is_neither_connect_nor_disconnect_reaches_no_handler() -> None:
    called: list[tuple[object, ...]] = []
    namespace = Known(lambda *who: called.append(who), lambda *who: called.append(who))
    namespace.trigger_event("eio_sid", "sid", {})
    assert called == []
