"""The door: a credential that is not ours, expired, ended or of another kind is unauthorized, over HTTP and sockets."""

import base64
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import update

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Role
from chatapp.db import now, transaction
from chatapp.domain import accounts, sessions, tickets
from chatapp.domain.actor import OPERATOR
from chatapp.models import SignIn, User
from chatapp.transports import auth
from chatapp.transports.auth import Auth
from config import Settings
from tests.support.school import KEYS, Api, School, Signed
from tests.support.tokens import access_token, claims

KEY = KEYS["JWT_SECRET_KEY"]


@pytest.fixture
def door(app: Flask) -> Auth:
    auth: Auth = app.extensions["chatapp.auth"]
    return auth


def refuses(door: Auth, token: Any) -> bool:
    """Whether the door refuses `token`, both ways in."""
    said = []
    for ask in (door.authenticate, lambda value: door.authenticate_connect({"token": value})):
        try:
            ask(token)
        except Refused as refused:
            said.append(refused.code)
    assert said in ([], [Code.UNAUTHORIZED, Code.UNAUTHORIZED])
    return bool(said)


def forged(header: dict[str, Any], body: dict[str, Any], key: str = KEY) -> str:
    """A token that a library would not make, with a good HS256 signature of `key`."""

    def segment(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).decode().rstrip("=")

    signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(body).encode())}"
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed.encode(), key.encode())
    return f"{signed}.{segment(signature)}"


def own(student: Signed, **changes: Any) -> dict[str, Any]:
    return claims(student.id, student.actor.session_id, **changes)


def test_our_own_token_opens(door: Auth, student: Signed, settings: Settings) -> None:
    before = time.time()
    identity = door.authenticate(student.tokens["access_token"])
    assert identity.actor == student.actor
    assert before + settings.access_token_seconds - 5 < identity.expires_at < before + settings.access_token_seconds + 5
    assert not refuses(door, access_token(KEY, student.id, student.actor.session_id))
    assert not refuses(door, forged({"alg": "HS256", "typ": "JWT"}, own(student)))


def test_our_tokens_and_the_tests_own_have_the_same_claims(student: Signed) -> None:
    made = jwt.decode(student.tokens["access_token"], options={"verify_signature": False})
    assert made.keys() == own(student).keys()


@pytest.mark.parametrize(
    "token", [None, "", 1, 1.5, True, [], {}, b"bytes", "x", "a.b.c", "..", "\ud800", "é.é.é", "x" * 10_240]
)
def test_what_is_no_token_is_refused(door: Auth, token: object) -> None:
    assert refuses(door, token)


@pytest.mark.parametrize("key", ["", "changeme", "secret", KEYS["SECRET_KEY"], KEY + " "])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_key_is_refused(door: Auth, student: Signed, key: str) -> None:
    assert refuses(door, forged({"alg": "HS256", "typ": "JWT"}, own(student), key))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_is_refused(door: Auth, student: Signed, algorithm: str) -> None:
    assert refuses(door, jwt.encode(own(student), KEY, algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "RS256", "HS512", "ES256", "", None, 1, ["HS256"]])
