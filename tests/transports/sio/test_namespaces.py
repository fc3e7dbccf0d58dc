"""Connecting fails closed, and says what kind of failure it was."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_socketio import ConnectionRefusedError as Refusal
from sqlalchemy.exc import OperationalError

from chatapp.transports.sio.namespaces import ChatNamespace


class Known(ChatNamespace):
    """Without a server behind it."""

    def _eio_sid(self) -> str:
        return "sid"


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
    with Flask("none").test_request_context(), pytest.raises(Refusal) as caught:
        namespace.on_connect({"token": "any"})
    said: Any = caught.value.error_args
    assert said["message"] == said["data"]["code"] == code
