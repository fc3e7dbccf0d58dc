"""The people of a test school: put into its database at once, each with a password and a session, so that a class of
thirty costs nothing. Who wants to test signing in signs in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any, Self

import jwt
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from chatapp.contract.texts import username_key
from chatapp.contract.words import Role
from chatapp.models import SignIn, User
from tests.support.clients.rest import Rest
from tests.support.tokens import access_token

PASSWORD = "a-password-for-tests"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Enrolled:
    """Who somebody is, known beforehand: ids follow from the name."""

    role: str
    number: int

    @property
    def username(self) -> str:
        return f"{self.role}-{self.number}"

    @property
    def display_name(self) -> str:
        return f"{self.role.capitalize()} {self.number}"

    @property
    def id(self) -> str:
        return _id("user", self.username)

    @property
    def session_id(self) -> str:
        return _id("session", self.username)

    @property
    def user(self) -> dict[str, Any]:
        """The User of the contract."""
        return {"id": self.id, "username": self.username, "display_name": self.display_name, "role": self.role}


def _id(kind: str, name: str) -> str:
    digest = hashlib.sha256(f"{kind} {name}".encode()).digest()
    return "".join(_ALPHABET[byte % 32] for byte in digest[:20])


@cache
def _password_hash() -> str:
    return PasswordHasher().hash(PASSWORD)


def enrol(database_url: str, people: Iterable[Enrolled]) -> None:
    """Add `people`, each with a session that is good for a day."""
    password_hash = _password_hash()
    now = datetime.now(UTC)
    engine = create_engine(database_url)
    people = list(people)
    with Session(engine) as session:
        if engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA busy_timeout = 10000"))  # a server may be writing
        session.add_all(
            User(
                id=one.id,
                username=one.username,
                username_key=username_key(one.username),
                display_name=one.display_name,
                password_hash=password_hash,
                role=Role(one.role).value,
                created_at=now,
            )
            for one in people
        )
        session.flush()
        session.add_all(
            SignIn(
                id=one.session_id,
                user_id=one.id,
                refresh_id=_id("refresh", one.username),
                device="tests",
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(days=1),
            )
            for one in people
        )
        session.commit()
    engine.dispose()


class Person:
    """Somebody of the school at `url`, with a token at hand. `user` is the User of the contract."""

    def __init__(self, url: str, user: dict[str, Any], token: str, password: str = PASSWORD) -> None:
        self.url = url
        self.user = user
        self.id = str(user["id"])
        self.username = str(user["username"])
        self.password = password
        self.token = token

    @classmethod
    def enrolled(cls, url: str, who: Enrolled, jwt_secret: str) -> Self:
        """One whom `enrol` has put into the database."""
        return cls(url, who.user, access_token(jwt_secret, who.id, who.session_id))

    @classmethod
    def registered(cls, url: str, username: str, password: str, display_name: str) -> Self:
        """A newcomer, by the front door."""
        made = Rest(url).register(username, password, display_name=display_name).ok(201)
        return cls(url, made["user"], made["access_token"], password)

    @classmethod
    def signed_in(cls, url: str, username: str, password: str) -> Self:
        """One who has an account, by the front door."""
        made = Rest(url).login(username, password).ok(200)
        return cls(url, made["user"], made["access_token"], password)

    def __repr__(self) -> str:
        return f"<{self.username}>"

    @property
    def session_id(self) -> str:
        """The session that the token names."""
        return str(jwt.decode(self.token, options={"verify_signature": False})["sid"])

    @cached_property
    def rest(self) -> Rest:
        """The person's own REST client."""
        return Rest(self.url, lambda: self.token)

    def sign_in(self) -> dict[str, Any]:
        """Sign in once more, as on another device: the answer, with the new session's tokens."""
        credentials = {"username": self.username, "password": self.password}
        return dict(self.rest.call("POST", "/api/auth/login/", credentials, token="").ok(200))