def test_a_header_that_names_another_algorithm_is_refused(door: Auth, student: Signed, algorithm: object) -> None:
    assert refuses(door, forged({"alg": algorithm, "typ": "JWT"}, own(student)))
    unsigned = forged({"alg": algorithm, "typ": "JWT"}, own(student)).rpartition(".")[0] + "."
    assert refuses(door, unsigned)


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"crit": []},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/cert"},
        {"kid": "../../dev/null"},
        {"typ": "JWS"},
    ],
)
def test_a_header_with_ideas_of_its_own_is_refused_and_fetches_nothing(
    door: Auth, student: Signed, extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise AssertionError("a token made us connect somewhere")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    assert refuses(door, forged({"alg": "HS256", "typ": "JWT"} | extra, own(student)))


CHANGES: dict[str, Callable[[Signed, Signed], dict[str, Any]]] = {
    "a refresh token": lambda me, other: {"type": "refresh"},
    "a token of an unknown type": lambda me, other: {"type": "page"},
    "an integer subject": lambda me, other: {"sub": 1},
    "no subject": lambda me, other: {"sub": None},
    "another user's session": lambda me, other: {"sid": other.actor.session_id},
    "another user's subject": lambda me, other: {"sub": other.id},
    "no session": lambda me, other: {"sid": None},
    "an integer session": lambda me, other: {"sid": 7},
    "an unknown session": lambda me, other: {"sid": "a" * 20},
    "an unknown user": lambda me, other: {"sub": "a" * 20},
    "no id": lambda me, other: {"jti": None},
    "no end": lambda me, other: {"exp": None},
    "an end in the past": lambda me, other: {"exp": int(time.time()) - 1},
    "a fractional end": lambda me, other: {"exp": time.time() + 60.5},
    "an end in words": lambda me, other: {"exp": "tomorrow"},
    "a beginning in the future": lambda me, other: {"nbf": int(time.time()) + 60},
    "another issuer": lambda me, other: {"iss": "other-school"},
    "no issuer": lambda me, other: {"iss": None},
    "another audience": lambda me, other: {"aud": "other-school"},
    "no audience": lambda me, other: {"aud": None},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_claim_that_is_not_ours_is_refused(door: Auth, school: School, what: str) -> None:
    me, other = school.student(), school.student()
    token = access_token(KEY, me.id, me.actor.session_id, **CHANGES[what](me, other))
    assert refuses(door, token)
    assert not refuses(door, access_token(KEY, me.id, me.actor.session_id))


def test_the_role_is_asked_of_the_database(door: Auth, student: Signed) -> None:
    token = access_token(KEY, student.id, student.actor.session_id, role="admin")
    assert door.authenticate(token).actor.role is Role.STUDENT
    with transaction() as tx:
        tx.session.execute(update(User).where(User.id == student.id).values(role="teacher"))
    assert door.authenticate(token).actor.role is Role.TEACHER


def test_an_edited_claim_breaks_the_signature(door: Auth, student: Signed) -> None:
    head, _, signature = student.tokens["access_token"].split(".")
    body = base64.urlsafe_b64encode(json.dumps(own(student, role="teacher")).encode()).decode().rstrip("=")
    assert refuses(door, f"{head}.{body}.{signature}")


def test_nothing_opened_by_a_session_outlasts_it(door: Auth, student: Signed) -> None:
    held = own(student)["sid"]
    assert door.access(held)["expires_in"] == 3600
    assert door.authenticate(student.tokens["access_token"]).expires_at > time.time() + 3000
    ends = now() + timedelta(seconds=30)
    with transaction() as tx:
        tx.session.execute(update(SignIn).where(SignIn.id == held).values(expires_at=ends))
    assert door.authenticate(student.tokens["access_token"]).expires_at == ends.timestamp()
    fresh = door.access(held)
    assert 0 < fresh["expires_in"] <= 30
    assert jwt.decode(fresh["access_token"], options={"verify_signature": False})["exp"] <= ends.timestamp() + 1


def test_a_token_expires(door: Auth, student: Signed) -> None:
    with time_machine.travel(now() + timedelta(minutes=59)):
        assert not refuses(door, student.tokens["access_token"])
    with time_machine.travel(now() + timedelta(minutes=61)):
        assert refuses(door, student.tokens["access_token"])


def test_a_token_from_a_worker_whose_clock_is_a_little_ahead_opens(
    app: Flask, school: School, door: Auth, settings: Settings
) -> None:
    """It is issued in this worker's future. It ends at its end all the same."""
    with time_machine.travel(now() + timedelta(seconds=20)):
        student = school.student()
    assert not refuses(door, student.tokens["access_token"])
    end = jwt.decode(student.tokens["access_token"], options={"verify_signature": False})["exp"]
    with time_machine.travel(end - 1.0, tick=False):
        assert not refuses(door, student.tokens["access_token"])
    with time_machine.travel(end + 0.0, tick=False):
        assert refuses(door, student.tokens["access_token"])


def test_a_session_that_ended_opens_nothing(door: Auth, student: Signed) -> None:
    assert not refuses(door, student.tokens["access_token"])
    sessions.logout(student.actor)
    assert refuses(door, student.tokens["access_token"])


def test_a_deactivated_user_opens_nothing(door: Auth, student: Signed) -> None:
    assert not refuses(door, student.tokens["access_token"])
    accounts.deactivate(OPERATOR, user_id=student.id)
    assert refuses(door, student.tokens["access_token"])


@pytest.mark.parametrize(
    "auth", [None, "", "x", 1, [], {}, {"token": None}, {"Token": "x"}, {"ticket": None}, {"ticket": 1}]
)
def test_what_is_no_connect_auth_is_refused(door: Auth, auth: object) -> None:
    with pytest.raises(Refused) as caught:
        door.authenticate_connect(auth)
    assert caught.value.code is Code.UNAUTHORIZED


def test_two_credentials_at_once_are_refused(door: Auth, student: Signed) -> None:
    ticket = tickets.create(student.actor)["ticket"]
    with pytest.raises(Refused):
        door.authenticate_connect({"token": student.tokens["access_token"], "ticket": ticket})
    assert door.authenticate_connect({"ticket": ticket}).actor == student.actor


def test_a_ticket_opens_once_for_as_long_as_a_token_would(door: Auth, student: Signed, settings: Settings) -> None:
    ticket = tickets.create(student.actor)["ticket"]
    identity = door.authenticate_connect({"ticket": ticket})
    assert identity.actor == student.actor
    assert abs(identity.expires_at - time.time() - settings.access_token_seconds) < 5
    with pytest.raises(Refused):
        door.authenticate_connect({"ticket": ticket})


@pytest.mark.parametrize(
    "header",
    ["{}", "Token {}", "Basic {}", "Bearer", "Bearer ", "Bearer {} {}", "Bearer {}, Bearer {}", "Bearer\u00a0{}"],
)
def test_only_a_bearer_in_the_authorization_header_counts(api: Api, student: Signed, header: str) -> None:
    token = student.tokens["access_token"]
    api.get("/api/users/me/", headers={"Authorization": header.replace("{}", token)}).refused("unauthorized")
    api.get("/api/users/me/", headers={"Authorization": f"bearer {token}"}).ok()


def test_cookies_and_queries_are_no_credentials(app: Flask, api: Api, student: Signed) -> None:
    token = student.tokens["access_token"]
    answer = api.get(f"/api/users/me/?token={token}")
    assert answer.refused("unauthorized") and answer.headers["WWW-Authenticate"] == "Bearer"
    client = app.test_client()
    for name in ("access_token_cookie", "access_token", "token", "chatapp", "__Host-chatapp"):
        client.set_cookie(name, token)
    assert client.get("/api/users/me/").status_code == 401
    assert client.get(f"/api/users/me/?jwt={token}").status_code == 401
    assert api.as_(student).get(f"/api/users/me/?token={token}").ok() == student.user


def test_last_seen_follows_the_requests(api: Api, door: Auth, student: Signed) -> None:
    def last_seen() -> str:
        return str(api.as_(student).get("/api/auth/sessions/").ok()["items"][0]["last_seen_at"])

    first = last_seen()
    with time_machine.travel(now() + timedelta(seconds=90)):
        last_seen()
        door.write_seen()
        assert last_seen() > first


def test_a_public_key_in_disguise_and_an_empty_one_are_no_secret_of_ours() -> None:
    """It is looked at once, at the start, and no more at every token."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    for secret in (pem, ""):
        with pytest.raises(jwt.InvalidKeyError):
            auth._key(secret)
    assert auth._key("a secret as long as it ought to be, at least").algorithm_name == "HS256"
