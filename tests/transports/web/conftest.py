"""Browsers without JavaScript: cookies and forms, as people without our scripts use the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.school import PASSWORD, Signed

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


_VOID = frozenset({"input", "img", "link", "meta"})


class _Texts(HTMLParser):
    """What a page says, and which elements and attributes it has."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.in_faces: list[tuple[str, str]] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        faces = [n for n, (_, attributes) in enumerate(self._open) if "data-face" in attributes]
        if faces and not any("hidden" in attributes for _, attributes in self._open[faces[0] + 1 :]):
            self.in_faces.append((str(self._open[faces[0]][1]["data-face"]), data))


@dataclass
class Reader:
    """A page as a browser parses it."""

    html: str

    def __post_init__(self) -> None:
        self._parsed = _Texts()
        self._parsed.feed(self.html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._parsed.texts))

    def shown(self, face: str, words: str) -> bool:
        """Whether a face of the room says something once it is the one that is shown."""
        return any(words in text for where, text in self._parsed.in_faces if where == face)

    @property
    def elements(self) -> list[tuple[str, dict[str, str | None]]]:
        return self._parsed.elements


@dataclass
class Visitor:
    """One browser at the school's pages."""

    client: FlaskClient

    def see(self, path: str = "/", status: int = 200) -> Reader:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return Reader(answer.text)

    def token(self, path: str = "/") -> str:
        """The CSRF token of the forms on a page."""
        found = TOKEN.search(self.client.get(path).text)
        assert found is not None
        return found[1]

    def submit(self, path: str, *, on: str = "/", headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        """Send a form of the page at `on`."""
        return self.client.post(path, data={"csrf_token": self.token(on), **fields}, headers=headers)

    def sign_in(self, person: Signed) -> Visitor:
        answer = self.submit("/sign-in/", username=person.actor.username, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return self


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A browser that is not signed in."""
    return Visitor(app.test_client())


@pytest.fixture
def teachers(app: Flask, teacher: Signed) -> Visitor:
    """The teacher's browser."""
    return Visitor(app.test_client()).sign_in(teacher)


@pytest.fixture
def students(app: Flask, student: Signed) -> Visitor:
    """The student's browser."""
    return Visitor(app.test_client()).sign_in(student)
