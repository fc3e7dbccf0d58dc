"""Deliveries are signed as Standard Webhooks says."""

import json

import pytest

from chatapp.contract import hooks


def test_the_signature_is_that_of_the_specifications_example() -> None:
    made = hooks.headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert made["webhook-timestamp"] == "1614265330"
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_another_body_time_id_or_secret_has_another_signature() -> None:
    secret = hooks.new_secret()
    first = hooks.headers(secret, "a", 1, b"{}")["webhook-signature"]
    others = [
        hooks.headers(secret, "a", 1, b"{ }"),
        hooks.headers(secret, "a", 2, b"{}"),
        hooks.headers(secret, "b", 1, b"{}"),
        hooks.headers(hooks.new_secret(), "a", 1, b"{}"),
    ]
    assert first == hooks.headers(secret, "a", 1, b"{}")["webhook-signature"]
    assert len({first, *(each["webhook-signature"] for each in others)}) == 5


def test_what_is_no_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="secret"):
        hooks.headers("whsec_?", "a", 1, b"{}")


def test_the_type_says_what_happened() -> None:
    text = {"type": "text", "code": None, "created_at": "now", "seq": 2}
    joined = {"type": "system", "code": "participant_joined", "created_at": "now", "seq": 3}
    assert json.loads(hooks.event(text)) == {"type": "message.text", "timestamp": "now", "data": text}
    assert json.loads(hooks.event(joined))["type"] == "system.participant_joined"
