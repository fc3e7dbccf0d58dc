"""Who is at the door: tokens made and tokens believed, once for HTTP and sockets. What somebody may do is the domain's.

A token only names a session; whether that is good, whose it is and in which role is asked of the database each time.
"""

from __future__ import annotations

import base64
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import Flask, Request, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from jwt.algorithms import HMACAlgorithm

from chatapp.contract.scopes import PREFIX, Scope
from chatapp.db import now
from chatapp.domain import api_tokens, sessions, tickets, workers
from chatapp.domain.actor import Actor
from config import Settings

ALGORITHM = "HS256"
ISSUER = "chatapp"
AUDIENCE = "chatapp"
ACCESS, REFRESH = "access", "refresh"
MAX_CHARS = 4096

CLOCKS_APART = timedelta(seconds=2 * workers.CLOCK_TOLERANCE_SECONDS)
"""So far two workers' clocks may differ: what one has just issued is not from the future for the other."""

_EXTENSION = "chatapp.auth"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is there, and until when (Unix time in seconds) the credential says so."""

    actor: Actor
    expires_at: float
    scopes: frozenset[Scope] | None = None
    """What a program may do; None: all that its user may."""


class Auth:
    """The door of one app. Its methods may be called with and without a request."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._access_seconds = settings.access_token_seconds
        self._key = _key(settings.jwt_secret_key)
        self._seen: dict[str, datetime] = {}
        app.config.update(
            JWT_SECRET_KEY=settings.jwt_secret_key,
            JWT_ALGORITHM=ALGORITHM,
            JWT_DECODE_ALGORITHMS=[ALGORITHM],
            JWT_ENCODE_ISSUER=ISSUER,
            JWT_DECODE_ISSUER=ISSUER,
            JWT_ENCODE_AUDIENCE=AUDIENCE,
            JWT_DECODE_AUDIENCE=AUDIENCE,
            JWT_TOKEN_LOCATION=["headers"],
            JWT_COOKIE_CSRF_PROTECT=False,  # no token of ours is ever in a cookie
            JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_token_seconds),
            JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings.refresh_token_seconds),
            JWT_DECODE_LEEWAY=CLOCKS_APART,
        )
        JWTManager(app)
        app.extensions[_EXTENSION] = self

    def authenticate(self, token: object) -> Identity:
        """Who holds this access token. Raises unauthorized for whatever is wrong with it, its session or its user."""
        claims = self._claims(token, ACCESS)
        standing = sessions.resolve(claims["sid"])
        if standing.actor.user_id != claims["sub"]:
            raise sessions.unauthorized()
        self.note_seen(standing)
        return Identity(standing.actor, min(float(claims["exp"]), standing.expires_at.timestamp()))

    def authenticate_request(self, request: Request) -> Identity:
        """Who sends this request, by its Authorization header alone: cookies and the query are no credentials here. API
        tokens are taken here and nowhere else."""
        token = bearer(request)
        if not token.startswith(PREFIX):
            return self.authenticate(token)
        standing, scopes = api_tokens.resolve(token)
        self.note_seen(standing)
        return Identity(standing.actor, standing.expires_at.timestamp(), scopes)

    def authenticate_connect(self, auth: object) -> Identity:
        """Who opens a socket, by `{token}` or `{ticket}`. Raises unauthorized for everything else."""
        if not isinstance(auth, dict) or len(auth) != 1:
            raise sessions.unauthorized()
        if "ticket" in auth:
            return self.authenticate_ticket(auth["ticket"])
        return self.authenticate(auth.get("token"))

    def authenticate_ticket(self, ticket: object) -> Identity:
        """Who got this ticket. It is used up, and good for as long as a new access token would be."""
        if not isinstance(ticket, str):
            raise sessions.unauthorized()
        standing = tickets.use(ticket)
        self.note_seen(standing)
        return Identity(standing.actor, min(time.time() + self._access_seconds, standing.expires_at.timestamp()))

    def tokens(self, opened: sessions.Opened) -> dict[str, Any]:
        """The pair for a session that was just opened or renewed: Tokens."""
        with self._app.app_context():
            refresh = create_refresh_token(
                opened.user["id"],
                expires_delta=opened.expires_at - datetime.now(UTC),
                additional_claims={"sid": opened.session_id, "jti": opened.refresh_id},
            )
        return {"user": opened.user, "refresh_token": refresh} | self._access(
            opened.user["id"], opened.session_id, opened.expires_at
        )

    def access(self, session_id: str) -> dict[str, Any]:
        """An access token for a session: `{access_token, expires_in}`. For whoever has proved to hold the session.
        Raises unauthorized when it has ended meanwhile."""
        standing = sessions.resolve(session_id)
        return self._access(standing.actor.user_id, session_id, standing.expires_at)

    def _access(self, user_id: str, session_id: str, session_ends: datetime) -> dict[str, Any]:
        left = math.ceil((session_ends - datetime.now(UTC)).total_seconds())
        seconds = max(1, min(self._access_seconds, left))
        with self._app.app_context():
            token = create_access_token(
                user_id, expires_delta=timedelta(seconds=seconds), additional_claims={"sid": session_id}
            )
        return {"access_token": token, "expires_in": seconds}

    def refresh(self, token: object) -> dict[str, Any]:
        """A new pair for a refresh token. Raises unauthorized; a used one ends its session."""
        claims = self._claims(token, REFRESH)
        return self.tokens(sessions.refresh(session_id=claims["sid"], refresh_id=claims["jti"]))

    def note_seen(self, standing: sessions.Standing) -> None:
        """This session is in use. It is written down with the others', by `write_seen`: a class that comes in must not
        wait for the disk thirty times for a date."""
        if sessions.is_stale(standing):
            self._seen[standing.actor.session_id] = now()

    def write_seen(self) -> None:
        """Write down which sessions were in use. Raises what the database raises; then these are forgotten."""
        seen, self._seen = self._seen, {}
        if seen:
            sessions.were_seen(seen)

    def _claims(self, token: object, kind: str) -> dict[str, Any]:
        """The claims of a token that we made ourselves. Its header may say nothing but what ours say: a key, an address
        of keys or an extension in it is somebody else's idea.

        PyJWT, which Flask-JWT-Extended stands on, is asked directly: that would read the token three times over.
        """
        if not isinstance(token, str) or not 0 < len(token) <= MAX_CHARS:
            raise sessions.unauthorized()
        try:
            read = jwt.decode_complete(
                token, self._key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, leeway=CLOCKS_APART
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as fault:
            raise sessions.unauthorized() from fault
        if read["header"] != {"alg": ALGORITHM, "typ": "JWT"}:
            raise sessions.unauthorized()
        claims: dict[str, Any] = read["payload"]
        named = all(isinstance(claims.get(name), str) for name in ("sub", "sid", "jti"))
        if claims.get("type") != kind or not named or not isinstance(claims.get("exp"), int):
            raise sessions.unauthorized()
        if claims["exp"] <= time.time():  # the leeway is for what begins, not for what ends
            raise sessions.unauthorized()
        return claims


class _JudgedOnce(HMACAlgorithm):
    """HS256 whose key has been looked at: that it is no public key in disguise takes PyJWT 40 us at every token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


def _key(secret: str) -> jwt.PyJWK:
    """Our key, bound to our algorithm. Raises jwt.InvalidKeyError for what is no secret."""
    judged = HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    key = jwt.PyJWK({"kty": "oct", "k": base64.urlsafe_b64encode(judged).decode()}, ALGORITHM)
    key.Algorithm = _JudgedOnce(HMACAlgorithm.SHA256)
    return key


def current() -> Auth:
    """The door of the app that handles the current request."""
    door: Auth = current_app.extensions[_EXTENSION]
    return door


def bearer(request: Request) -> str:
    """The token in a request's Authorization header. Raises unauthorized where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise sessions.unauthorized()
    return token.strip()
